"""Batch normalisation over a batch that several processes share (PyTorch's own needs GPUs)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

_SHARING = ContextVar("sharing", default=False)


@contextmanager
def sharing() -> Iterator[None]:
    """All processes do the same in here; elsewhere, one alone may draw from a network."""
    token = _SHARING.set(True)
    try:
        yield
    finally:
        _SHARING.reset(token)


class SharedBatchNorm2d(nn.BatchNorm2d):
    """Normalises by the mean and the variance of all processes' parts, which have one size."""

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def forward(self, input: Tensor) -> Tensor:
        """Normalise features [B, C, H, W]; outside of `sharing`, as `nn.BatchNorm2d` does."""
        if not (self.training and _SHARING.get()):
            return super().forward(input)
        x_BCHW = input.float()
        mean_C = _mean(x_BCHW.mean(dim=(0, 2, 3)))
        centred_BCHW = x_BCHW - mean_C[:, None, None]
        variance_C = _mean(centred_BCHW.square().mean(dim=(0, 2, 3)))
        self._remember(mean_C.detach(), variance_C.detach(), input)
        scale_C = self.weight * (variance_C + self.eps).rsqrt()
        shown_BCHW = centred_BCHW * scale_C[:, None, None] + self.bias[:, None, None]
        return shown_BCHW.to(input.dtype)

    def _remember(self, mean_C: Tensor, variance_C: Tensor, input: Tensor) -> None:
        """Move the running statistics."""
        count = input.numel() // input.shape[1] * dist.get_world_size()
        momentum = self.momentum or 0.0
        self.running_mean.lerp_(mean_C, momentum)
        self.running_var.lerp_(variance_C * (count / (count - 1)), momentum)
        self.num_batches_tracked.add_(1)


def share_statistics(norms: nn.ModuleList) -> None:
    """Let layers of new batch normalisation see the parts of all processes; others stay."""
    for position, layer in enumerate(norms):
        if isinstance(layer, nn.BatchNorm2d):
            norms[position] = SharedBatchNorm2d(layer.num_features, momentum=layer.momentum)


def _mean(values: Tensor) -> Tensor:
    """Mean over all processes; its gradient is that of all their losses, as often as one likes."""
    mean: Tensor = _Mean.apply(values)  # type: ignore[no-untyped-call]  # PyTorch has none
    return mean


class _Mean(torch.autograd.Function):
    """Its own gradient: each process's value counts in the means of all."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        total = values.clone()
        dist.all_reduce(total)
        return total / dist.get_world_size()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return _mean(gradients[0].contiguous())
