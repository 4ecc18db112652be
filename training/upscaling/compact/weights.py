"""The weights file of a compact network as it learnt: safetensors, its story in the metadata.

format          "anime-gan.compact_upscaler.1"
network_config  JSON of `CompactConfig`
training        JSON object: preset, images_seen, commit, options,
                datasets, a list of {name, digest, licence}; of weights that began with others
                begun_with, {sha256, datasets}: all that those had learnt from; after
                `anime-gan upscaler blend` also blend, {share, initial: {preset, images_seen}}
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from training.networks.tensor_file import read_network, write_network
from training.upscaling.compact.network import CompactConfig, LearningUpscaler

FORMAT = "anime-gan.compact_upscaler.1"


def save_upscaler(path: Path, network: LearningUpscaler, training: dict[str, Any]) -> None:
    """Write a network; a reader sees the old file or the whole new one.

    Args:
        path: the .safetensors file; its folder is made.
        network: the moving average, as it learnt.
        training: where the weights come from, a JSON object; see the module's text.
    """
    write_network(path, network, FORMAT, training=training)


def load_upscaler(path: Path) -> tuple[LearningUpscaler, dict[str, Any]]:
    """Read a network, on the CPU and in evaluation mode.

    Returns:
        The network, and its story as it was saved.

    Raises:
        FileNotFoundError: there is no such file.
        WeightsError: the file is broken, of another format, or its tensors do not fit its config.
    """
    network, told = read_network(path, {FORMAT: (CompactConfig, LearningUpscaler)}, "training")
    return network, told["training"]
