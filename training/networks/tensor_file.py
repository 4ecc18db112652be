"""Weights files of any network: safetensors, which cannot run code, with text in the metadata."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from training.files import staged

Network = TypeVar("Network", bound=nn.Module)


class WeightsError(ValueError):
    """The file does not hold a network that can be used; the message names file and reason."""


def write_network(path: Path, network: nn.Module, metadata: dict[str, str]) -> None:
    """Write all tensors of a network, float32; a reader sees the old file or the whole new one.

    Args:
        path: the .safetensors file; its folder is made.
        network: what `fill` is to restore.
        metadata: what the file says of itself; "format" names what it holds.
    """
    tensors = {
        name: tensor.detach().to("cpu", torch.float32).contiguous()
        for name, tensor in network.state_dict().items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with staged(path) as temporary:
        save_file(tensors, temporary, metadata)
        temporary.chmod(0o644)  # safetensors leaves it to its owner alone


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read the tensors and the metadata of a file.

    Raises:
        FileNotFoundError: there is no such file.
        WeightsError: it is broken.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such weights file")
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no dict)
            return tensors, file.metadata() or {}
    except SafetensorError as error:
        raise WeightsError(f"{path}: not a readable safetensors file: {error}") from error


def read_metadata(path: Path) -> dict[str, str]:
    """What a weights file says of itself; its tensors are not read.

    Raises:
        FileNotFoundError: there is no such file.
        WeightsError: it is broken.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such weights file")
    try:
        with safe_open(path, framework="pt") as file:
            return file.metadata() or {}
    except SafetensorError as error:
        raise WeightsError(f"{path}: not a readable safetensors file: {error}") from error


def fill(path: Path, network: Network, tensors: Mapping[str, Tensor]) -> Network:
    """Put the tensors of a file into a new network, once they are known to be sound.

    Returns:
        The network in evaluation mode, without gradients.

    Raises:
        WeightsError: a tensor is not all finite float32, or they do not fit.
    """
    for name, tensor in tensors.items():
        if tensor.dtype != torch.float32 or not bool(tensor.isfinite().all()):
            raise WeightsError(f"{path}: tensor {name} is not all finite float32")
    try:
        network.load_state_dict(dict(tensors))
    except RuntimeError as error:
        raise WeightsError(f"{path}: tensors do not fit the network config: {error}") from error
    return network.eval().requires_grad_(False)
