# One target per verb. `make help` explains them; CI calls the same targets.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP_VERSION := 26.3
DATASETS := .local/datasets
DATASET := $(DATASETS)/procedural-64
HELDOUT := $(DATASETS)/procedural-64-heldout
INDEX := .local/indexes/procedural-64
RUN := .local/runs/stylegan-64
WEIGHTS := $(RUN)/generator.safetensors
SHIPPED := training/weights/stylegan-64.safetensors
# Of our weights that learnt from our public-domain (CC0-1.0) faces alone: THIRD_PARTY_NOTICES.md.
LICENCE := Apache-2.0
# What `make up` serves and `make audit` draws with.
MODELS ?= models

# Python compiles what it imports; to compile all that is installed takes a third of the installation's time.
export PIP_NO_COMPILE := 1

.PHONY: help
help: ## Show this help
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sort | sed -E 's/:.*## /\t/' | \
	  awk -F '\t' '{ printf "  %-18s %s\n", $$1, $$2 }'

## ---- environments -------------------------------------------------------------------------------

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet "pip==$(PIP_VERSION)"

# What serving needs: no torch.
$(VENV)/.local-group: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[cli]' --group local
	@touch $@

# Everything: training, tests, linters.
$(VENV)/.dev-group: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[cli]' --group dev
	$(BIN)/python -m pip install --quiet --no-deps --group test-reference
	@touch $@ $(VENV)/.local-group

.PHONY: setup setup-dev kernels triton lock
# Side by side: pip waits for the network while the compiler computes.
setup: | $(BIN)/python ## Install what serving on this machine needs (no torch)
	@$(MAKE) --no-print-directory --jobs=2 kernels triton
kernels: | $(BIN)/python
	@$(BIN)/python -m animegan_kernels
triton: $(VENV)/.local-group
	@$(BIN)/python -m deploy.local install
setup-dev: $(VENV)/.dev-group setup ## Install everything: training, tests, linters
lock: $(VENV)/.dev-group ## Write constraints.txt, the exact version of every package, from .venv
	$(BIN)/python -m pip freeze --exclude-editable | sed 's/+cpu$$//' > constraints.txt

## ---- the main job -------------------------------------------------------------------------------

.PHONY: demo up down status monitoring
demo: setup ## Draw 64 faces over gRPC into out/demo, enlarge them, find their nearest training images
	@$(BIN)/python -m demo
up: setup ## Start Triton, the services and their supervisor in the background
	@$(BIN)/python -m deploy.local up --models $(MODELS)
down: $(VENV)/.local-group ## Stop what `make up` started, after draining
	@$(BIN)/python -m deploy.local down
status: $(VENV)/.local-group ## Show what runs, its health and its addresses
	@$(BIN)/python -m deploy.local status
monitoring: $(VENV)/.local-group ## Start Prometheus and Alertmanager, with the cluster's rules, beside `make up`
	@$(BIN)/python -m deploy.local monitoring

## ---- checks -------------------------------------------------------------------------------------

.PHONY: test check-c check-bare lint format protos client release-protos k8s-check
test: setup-dev lint k8s-check ## Set up and pass every test
	$(BIN)/python -m pytest -n 3 --dist loadfile
	$(MAKE) --no-print-directory train-smoke
# docs/operations/safety.md
check-c: $(VENV)/.dev-group triton ## Try 100,000 bad inputs on the C, and run it in Triton with sanitizers (five minutes)
	$(BIN)/python -m tests.fuzz
	$(BIN)/python -m tests.sanitized address --quiet
	$(BIN)/python -m tests.sanitized thread --quiet
# BARE=demo for the demo only; FLAGS="--roots trixie --keep".
BARE ?= demo test
check-bare: ## As root: both commands on bare roots of Debian 12 and 13, made for it (half an hour)
	$(PYTHON) tests/system/check_bare.py $(BARE) $(FLAGS)
lint: $(VENV)/.dev-group ## Check style, types, import rules, what is generated and the protos
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python animegan_client/generate_sync.py --check
	$(BIN)/buf lint protos
	$(BIN)/buf breaking protos --against protos/released.binpb
k8s-check: $(VENV)/.dev-group ## Build and check what Kubernetes and Prometheus are given; no cluster is needed
	$(BIN)/python -m deploy.k8s.checks
