"""The weights file of a copy detector: safetensors, its story in the metadata.

format          "anime-gan.copy_detector.1"
network_config  JSON of `DetectorConfig`
training        JSON object: preset, images_seen, commit, options,
                dataset {name, digest, licence}
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from training.networks.copy_detector import CopyDetector, DetectorConfig
from training.networks.tensor_file import read_network, write_network

FORMAT = "anime-gan.copy_detector.1"
# The detector that this project serves.
SHIPPED = Path(__file__).parents[1] / "weights" / "copies-64.safetensors"


def save_detector(path: Path, network: CopyDetector, training: dict[str, Any]) -> None:
    """Write a copy detector; a reader sees the old file or the whole new one.

    Args:
        path: the .safetensors file; its folder is made.
        network: the network.
        training: where the weights come from, a JSON object; see the module's text.
    """
    write_network(path, network, FORMAT, training=training)


def load_detector(path: Path) -> tuple[CopyDetector, dict[str, Any]]:
    """Read a copy detector, on the CPU and in evaluation mode.

    Returns:
        The network, and its story as it was saved.

    Raises:
        FileNotFoundError: there is no such file.
        WeightsError: the file is broken, of another format, or its tensors do not fit its config.
    """
    network, told = read_network(path, {FORMAT: (DetectorConfig, CopyDetector)}, "training")
    return network, told["training"]
