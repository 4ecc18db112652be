"""The weights file of a generator: safetensors, which cannot run code, its story in the metadata.

The metadata of a safetensors file maps strings to strings; ours holds

    format          "anime-gan.stylegan2.1" or "anime-gan.dcgan.1": one of `KINDS`
    network_config  JSON of the config of this kind of network
    training        JSON object: preset, images_seen, commit, options,
                    dataset {name, digest, licence}; of weights that began with others
                    begun_with {sha256, datasets}: all that those had learnt from
    metrics         JSON object: name of the metric -> value
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from training.networks import dcgan, stylegan2
from training.networks.interface import ImageGenerator
from training.networks.tensor_file import WeightsError, read_network, write_network

__all__ = ["WeightsError", "load_generator", "save_generator"]

# What a file says that it is -> the config and the generator that it holds.
KINDS: dict[str, tuple[type[Any], type[ImageGenerator]]] = {
    "anime-gan.stylegan2.1": (stylegan2.NetworkConfig, stylegan2.Generator),
    "anime-gan.dcgan.1": (dcgan.DcganConfig, dcgan.Generator),
}


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
    file_format = f"anime-gan.{generator.kind}.1"
    write_network(path, generator, file_format, training=training, metrics=metrics)


def load_generator(path: Path) -> tuple[ImageGenerator, dict[str, Any]]:
    """Read a generator, on the CPU and in evaluation mode.

    Returns:
        The generator, and `{"training": ..., "metrics": ...}` as they were saved.

    Raises:
        FileNotFoundError: there is no such file.
        WeightsError: the file is broken, of another format, or its tensors do not fit its config.
    """
    return read_network(path, KINDS, "training", "metrics")