format: $(VENV)/.dev-group ## Format the code
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format --quiet .
protos: $(VENV)/.dev-group ## Generate the Python code of the protos again
	PYTHON=$(BIN)/python protos/generate.sh
client: $(VENV)/.dev-group ## Write the synchronous clients again, from the asyncio ones
	$(BIN)/python animegan_client/generate_sync.py
release-protos: $(VENV)/.dev-group ## Make the API as it is now the one that must not be broken
	$(BIN)/buf build protos --output protos/released.binpb

## ---- training -----------------------------------------------------------------------------------

.PHONY: dataset demo-faces index train evaluate export ship-weights audit
dataset: $(VENV)/.dev-group ## Render the default dataset: 20,000 faces and 2,000 held-out ones (about 10 minutes)
	$(BIN)/anime-gan dataset render --out $(DATASET) --count 20000 --size 64
	$(BIN)/anime-gan dataset render --out $(HELDOUT) --count 2000 --size 64 --first-seed 1000000
demo-faces: $(VENV)/.dev-group ## Draw the pictures that the repository holds for the demo's index (half a minute)
	$(BIN)/python -m training.index.demonstration draw
index: $(VENV)/.dev-group dataset ## Make the default index for exact search by SSIM, calibrated (two minutes; the dataset first)
	$(BIN)/anime-gan index build --dataset $(DATASET) --heldout $(HELDOUT) --out $(INDEX)
train: $(VENV)/.dev-group dataset ## Train the default StyleGAN2 (an hour or two on two cores); resumes
	$(BIN)/anime-gan train --preset stylegan-64-cpu --dataset $(DATASET) --run $(RUN)
evaluate: $(VENV)/.dev-group ## Measure what `make train` has learnt: distances, variety, smoothness, copies
	$(BIN)/anime-gan evaluate --weights $(WEIGHTS) --dataset $(HELDOUT) --training $(DATASET) --record --drop-noise
export: $(VENV)/.dev-group ## Export it to ONNX as a new version in .local/models (MODELS=.local/models serves it)
	$(BIN)/anime-gan export --weights $(WEIGHTS) --models .local/models --name stylegan --drop-noise --licence $(LICENCE)
	cp -r models/ssim_search models/ssim_index models/copy_detector models/copy_search .local/models/
# The only target that writes the weights and models that git knows, those of the other networks apart.
ship-weights: $(VENV)/.dev-group evaluate ## Maintainers: make what was learnt and measured the repository's own default model
	cp $(WEIGHTS) $(SHIPPED)
	$(BIN)/anime-gan export --weights $(SHIPPED) --models models --name stylegan --drop-noise --licence $(LICENCE)
$(INDEX)/manifest.json:
	$(MAKE) --no-print-directory index
audit: $(VENV)/.dev-group | $(INDEX)/manifest.json ## Are 25 faces of the default model new? -> out/audit/report.html
	$(BIN)/anime-gan audit --models $(MODELS) --index $(INDEX) --out out/audit

.PHONY: models-waifu2x
models-waifu2x: $(VENV)/.dev-group ## Convert waifu2x's networks to models/ (all; FLAGS="--methods cunet --noise -1 1" for some)
	$(BIN)/anime-gan waifu2x --models models $(FLAGS)

COPIES_RUN := .local/runs/copies-64
COPIES_WEIGHTS := training/weights/copies-64.safetensors

.PHONY: train-copies ship-copies export-copies evaluate-copies index-copies
train-copies: $(VENV)/.dev-group dataset ## Train the copy detector (half an hour on one core); resumes
	$(BIN)/anime-gan copies train --dataset $(DATASET) --run $(COPIES_RUN)
ship-copies: ## Maintainers: make what was learnt the repository's own; then `make export-copies`
	cp $(COPIES_RUN)/detector.safetensors $(COPIES_WEIGHTS)
export-copies: $(VENV)/.dev-group ## Maintainers: export the copy detector to ONNX as a new version in models/
	$(BIN)/anime-gan copies export --weights $(COPIES_WEIGHTS) --models models --licence $(LICENCE)
evaluate-copies: $(VENV)/.dev-group dataset ## Plant copies and count how many are found, beside SSIM and others
	$(BIN)/anime-gan copies evaluate --dataset $(DATASET) --unseen $(HELDOUT) --show 10 --out docs/similarity/copies/procedural
