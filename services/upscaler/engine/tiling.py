"""Cutting a picture that comes in strips into overlapping tiles of one shape, and putting it back.

A network's output near a tile's edge lacks what lies beyond, unless the edge is the picture's own,
where the network pads by itself. So tiles overlap by its margin on both sides, and of each only
the part is kept that a whole picture would have given. Tiles are moved inwards at the far borders
instead of being cut: all have one shape, may go to Triton together, and no border is artificial.
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

    side: int = 320
    """Pixels along a tile's side, overlap included."""

    whole_pixels: int = 512 * 512
    """Networks that pool globally take up to so many pixels undivided, and tiles as large."""

    in_flight: int = 4
    """Tiles that one picture has under way at a time."""


def spans(length: int, side: int, margin: int, alignment: int = 1) -> Sequence[Span]:
    """Cover `length` pixels with as few spans of at most `side` pixels as possible.

    Args:
        length: pixels to cover.
        side: pixels that a span may read. All read as many, and no more than they have to.
        margin: pixels between what a span keeps and its ends, unless those are the picture's.
        alignment: spans start at its multiples, counted from either end of the picture: there the
            grid of a network that samples down has its points, turned round or not.

    Raises:
        ValueError: nothing is left of a side within its margins.
    """
    if length <= side:
        return [Span(0, length, 0, length)]
    side -= (side - length) % alignment
    if side < 2 * margin + alignment:
        raise ValueError(f"nothing is left of {side} pixels within margins of {margin}")
    side = _least(length, side, margin, alignment)
    result = [Span(0, side, 0, side - margin)]
    while (first := result[-1].last) < length:
        start = min(length - side, (first - margin) // alignment * alignment)
        stop = start + side
        result.append(Span(start, stop, first, length if stop == length else stop - margin))
    return result


def _least(length: int, side: int, margin: int, alignment: int) -> int:
    """The shortest side with which no more spans are needed than with `side`."""
    lost = 2 * margin + alignment - 1
    number = -(-(length - 2 * margin) // (side - lost))
    shortest = -(-(length - 2 * margin) // number) + lost
    return min(side, shortest + (length - shortest) % alignment)
