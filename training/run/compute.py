"""How a run is computed, as opposed to what: none of it changes a result but for rounding."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import nn

from training.run.distributed import World

Network = TypeVar("Network", bound=nn.Module)


@dataclass(frozen=True)
class Compute:
    """A run may be stopped and go on under another one of these.

    Attributes:
        world: the processes that share the run.
        accumulate: passes over parts of a batch before each step, each with its share of the
            memory.
        compiled: whether the networks' plain passes run through `torch.compile`.
    """

    world: World = World()  # noqa: RUF009 (frozen)
    accumulate: int = 1
    compiled: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be done."""
        if self.accumulate < 1:
            raise ValueError(f"--accumulate: {self.accumulate} is less than 1")


def use_bf16(precision: str, device: torch.device) -> bool:
    """Whether networks run in bfloat16.

    Args:
        precision: "fp32", "bf16", or "auto" for bf16 where the processor multiplies it natively.
        device: where they run.
    """
    if precision != "auto":
        return precision == "bf16"
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    # Without native instructions bfloat16 is emulated, eight times slower than float32.
    return bool(torch.cpu._is_avx512_bf16_supported())


def channels_last(network: Network, device: torch.device) -> Network:
    """Move a network to where it is trained, in the layout in which convolutions are fastest."""
    # PyTorch takes `memory_format` and leaves it out of its types.
    placed: Network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return placed


def compiled(function: Callable[..., Any], device: torch.device) -> Callable[..., Any]:
    """Compile a network's pass.

    Raises:
        ValueError: what `torch.compile` needs is not installed.
    """
    compiler = os.environ.get("CXX", "g++")
    if device.type == "cpu" and shutil.which(compiler) is None:
        raise ValueError(
            f"--compile: the C++ compiler {compiler} is not installed: install it, name another in "
            "the environment variable CXX, or leave --compile out"
        )
    if device.type == "cuda" and importlib.util.find_spec("triton") is None:
        raise ValueError(
            "--compile: the package triton is not installed: install it, or leave --compile out"
        )
    result: Callable[..., Any] = torch.compile(function)
    return result