index-copies: $(VENV)/.dev-group index ## Embed the default index for the search for changed copies
	$(BIN)/anime-gan copies index .local/indexes/procedural-64

# Its networks are too small to draw faces: it shows that every step works and fits the next one.
SMOKE := .local/train-smoke

.PHONY: train-smoke
train-smoke: setup-dev ## The whole way with tiny networks: render, train, measure, export, serve (two minutes)
	rm -rf $(SMOKE)
	$(BIN)/anime-gan dataset render --out $(SMOKE)/dataset --count 512 --size 16
	$(BIN)/anime-gan dataset render --out $(SMOKE)/heldout --count 200 --size 16 --first-seed 1000000
	$(BIN)/anime-gan train --preset stylegan-16-tiny --dataset $(SMOKE)/dataset --run $(SMOKE)/run --threads 1
	$(BIN)/anime-gan evaluate --weights $(SMOKE)/run/generator.safetensors --dataset $(SMOKE)/heldout \
	  --metrics kid,fd --count 100 --record
	$(BIN)/anime-gan export --weights $(SMOKE)/run/generator.safetensors --models $(SMOKE)/models --name stylegan --licence $(LICENCE)
	$(BIN)/python -m demo --models $(SMOKE)/models --out out/train-smoke

UPSCALER_RUN := .local/runs/compact-2x
UPSCALER_WEIGHTS := training/weights/compact-2x.safetensors
SHARP := $(DATASETS)/procedural-256
SHARP_HELDOUT := $(DATASETS)/procedural-128-heldout

.PHONY: train-upscaler ship-upscaler export-upscaler
train-upscaler: $(VENV)/.dev-group ## Train the compact network that enlarges faces (an hour on one core); resumes
	$(BIN)/anime-gan dataset render --out $(SHARP) --count 3000 --size 256 --first-seed 10000000
	$(BIN)/anime-gan dataset render --out $(SHARP_HELDOUT) --count 512 --size 128 --first-seed 20000000
	$(BIN)/anime-gan upscaler train --preset compact-2x-sharp --dataset $(SHARP) --heldout $(SHARP_HELDOUT) \
	  --run $(UPSCALER_RUN)-sharp
	$(BIN)/anime-gan upscaler train --preset compact-2x --dataset $(SHARP) --heldout $(SHARP_HELDOUT) \
	  --run $(UPSCALER_RUN) --initial $(UPSCALER_RUN)-sharp/upscaler.safetensors
ship-upscaler: ## Maintainers: make what was learnt the repository's own; then `make export-upscaler`
	cp $(UPSCALER_RUN)/upscaler.safetensors $(UPSCALER_WEIGHTS)
# The compact network has learnt from others' pictures as well: its licence follows all of them.
export-upscaler: $(VENV)/.dev-group ## Maintainers: export the compact network to ONNX as a new version in models/
	$(BIN)/anime-gan upscaler export --weights $(UPSCALER_WEIGHTS)

COMPARISON := docs/upscaling
# Pictures of your own, a folder or a zip archive: FLAGS='--pictures faces.zip --name "real faces"'.

.PHONY: compare-upscalers
compare-upscalers: $(VENV)/.dev-group ## Measure and draw what the networks gain over classical filters
	$(BIN)/anime-gan compare-upscalers --out $(COMPARISON) --docs $(COMPARISON)/comparison.md --threads 2 $(FLAGS)

## ---- images -------------------------------------------------------------------------------------

# IMAGE_BUILDER='buildah bud' builds without Docker. A release pins the bases by digest:
# make image-generator PYTHON_IMAGE=docker.io/library/python@sha256:...
IMAGE_BUILDER ?= docker build
IMAGE_PREFIX ?= anime-gan
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
BASES := PYTHON_IMAGE TRITON_IMAGE
IMAGES := generator upscaler similarity triton training

.PHONY: images $(IMAGES:%=image-%)
images: $(filter-out image-training,$(IMAGES:%=image-%)) ## Build what serves; image-training, image-triton and so on build one
$(IMAGES:%=image-%): image-%:
	$(IMAGE_BUILDER) --file deploy/images/$*.Dockerfile --tag $(IMAGE_PREFIX)/$*:$(VERSION) \
	  --build-arg PIP_VERSION=$(PIP_VERSION) $(foreach base,$(BASES),$(if $($(base)),--build-arg $(base)=$($(base)))) .

