"""Cutting a picture that comes in strips into overlapping tiles of one shape, and putting it back.

A network's output near a tile's edge lacks what lies beyond, unless the edge is the picture's own,
where the network pads by itself. So tiles overlap by its margin on both sides, and of each only
the part is kept that a whole picture would have given. Tiles are moved inwards at the far borders
instead of being cut: all have one shape, go to Triton in batches, and no border is artificial.

Names: H height, W width, C channels, N tiles.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Span:
    """A tile along one axis, in pixels of the input: it reads start..stop, keeps first..last."""

    start: int
    stop: int
    first: int
    last: int


@dataclass(frozen=True)
class TileSettings:
    """How large pictures are divided, and how much of one is under way at a time."""

    side: int = 256
    """Pixels along a tile's side, overlap included."""

    whole_pixels: int = 512 * 512
    """Pictures up to this number of pixels are not divided by networks that pool globally."""

    batch: int = 4
    """Tiles in one request to Triton at most; the model's own limit holds, too."""

    in_flight: int = 4
    """Requests that one picture has under way at a time."""


def spans(length: int, side: int, margin: int, alignment: int = 1) -> Sequence[Span]:
    """Cover `length` pixels with spans of `side` pixels (or one, of `length`, if that is less).

    Args:
        length: pixels to cover.
        side: pixels that a span reads; the last one reads up to `alignment` - 1 more.
        margin: pixels between what a span keeps and its ends, unless those are the picture's.
        alignment: spans start at its multiples, as the grid of a network that samples down does.

    Raises:
        ValueError: nothing is left of a side within its margins.
    """
    if length <= side:
        return [Span(0, length, 0, length)]
    if side < 2 * margin + alignment:
        raise ValueError(f"nothing is left of {side} pixels within margins of {margin}")
    result = [Span(0, side, 0, side - margin)]
    while (first := result[-1].last) < length:
        start = (first - margin) // alignment * alignment
        if start + side < length:
            result.append(Span(start, start + side, first, start + side - margin))
        else:
            start = (length - side) // alignment * alignment
            result.append(Span(start, length, first, length))
    return result
