"""The weights file of a compact network as it learnt: safetensors, its story in the metadata.

format          "anime-gan.compact_upscaler.1"
network_config  JSON of `CompactConfig`
training        JSON object: preset, images_seen, commit, options,
                datasets, a list of {name, digest, licence}; of weights that began with others
                begun_with, {sha256, datasets}: all that those had learnt from; after
                `anime-gan upscaler blend` also blend, {share, initial: {preset, images_seen}}
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from training.networks.tensor_file import WeightsError, fill, read_tensors, write_network
from training.upscaling.compact.network import CompactConfig, LearningUpscaler

FORMAT = "anime-gan.compact_upscaler.1"


def save_upscaler(path: Path, network: LearningUpscaler, training: dict[str, Any]) -> None:
    """Write a network; a reader sees the old file or the whole new one.

    Args:
        path: the .safetensors file; its folder is made.
        network: the moving average, as it learnt.
        training: where the weights come from, a JSON object; see the module's text.
    """
    metadata = {
        "format": FORMAT,
        "network_config": json.dumps(dataclasses.asdict(network.config)),
        "training": json.dumps(training),
    }
    write_network(path, network, metadata)


def load_upscaler(path: Path) -> tuple[LearningUpscaler, dict[str, Any]]:
    """Read a network, on the CPU and in evaluation mode.

    Returns:
        The network, and its story as it was saved.

    Raises:
        FileNotFoundError: there is no such file.
        WeightsError: the file is broken, of another format, or its tensors do not fit its config.
    """
    tensors, metadata = read_tensors(path)
    if metadata.get("format") != FORMAT:
        raise WeightsError(f"{path}: format {metadata.get('format')!r} is not {FORMAT}")
    try:
        config = CompactConfig(**json.loads(metadata["network_config"]))
        training: dict[str, Any] = json.loads(metadata["training"])
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{path}: metadata cannot be used: {error!r}") from error
    return fill(path, LearningUpscaler(config), tensors), training
