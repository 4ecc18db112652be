"""Classical resampling of a stream of strips: to the level what Pillow makes of a whole picture.

Pillow filters rows, rounds to eight bits, then filters columns, with weights of 22 fractional
bits (`src/libImaging/Resample.c`). Its `box` would give strips of their own, but takes coordinates
in single precision: with factors that are no whole numbers, levels differ. So rows are filtered by
Pillow and columns here, with the same weights: sums of whole numbers, exact in float64.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import aclosing
from math import pi, sin

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from services.upscaler.engine.strips import Pixels, Size, Strips, Window
from services.upscaler.types import Filter

_ROWS = 64  # of a strip of the result: large enough for BLAS, small beside the picture
_BITS = 22  # PRECISION_BITS


def _triangle(x: float) -> float:
    return max(0.0, 1.0 - abs(x))


def _cubic(x: float) -> float:
    """Keys' cubic convolution (1981) with a = -0.5."""
    x = abs(x)
    if x < 1:
        return ((-0.5 + 2.0) * x - (-0.5 + 3.0)) * x * x + 1
    return (((x - 5) * x + 8) * x - 4) * -0.5 if x < 2 else 0.0


def _sinc(x: float) -> float:
    return 1.0 if x == 0 else sin(x * pi) / (x * pi)


def _lanczos(x: float) -> float:
    return _sinc(x) * _sinc(x / 3) if -3 <= x < 3 else 0.0


_KERNELS: Mapping[Filter, tuple[Callable[[float], float], float, Image.Resampling]] = {
    Filter.BILINEAR: (_triangle, 1.0, Image.Resampling.BILINEAR),
    Filter.BICUBIC: (_cubic, 2.0, Image.Resampling.BICUBIC),
    Filter.LANCZOS: (_lanczos, 3.0, Image.Resampling.LANCZOS),
}
# Pillow filters colours with alpha premultiplied.
_MODES = {1: ("L", "L"), 2: ("LA", "La"), 3: ("RGB", "RGB"), 4: ("RGBA", "RGBa")}


async def resampled(strips: Strips, old: Size, new: Size, by: Filter) -> Strips:
    """A picture of the size `old` in the size `new`.

    Equal to Pillow's `Image.resize` where no side shrinks. Where one does, Pillow may filter
    columns before rows, which rounds otherwise.
    """
    async with aclosing(strips):
        window = Window(strips)
        for top in range(0, new.height, _ROWS):
            rows = range(top, min(new.height, top + _ROWS))
            if by is Filter.NEAREST:
                chosen = _nearest(old.height, new.height)[rows.start : rows.stop]
                strip = await window.take(int(chosen[0]), int(chosen[-1]) + 1)
                yield strip[chosen - chosen[0]][:, _nearest(old.width, new.width)]
            else:
                start, weights = _weights(old.height, new.height, rows, by)
                strip = await window.take(start, start + weights.shape[1])
                yield await asyncio.to_thread(_filtered, strip, weights, new.width, by)


def _nearest(old: int, new: int) -> NDArray[np.intp]:
    """The pixel that each of the new ones shows; sums one by one, as Pillow rounds."""
    scale = old / new
    centres = np.full(new, scale)
    centres[0] = scale * 0.5
    return np.minimum(np.cumsum(centres).astype(np.intp), old - 1)


def _weights(old: int, new: int, rows: range, by: Filter) -> tuple[int, NDArray[np.float64]]:
    """The first old row that is needed for some new ones, and a matrix [new rows, old rows].

    Its elements are whole numbers, 2^22 for 1.
    """
    kernel, support, _ = _KERNELS[by]
    scale = old / new
    stretch = max(1.0, scale)
    spread = support * stretch
    lines: list[tuple[int, list[int]]] = []
    for row in rows:
        centre = (row + 0.5) * scale
        first = max(0, int(centre - spread + 0.5))
        last = min(old, int(centre + spread + 0.5))
        values = [kernel((x - centre + 0.5) * (1.0 / stretch)) for x in range(first, last)]
        total = sum(values)
        lines.append((first, [_fixed(value / total) for value in values]))
    start = lines[0][0]
    matrix = np.zeros((len(rows), max(first + len(line) for first, line in lines) - start))
    for number, (first, line) in enumerate(lines):
        matrix[number, first - start : first - start + len(line)] = line
    return start, matrix


def _fixed(weight: float) -> int:
    return int(weight * 2**_BITS + (0.5 if weight >= 0 else -0.5))


def _filtered(strip: Pixels, weights: NDArray[np.float64], width: int, by: Filter) -> Pixels:
    """Filter the rows of a strip to `width` pixels, then its columns by a matrix of weights."""
    height, _, channels = strip.shape
    mode, premultiplied = _MODES[channels]
    image = Image.fromarray(strip[:, :, 0] if channels == 1 else strip).convert(premultiplied)
    wide = np.asarray(image.resize((width, height), _KERNELS[by][2]), np.float64)
    sums = weights @ wide.reshape(height, -1)
    levels = np.floor((sums + 2 ** (_BITS - 1)) * 2.0**-_BITS).clip(0, 255)
    pixels: Pixels = levels.astype(np.uint8).reshape(len(weights), width, channels)
    if mode == premultiplied:
        return pixels
    image = Image.frombuffer(premultiplied, (width, len(weights)), pixels.tobytes())
    return np.asarray(image.convert(mode)).reshape(pixels.shape)
