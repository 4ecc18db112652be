"""Sums and means over all windows, as nodes of an ONNX graph: products with banded matrices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from animegan_search.ssim.definition import Definition
from training.index.graph_body import FLOAT, Body

Array = NDArray[np.float64]

_STEP = np.array([-1.0, 1.0])  # weights that make p_(i+1) - p_i


@dataclass(frozen=True)
class WindowFilter:
    """Filters planes [..., height, width] down their columns, then along their rows."""

    definition: Definition
    height: int
    width: int

    @property
    def weight_sum(self) -> int:
        """What the weights of `sums` sum to: where all are equal, each is 1."""
        return 1 if self.definition.sigma else self.definition.window**2

    def means(self, body: Body, planes: str) -> str:
        """Weighted means of float64 values."""
        taps = self.definition.taps
        down = body.op("MatMul", body.constant(_bands(taps, self.height)), planes)
        return body.op("MatMul", down, body.constant(_bands(taps, self.width).T))

    def sums(self, body: Body, planes: str, output: str = "") -> str:
        """Sums of float32 values, with weights that sum to `weight_sum`.

        A Gaussian's are the middle value plus weighted steps between neighbours (see
        `animegan_kernels/search/gaussian.h`): exact where an image is flat. There the rounding of
        plain sums would be as large as the constant C2 that it meets.
        """
        if self.definition.sigma is None:
            ones = np.ones(self.definition.window)
            down = body.op("MatMul", _constant(body, _bands(ones, self.height)), planes)
            along = _constant(body, _bands(ones, self.width).T)
            return body.op("MatMul", down, along, output=output)
        margin = self.definition.window // 2
        weights = _step_weights(self.definition.taps)
        steps = body.op("MatMul", _constant(body, _bands(_STEP, self.height)), planes)
        around = body.op("MatMul", _constant(body, _bands(weights, self.height - 1)), steps)
        down = body.op("Add", body.slice(planes, -2, margin, self.height - margin), around)
        steps = body.op("MatMul", down, _constant(body, _bands(_STEP, self.width).T))
        around = body.op("MatMul", steps, _constant(body, _bands(weights, self.width - 1).T))
        middle = body.slice(down, -1, margin, self.width - margin)
        return body.op("Add", middle, around, output=output)


def _bands(weights: Array, length: int) -> Array:
    """The matrix that weighs every window of a column, [windows, length]."""
    count = length - len(weights) + 1
    bands = np.zeros((count, length))
    for place, weight in enumerate(weights):
        bands[np.arange(count), np.arange(count) + place] = weight
    return bands


def _step_weights(taps: Array) -> Array:
    """Of the steps between a window's values: what the taps on the far side of each sum to."""
    before = taps.cumsum()[:-1]
    return np.where(np.arange(len(before)) < len(taps) // 2, -before, 1 - before)


def _constant(body: Body, matrix: Array) -> str:
    return body.constant(matrix.astype(FLOAT))
