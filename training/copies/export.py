"""The tensor contract of the copy detector: image uint8 [H, W, 3] -> embedding, unit length.

Shape suffixes: B batch, C channels, H height, W width.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import Tensor, nn

from training.export.graph import Contract, export, serve
from training.export.model import TensorSpec
from training.export.parity import measure
from training.export.repository import publish
from training.networks.copy_detector import CopyDetector

NAME = "copy_detector"
KIND = "copy_detector"


class EmbeddingGraph(nn.Module):
    """Levels uint8 [B, H, W, C] -> embedding [B, E]: what is served needs no preparation."""

    def __init__(self, network: CopyDetector) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Scale to [-1, 1] and embed."""
        image_BCHW = image.permute(0, 3, 1, 2).float() / 127.5 - 1
        return (self.network(image_BCHW),)


def contract(network: CopyDetector) -> Contract:
    """The one graph that serves this network."""
    side = network.config.resolution
    image = TensorSpec("image", "UINT8", (side, side, 3))
    embedding = TensorSpec("embedding", "FP32", (network.config.embedding,))
    return Contract("embedding", "", EmbeddingGraph, (image,), (embedding,))


def publish_detector(
    repository: Path, network: CopyDetector, training: dict[str, Any], licence: str
) -> Path:
    """Export, check, and add a new version to the model repository.

    Args:
        repository: the Triton model repository.
        network: in evaluation mode.
        training: its story, as `load_detector` returns it.
        licence: of the weights.

    Returns:
        The new version's folder.

    Raises:
        ParityError: ONNX Runtime does not compute what PyTorch does; nothing is published.
        OSError: the disk is full, or somebody else publishes.
    """
    graph_contract = contract(network)
    graph = export(network, graph_contract)
    module = graph_contract.graph(network)
    parity = measure(module, graph, graph_contract.inputs, graph_contract.outputs)
    parity.check(NAME)
    card = card_of(network, training, licence) | {"parity": parity.to_card()}
    return publish(repository, [(serve(NAME, graph_contract, graph), card)])[NAME]


def card_of(network: CopyDetector, training: dict[str, Any], licence: str) -> dict[str, Any]:
    """What the model card tells."""
    config, dataset = network.config, training["dataset"]
    side = config.resolution
    return {
        "description": f"copy detector, {side}x{side} pixels, trained on {dataset['name']}",
        "kind": KIND,
        "resolution": side,
        "channels": 3,
        "embedding": config.embedding,
        "licence": licence,
        "dataset": dataset,
        "training": {
            "preset": training["preset"],
            "images_seen": training["images_seen"],
            "commit": training["commit"],
            "config": training["options"],
        },
    }
