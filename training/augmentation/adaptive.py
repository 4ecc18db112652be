"""How often the discriminator's images are augmented: as often as it overfits.

Karras et al. 2020, section 3: the share of real images that the discriminator takes for real rises
when it begins to know them by heart. r_t = E[sign(D(real))] is held at a target by moving the
probability p up or down in small steps.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

# Steps between two changes of p; r_t is the mean over them.
INTERVAL = 4


class Controller:
    """The probability p of every operation and the rule that moves it.

    Args:
        p: at the start, in [0, 1].
        target: r_t to be held, in (-1, 1); none leaves p as it is.
        ramp_images: real images over which p can rise from 0 to 1.
    """

    def __init__(self, p: float, target: float | None, ramp_images: int) -> None:
        self.p = p
        self.target = target
        self.ramp_images = ramp_images
        self._signs: list[float | Tensor] = []

    def update(self, real_sign: float | Tensor, batch: int) -> None:
        """Take note of one step.

        Args:
            real_sign: mean of sign(D(real)) over the batch, in [-1, 1]; a scalar tensor is read
                when p moves.
            batch: real images in the step.
        """
        if self.target is None:
            return
        self._signs.append(real_sign)
        if len(self._signs) < INTERVAL:
            return
        overfits = sum(map(float, self._signs)) / INTERVAL > self.target
        change = INTERVAL * batch / self.ramp_images
        self.p = min(1.0, max(0.0, self.p + (change if overfits else -change)))
        self._signs.clear()

    def state(self) -> dict[str, Any]:
        """What `restore` needs, as plain values."""
        return {"p": self.p, "signs": [float(sign) for sign in self._signs]}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state`."""
        self.p = state["p"]
        self._signs = list(state["signs"])
