"""`python -m deploy.workloads MODELS TARGET`: a model repository for a cluster.

Each workload has its own Triton, so each has its own folder; services ask what there is.

    TARGET/generator/stylegan/...      generators, and the networks inside them
    TARGET/upscaler/upscale_.../...    everything that enlarges
    TARGET/similarity/ssim_search/...  exact search, and the search for changed copies

`--processor gpu` lets networks of generator and upscaler run on GPUs, `--processor tensorrt` as
TensorRT engines; `--gpu-search` lets the network and the scans of the search, whose pods have a GPU
in the component `gpu-search` only; without it, scans are left out. Programs, such as the search
itself, stay on CPUs. This is for the start: later versions come by `anime-gan models publish`,
which keeps what the configurations say about processors.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from animegan_cli.progress import ProgressBar

Config: TypeAlias = model_config_pb2.ModelConfig

# By the contract of the newest model card.
WORKLOADS = {
    "generator": "generator",
    "mapping": "generator",
    "synthesis": "generator",
    "layers": "generator",
    "upscaler": "upscaler",
    "embedding": "similarity",
    "scan": "similarity",
    "search": "similarity",  # that of programs, which have a backend of their own
}
_SEARCH_BACKEND = "animegan_search"

# cuDNN's search for the fastest algorithm measures, so two pods may choose differently, and draw
# the same seed differently in the last bit: 2 is always the same algorithm.
_CUDNN = {"cudnn_conv_algo_search": "2"}

# Engines take minutes to build: they are kept where the component `tensorrt` mounts a volume. FP32,
# since a model's card promises how close it comes to PyTorch.
_TENSORRT = {
    "precision_mode": "FP32",
    "trt_engine_cache_enable": "true",
    "trt_engine_cache_path": "/engines",
}


class WorkloadError(Exception):
    """A model cannot be assigned; the message names it and the remedy."""


def read_config(model: Path) -> Config:
    """What a model's `config.pbtxt` says."""
    return text_format.Parse((model / "config.pbtxt").read_text(), Config())


def models(repository: Path) -> Iterator[Path]:
    """The models of a repository, sorted."""
    return (file.parent for file in sorted(repository.glob("*/config.pbtxt")))


def workload(model: Path) -> str:
    """The workload that a model belongs to.

    Raises:
        WorkloadError: its card names a contract that no workload serves, or it has none.
    """
    return WORKLOADS[contract_of(model)]


def contract_of(model: Path) -> str:
    """A model's contract: by its card, or that of what it points to first.

    Raises:
        WorkloadError: its card names a contract that no workload serves, or it has none.
    """
    config = read_config(model)
    if config.backend == _SEARCH_BACKEND:
        return "search"
    if config.platform == "ensemble":
        return contract_of(model.with_name(config.ensemble_scheduling.step[0].model_name))
    newest = max((int(path.name) for path in model.iterdir() if path.name.isdecimal()), default=0)
    card = model / str(newest) / "model_card.json"
    contract: str | None = json.loads(card.read_text())["contract"] if card.is_file() else None
    if contract not in WORKLOADS:
        raise WorkloadError(f"{model.name}: no workload for the contract {contract!r}")
    return contract


def for_gpu(config: Config) -> None:
    """Let a network run on a GPU."""
    for group in config.instance_group:
        group.kind = model_config_pb2.ModelInstanceGroup.KIND_GPU
    for key, value in _CUDNN.items():
        config.parameters[key].string_value = value


def for_tensorrt(config: Config) -> None:
    """Let a network run as a TensorRT engine."""
    for_gpu(config)
    accelerators = config.optimization.execution_accelerators.gpu_execution_accelerator
    accelerators.add(name="tensorrt").parameters.update(_TENSORRT)


PROCESSORS: dict[str, Callable[[Config], None]] = {
    "cpu": lambda config: None,
    "gpu": for_gpu,
    "tensorrt": for_tensorrt,
}


def arrange(
    repository: Path, target: Path, processor: str = "cpu", *, gpu_search: bool = False
) -> list[Path]:
    """Copy a repository; a model is renamed into place when it is complete.

    Args:
        repository: holds a folder for each model.
        target: gets a folder for each workload; models that it has are replaced.
        processor: of generator and upscaler, a key of PROCESSORS.
        gpu_search: whether the networks of the search, and scans, run on GPUs. Scans are left out
            otherwise: on CPUs the search is much faster without them.

    Returns:
        The folders of the models.

    Raises:
        WorkloadError: a model belongs nowhere, or there is none. Nothing has been copied then.
    """
    places = [
        (model, target / workload(model) / model.name)
        for model in models(repository)
        if gpu_search or contract_of(model) != "scan"
    ]
    if not places:
        raise WorkloadError(f"there is no model in {repository}")
    processors = dict.fromkeys(WORKLOADS.values(), processor)
    processors["similarity"] = "gpu" if gpu_search else "cpu"
    for model, place in ProgressBar(places, desc="models", unit="model"):
        staged = place.parent / f".{place.name}.staged"
        shutil.rmtree(staged, ignore_errors=True)  # of a copy that was interrupted
        shutil.copytree(model, staged, ignore=shutil.ignore_patterns("__pycache__"))
        config = read_config(model)
        kind = processors[place.parent.name]
        if config.backend == "onnxruntime" and kind != "cpu":
            PROCESSORS[kind](config)
            (staged / "config.pbtxt").write_text(text_format.MessageToString(config, as_utf8=True))
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
    parser.add_argument("--processor", choices=PROCESSORS, default="cpu", help="default: cpu")
    parser.add_argument("--gpu-search", action="store_true", help="search on GPUs, too")
    options = parser.parse_args()
    try:
        places = arrange(
            options.models, options.target, options.processor, gpu_search=options.gpu_search
        )
    except WorkloadError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for place in places:
        sys.stdout.write(f"{place.relative_to(options.target)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