## ---- benchmarks ---------------------------------------------------------------------------------

# The peers live in an environment of their own. FLAGS=--quick only shows that all of them run.
BENCH := .local/bench-venv

$(BENCH)/.bench-group: pyproject.toml benchmarks/constraints.txt | $(BIN)/python
	$(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/python -m pip install --quiet "pip==$(PIP_VERSION)"
	$(BENCH)/bin/python -m pip install --quiet --constraint benchmarks/constraints.txt --editable '.[cli]' --group bench
	@touch $@

.PHONY: bench-generator
bench-generator: setup $(BENCH)/.bench-group ## Time the generator service beside its peers -> benchmarks/results/generator.json
	$(BENCH)/bin/python -m benchmarks.generator $(FLAGS)
	$(BENCH)/bin/python -m benchmarks.table --docs

TRAINING_BENCH := .local/bench-training-venv

$(TRAINING_BENCH)/.bench-group: pyproject.toml | $(BIN)/python
	$(PYTHON) -m venv $(TRAINING_BENCH)
	$(TRAINING_BENCH)/bin/python -m pip install --quiet "pip==$(PIP_VERSION)"
	$(TRAINING_BENCH)/bin/python -m pip install --quiet --group bench-training
	$(TRAINING_BENCH)/bin/python -m pip install --quiet --no-deps --group bench-training-peer
	@touch $@

.PHONY: bench-training
bench-training: $(VENV)/.dev-group $(TRAINING_BENCH)/.bench-group ## Time training steps of every preset -> benchmarks/results/training.json
	$(BIN)/python -m benchmarks.training $(FLAGS)
	$(BIN)/python -m benchmarks.training_table --docs

SIMILARITY_BENCH := .local/bench-similarity-venv

$(SIMILARITY_BENCH)/.bench-group: pyproject.toml | $(BIN)/python
	$(PYTHON) -m venv $(SIMILARITY_BENCH)
	$(SIMILARITY_BENCH)/bin/python -m pip install --quiet "pip==$(PIP_VERSION)"
	$(SIMILARITY_BENCH)/bin/python -m pip install --quiet --group bench-similarity
	$(SIMILARITY_BENCH)/bin/python -m pip install --quiet --no-deps --group bench-similarity-peer
	@touch $@

.PHONY: bench-similarity
bench-similarity: $(SIMILARITY_BENCH)/.bench-group ## Time the exact SSIM scan beside its peers -> benchmarks/results/similarity.json
	$(SIMILARITY_BENCH)/bin/python -m animegan_kernels
	$(SIMILARITY_BENCH)/bin/python -m benchmarks.similarity $(FLAGS)
	$(SIMILARITY_BENCH)/bin/python -m benchmarks.similarity_table --docs

UPSCALER_BENCH := .local/bench-upscaler-venv

$(UPSCALER_BENCH)/.bench-group: pyproject.toml constraints.txt | $(BIN)/python
	$(PYTHON) -m venv $(UPSCALER_BENCH)
	$(UPSCALER_BENCH)/bin/python -m pip install --quiet "pip==$(PIP_VERSION)"
	$(UPSCALER_BENCH)/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[cli]' --group bench-upscaler
	$(UPSCALER_BENCH)/bin/python -m pip install --quiet --no-deps --group bench-upscaler-peer
	@touch $@

.PHONY: bench-upscaler
bench-upscaler: setup $(UPSCALER_BENCH)/.bench-group ## Time the upscaler service beside its peers -> benchmarks/results/upscaler.json
	$(UPSCALER_BENCH)/bin/python -m benchmarks.upscaler $(FLAGS)
	$(UPSCALER_BENCH)/bin/python -m benchmarks.upscaler_table --docs

.PHONY: replay-autoscaling
replay-autoscaling: $(VENV)/.dev-group setup ## Does the autoscaler follow the load? Real Tritons, five minutes -> docs/operations/autoscaling.md
	$(BIN)/python -m benchmarks.autoscaling

.PHONY: bench-releases
bench-releases: $(VENV)/.dev-group setup ## Time the steps of a release under load -> benchmarks/results/releases.json
	$(BIN)/python -m benchmarks.releases
