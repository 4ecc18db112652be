"""`python -m deploy.workloads MODELS TARGET`: the model repository for a cluster.

Each workload has its own Triton, so each has its own folder; services ask what there is.

    TARGET/generator/stylegan/...      generators, and the networks inside them
    TARGET/upscaler/upscale_.../...    everything that enlarges
    TARGET/similarity/ssim_search/...  exact search, and the search for changed copies

Beside `config.pbtxt`, which runs networks on CPUs, each ONNX model gets `configs/gpu.pbtxt` and
`configs/tensorrt.pbtxt`: Triton's `--model-config-name` chooses, so one repository serves all.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from tqdm import tqdm

# By the contract of the newest model card. The search models are programs, and have none.
WORKLOADS = {
    "generator": "generator",
    "mapping": "generator",
    "synthesis": "generator",
    "layers": "generator",
    "upscaler": "upscaler",
    "embedding": "similarity",
    None: "similarity",
}

# cuDNN's search for the fastest algorithm measures, so two pods may choose differently, and draw
# the same seed differently in the last bit: 2 is always the same algorithm.
_CUDNN_DEFAULT = 'parameters { key: "cudnn_conv_algo_search" value: { string_value: "2" } }\n'

# Engines take minutes to build: they are kept where the component `tensorrt` mounts a volume. FP32,
# since a model's card promises how close it comes to PyTorch.
_TENSORRT = """optimization { execution_accelerators { gpu_execution_accelerator : [ {
  name: "tensorrt"
  parameters { key: "precision_mode" value: "FP32" }
  parameters { key: "trt_engine_cache_enable" value: "true" }
  parameters { key: "trt_engine_cache_path" value: "/engines" }
} ] } }
"""


class WorkloadError(Exception):
    """A model cannot be assigned; the message names it and the remedy."""


def models(repository: Path) -> Iterator[Path]:
    """The models of a repository, sorted."""
    return (file.parent for file in sorted(repository.glob("*/config.pbtxt")))


def workload(model: Path) -> str:
    """The workload that a model belongs to.

    Raises:
        WorkloadError: its card names a contract that no workload serves.
    """
    versions = [int(path.name) for path in model.iterdir() if path.name.isdecimal()]
    card = model / str(max(versions, default=0)) / "model_card.json"
    contract = json.loads(card.read_text()).get("contract") if card.is_file() else None
    if contract not in WORKLOADS:
        raise WorkloadError(f"{model.name}: no workload for the contract {contract!r}")
    return WORKLOADS[contract]


def variants(config: str) -> dict[str, str]:
    """From the text of `config.pbtxt` those of `configs/<name>.pbtxt`, by name."""
    if 'backend: "onnxruntime"' not in config:
        return {}
    gpu = config.replace("kind: KIND_CPU", "kind: KIND_GPU") + _CUDNN_DEFAULT
    return {"gpu": gpu, "tensorrt": gpu + _TENSORRT}


def arrange(repository: Path, target: Path) -> list[Path]:
    """Copy a repository to where the cluster reads it; a model is renamed into place when complete.

    Returns:
        The folders of the models.

    Raises:
        WorkloadError: a model belongs nowhere. Nothing has been copied then.
    """
    places = [(model, target / workload(model) / model.name) for model in models(repository)]
    if not places:
        raise WorkloadError(f"there is no model in {repository}")
    for model, place in tqdm(places, desc="models", unit="model", disable=None):
        staged = place.parent / f".{place.name}.staged"
        shutil.rmtree(staged, ignore_errors=True)  # of a copy that was interrupted
        shutil.copytree(model, staged, ignore=shutil.ignore_patterns("__pycache__"))
        for name, text in variants((model / "config.pbtxt").read_text()).items():
            (staged / "configs").mkdir(exist_ok=True)
            (staged / "configs" / f"{name}.pbtxt").write_text(text)
        shutil.rmtree(place, ignore_errors=True)
        staged.rename(place)
    return [place for _, place in places]


def main() -> int:
    """Arrange a repository; 1 and a message if that cannot be done."""
    parser = argparse.ArgumentParser(
        prog="python -m deploy.workloads",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("models", type=Path, help="a model repository, such as models")
    parser.add_argument("target", type=Path, help="a folder: a mounted volume, or one to upload")
    options = parser.parse_args()
    try:
        places = arrange(options.models, options.target)
    except WorkloadError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for place in places:
        sys.stdout.write(f"{place.relative_to(options.target)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
