"""The tensor contract of an upscaler: uint8 [h, w, 3] -> uint8 [scale h, scale w, 3].

Everything between two pictures is in the graph: conversion, the border, rounding.

Shape suffixes: B batch, C channels, H height, W width.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnx
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.export.graph import Contract, export, serve
from training.export.model import ANY, UNROUNDED, TensorSpec
from training.export.parity import measure
from training.export.repository import publish
from training.upscaling.half import store_as_float16
from training.upscaling.network import Upscaler

CONTRACT = "upscaler"
KIND = "upscaler"
_FOLDED = 4096  # sizes and small matrices; weights stay as they were published
SEEDS = 32  # of parity: a picture is large, and each has hundreds of outputs


class UpscalerGraph(nn.Module):
    """Levels uint8 [B, H, W, 3] -> levels uint8 [B, scale H, scale W, 3], and RGB unrounded."""

    def __init__(self, network: Upscaler) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Continue the border's pixels outwards, enlarge, and take the nearest levels."""
        _, height, width, _ = image.shape
        rgb = image.permute(0, 3, 1, 2).float() / 255
        right, bottom = self._pad_after(width), self._pad_after(height)
        margin = self.network.margin
        rgb = self.network(F.pad(rgb, (margin, right, margin, bottom), mode="replicate"))
        if self.network.multiple > 1:
            scale = self.network.scale
            rgb = rgb[:, :, : scale * height, : scale * width]
        return to_levels(rgb).permute(0, 2, 3, 1), rgb

    def _pad_after(self, size: int) -> int:
        """Pixels to add at the end of a side, so that the network can divide it."""
        margin, multiple = self.network.margin, self.network.multiple
        padded = multiple * ((size + 2 * margin + multiple - 1) // multiple)
        return padded - size - margin


def to_levels(rgb_BCHW: Tensor) -> Tensor:
    """RGB in [0, 1] -> the nearest uint8, halves upwards; what lies outside is clipped."""
    return (rgb_BCHW * 255 + 0.5).clamp(0, 255).to(torch.uint8)


def contract(network: Upscaler) -> Contract:
    """The one graph that serves this network."""
    image = TensorSpec("image", "UINT8", (ANY, ANY, 3))
    # Not called "image" too: in an ONNX graph no two values may have the same name.
    upscaled = TensorSpec("upscaled", "UINT8", (ANY, ANY, 3))
    unrounded = TensorSpec(UNROUNDED, "FP32", (3, ANY, ANY))
    outputs = (upscaled, unrounded)
    return Contract(
        CONTRACT,
        "",
        UpscalerGraph,
        (image,),
        outputs,
        instances=2 if network.is_light else 1,
        threads=1 if network.is_light else 0,
        mem_arena=True,  # docs/upscaling/models.md has what it gains
        native_convolutions=True,
        folded_bytes=_FOLDED,
    )


def model_name(method: str, scale: int, noise: int) -> str:
    """Name in the model repository; noise -1 removes none."""
    return f"upscale_{method}_{scale}x" + (f"_noise{noise}" if noise >= 0 else "")


def publish_upscaler(
    repository: Path,
    network: Upscaler,
    method: str,
    noise: int,
    story: Mapping[str, Any],
) -> Path:
    """Export, check, and add a new version to the model repository.

    Args:
        repository: the Triton model repository.
        network: in evaluation mode.
        method: what requests call it, e.g. "cunet".
        noise: level that it removes, 0-3; -1 if it only enlarges.
        story: what the card tells besides: description, licence, metrics, where the weights come
            from.

    Returns:
        The new version's folder.

    Raises:
        ParityError: ONNX Runtime does not compute what PyTorch does; nothing is published.
        OSError: the disk is full, or somebody else publishes.
    """
    name = model_name(method, network.scale, noise)
    graph_contract = contract(network)
    graph = export(network, graph_contract)
    store_as_float16(graph)
    onnx.checker.check_model(graph, full_check=True)
    module = graph_contract.graph(network)
    parity = measure(module, graph, graph_contract.inputs, graph_contract.outputs, SEEDS)
    parity.check(name)
    card = {
        **story,
        "kind": KIND,
        "method": method,
        "scale": network.scale,
        "noise": noise,
        "margin": network.margin,
        "alignment": network.multiple,
        "pools_globally": network.pools_globally,
        "channels": 3,
        "parity": parity.to_card(),
    }
    return publish(repository, [(serve(name, graph_contract, graph), card)])[name]
