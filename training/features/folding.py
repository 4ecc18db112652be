"""Batch normalisation folded into the convolution before it: for inference they are one."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

BATCH_NORM_EPSILON = 1e-3  # of TensorFlow's networks


def fold(tensors: Mapping[str, Tensor], convolution: str, norm: str) -> tuple[Tensor, Tensor]:
    """Weight [O, I, H, W] and bias [O] of a convolution that also normalises.

    Args:
        tensors: a checkpoint in PyTorch's names.
        convolution: name of the convolution, which has no bias of its own.
        norm: name of the batch normalisation.
    """
    deviation = (tensors[f"{norm}.running_var"] + BATCH_NORM_EPSILON).sqrt()
    gain = tensors[f"{norm}.weight"] / deviation
    shift = tensors[f"{norm}.bias"] - gain * tensors[f"{norm}.running_mean"]
    return tensors[f"{convolution}.weight"] * gain[:, None, None, None], shift
