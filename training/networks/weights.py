"""The weights file of a generator: safetensors, which cannot run code, its story in the metadata.

The metadata of a safetensors file maps strings to strings; ours holds

    format          "anime-gan.stylegan2.1" or "anime-gan.dcgan.1": one of `FORMATS`
    network_config  JSON of the config of this kind of network
    training        JSON object: preset, images_seen, commit, options,
                    dataset {name, digest, licence}
    metrics         JSON object: name of the metric -> value
"""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from training.networks import dcgan, stylegan2
from training.networks.interface import ImageGenerator

# Kind of generator -> its config and its network.
ARCHITECTURES: dict[str, tuple[type[Any], type[ImageGenerator]]] = {
    "stylegan2": (stylegan2.NetworkConfig, stylegan2.Generator),
    "dcgan": (dcgan.DcganConfig, dcgan.Generator),
}
# What the files say that they are.
FORMATS = {f"anime-gan.{kind}.1": kind for kind in ARCHITECTURES}


class WeightsError(ValueError):
    """The file does not hold a generator that can be used; the message names file and reason."""


def save_generator(
    path: Path, generator: ImageGenerator, training: dict[str, Any], metrics: dict[str, Any]
) -> None:
    """Write a generator, float32, calibrated; a reader sees the old file or the whole new one.

    Args:
        path: the .safetensors file; its folder is made.
        generator: the network, usually the moving average of the weights.
        training: where the weights come from, a JSON object; see the module's text.
        metrics: how good they are, a JSON object.
    """
    metadata = {
        "format": f"anime-gan.{generator.kind}.1",
        "network_config": json.dumps(dataclasses.asdict(generator.config)),
        "training": json.dumps(training),
        "metrics": json.dumps(metrics),
    }
    tensors = {
        name: tensor.detach().to("cpu", torch.float32).contiguous()
        for name, tensor in generator.state_dict().items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    staged = path.with_name(f".{path.name}.{os.getpid()}")
    save_file(tensors, staged, metadata)
    staged.chmod(0o644)  # safetensors leaves it to its owner alone
    staged.replace(path)


def load_generator(path: Path) -> tuple[ImageGenerator, dict[str, Any]]:
    """Read a generator, on the CPU and in evaluation mode.

    Returns:
        The generator, and `{"training": ..., "metrics": ...}` as they were saved.

    Raises:
        FileNotFoundError: there is no such file.
        WeightsError: the file is broken, of another format, or its tensors do not fit its config.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such weights file")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no dict)
    except SafetensorError as error:
        raise WeightsError(f"{path}: not a readable safetensors file: {error}") from error
    if metadata.get("format") not in FORMATS:
        raise WeightsError(
            f"{path}: format {metadata.get('format')!r} is none of {', '.join(FORMATS)}"
        )
    config_type, generator_type = ARCHITECTURES[FORMATS[metadata["format"]]]
    try:
        config = config_type(**json.loads(metadata["network_config"]))
        story = {key: json.loads(metadata[key]) for key in ("training", "metrics")}
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{path}: metadata cannot be used: {error!r}") from error
    return _filled(path, generator_type(config), tensors), story


def _filled(path: Path, generator: ImageGenerator, tensors: dict[str, Tensor]) -> ImageGenerator:
    """Put the tensors into a new network, once they are known to be sound."""
    for name, tensor in tensors.items():
        if tensor.dtype != torch.float32 or not bool(tensor.isfinite().all()):
            raise WeightsError(f"{path}: tensor {name} is not all finite float32")
    try:
        generator.load_state_dict(tensors)
    except RuntimeError as error:
        raise WeightsError(f"{path}: tensors do not fit the network config: {error}") from error
    return generator.eval().requires_grad_(False)
