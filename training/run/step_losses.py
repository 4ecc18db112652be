"""What a step tells, left on the device until somebody asks: who reads waits for the device.

A GPU is given the next step's work while it still computes this one's, as long as nobody reads.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from torch import Tensor

# Steps that are read at once.
READ_STEPS = 4


class StepLosses(Mapping[str, float]):
    """Name -> value of one step; the first value that is asked for reads all of them.

    Args:
        images_seen: before the step.
        names: in the order of the values.
        values: float32 [len(names)], on any device.
    """

    def __init__(self, images_seen: int, names: Sequence[str], values: Tensor) -> None:
        self.images_seen = images_seen
        self._names = tuple(names)
        self._values = values

    @cached_property
    def read(self) -> dict[str, float]:
        """All of them.

        Raises:
            FloatingPointError: one is not finite: the networks are spoilt.
        """
        found = dict(zip(self._names, self._values.tolist(), strict=True))
        if not all(math.isfinite(value) for value in found.values()):
            raise FloatingPointError(
                f"the losses after {self.images_seen} images are not finite ({found}); the last "
                "checkpoint is whole; begin another run with another --seed or with "
                "--precision fp32"
            )
        return found

    def unread(self, name: str) -> Tensor:
        """One of them as a scalar tensor on the device."""
        return self._values[self._names.index(name)]

    def __getitem__(self, name: str) -> float:
        return self.read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)
