"""The weights file of a generator: safetensors, which cannot run code, its story in the metadata.

The metadata of a safetensors file maps strings to strings; ours holds

    format          "anime-gan.stylegan2.1" or "anime-gan.dcgan.1": one of `FORMATS`
    network_config  JSON of the config of this kind of network
    training        JSON object: preset, images_seen, commit, options,
                    dataset {name, digest, licence}; of weights that began with others
                    begun_with {sha256, datasets}: all that those had learnt from
    metrics         JSON object: name of the metric -> value
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from training.networks import dcgan, stylegan2
from training.networks.interface import ImageGenerator
from training.networks.tensor_file import WeightsError, fill, read_tensors, write_network

__all__ = ["WeightsError", "load_generator", "save_generator"]

# Kind of generator -> its config and its network.
ARCHITECTURES: dict[str, tuple[type[Any], type[ImageGenerator]]] = {
    "stylegan2": (stylegan2.NetworkConfig, stylegan2.Generator),
    "dcgan": (dcgan.DcganConfig, dcgan.Generator),
}
# What the files say that they are.
FORMATS = {f"anime-gan.{kind}.1": kind for kind in ARCHITECTURES}


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
    write_network(path, generator, metadata)


def load_generator(path: Path) -> tuple[ImageGenerator, dict[str, Any]]:
    """Read a generator, on the CPU and in evaluation mode.

    Returns:
        The generator, and `{"training": ..., "metrics": ...}` as they were saved.

    Raises:
        FileNotFoundError: there is no such file.
        WeightsError: the file is broken, of another format, or its tensors do not fit its config.
    """
    tensors, metadata = read_tensors(path)
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
    return fill(path, generator_type(config), tensors), story
