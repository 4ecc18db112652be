"""Weights files of any network: safetensors, which cannot run code, with text in the metadata."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from training.files import staged

Network = TypeVar("Network", bound=nn.Module)


class WeightsError(ValueError):
    """The file does not hold a network that can be used; the message names file and reason."""


def write_network(path: Path, network: nn.Module, file_format: str, **told: Any) -> None:
    """Write all tensors of a network, float32; a reader sees the old file or the whole new one.

    Args:
        path: the .safetensors file; its folder is made.
        network: with the `config`, a dataclass, that it is made from.
        file_format: what the file says that it holds.
        told: what else it says of the network, as JSON.
    """
    tensors = {
        name: tensor.detach().to("cpu", torch.float32).contiguous()
        for name, tensor in network.state_dict().items()
    }
    config: Any = network.config
    stories = {"network_config": dataclasses.asdict(config), **told}
    metadata = {"format": file_format} | {key: json.dumps(said) for key, said in stories.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    with staged(path) as temporary:
        save_file(tensors, temporary, metadata)
        temporary.chmod(0o644)  # safetensors leaves it to its owner alone


def read_network(
    path: Path, kinds: Mapping[str, tuple[type[Any], type[Network]]], *told: str
) -> tuple[Network, dict[str, Any]]:
    """Read what `write_network` wrote, on the CPU and in evaluation mode.

    Args:
        path: the file.
        kinds: by the format that the file says, the config's type and the network's.
        told: what else to read of what it says.

    Returns:
        The network without gradients, and what was told.

    Raises:
        FileNotFoundError: there is no such file.
        WeightsError: it is broken, of another format, or its tensors do not fit its config.
    """
    with _open(path) as file:
        metadata = file.metadata() or {}
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no dict)
    if metadata.get("format") not in kinds:
        raise WeightsError(
            f"{path}: format {metadata.get('format')!r} is none of {', '.join(kinds)}"
        )
    config_type, network_type = kinds[metadata["format"]]
    try:
        config = config_type(**json.loads(metadata["network_config"]))
        stories = {key: json.loads(metadata[key]) for key in told}
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{path}: metadata cannot be used: {error!r}") from error
    return _filled(path, network_type(config), tensors), stories


def read_metadata(path: Path) -> dict[str, str]:
    """What a weights file says of itself; its tensors are not read.

    Raises:
        FileNotFoundError: there is no such file.
        WeightsError: it is broken.
    """
    with _open(path) as file:
        return file.metadata() or {}


@contextmanager
def _open(path: Path) -> Iterator[Any]:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such weights file")
    try:
        with safe_open(path, framework="pt") as file:
            yield file
    except SafetensorError as error:
        raise WeightsError(f"{path}: not a readable safetensors file: {error}") from error


def _filled(path: Path, network: Network, tensors: Mapping[str, Tensor]) -> Network:
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
