"""From a picture and a plan to strips of the enlarged picture: the story of one picture.

    colours ──► network ──► network ──► filter ──┐
                                                 ├──► strips
    alpha   ──► network ──► network ──► filter ──┘

Every stage takes strips and gives strips, so that memory follows the width of a picture and the
size of tiles, not its height. Networks cut their tiles themselves (`tiling.py`).
"""

import asyncio
from contextlib import aclosing
from math import ceil

import numpy as np

from services.upscaler.decoding import Picture
from services.upscaler.engine.networks import OPAQUE, Infer, augmented, bled, on_alpha, on_grey
from services.upscaler.engine.resample import resampled
from services.upscaler.engine.strips import Pixels, Size, Strips, strips_of
from services.upscaler.engine.tiling import TileSettings, run_pass, tile_side
from services.upscaler.types import Plan

# Filters reach 3 pixels of the larger of their two sizes' grids; neither is finer than the input's.
_FILTER_REACH = 3


def enlarge(picture: Picture, plan: Plan, infer: Infer, tiles: TileSettings) -> Strips:
    """Enlarge a picture; gives strips uint8 [h,plan.width,C] from top to bottom, C as it had.

    Close the stream (`contextlib.aclosing`) when it is not read to its end: what is under way is
    cancelled, and nothing more is sent.

    Args:
        picture: as it was decoded.
        plan: for its size.
        infer: runs a batch of tiles of three channels; may be called several times at once.
        tiles: how the picture is divided.

    Raises:
        What `infer` raises.
    """
    if not plan.passes or picture.channels in (1, 3):
        return _one(picture.pixels, plan, infer, tiles)
    return _with_alpha(picture.pixels, plan, infer, tiles)


def is_exact(plan: Plan, height: int, width: int, tiles: TileSettings) -> bool:
    """False if networks that pool globally get the picture in tiles: its levels then differ."""
    size = Size(height, width)
    for model in plan.passes:
        divided = tile_side(model, size, tiles) < max(size.height, size.width)
        if model.pools_globally and divided:
            return False
        size = Size(size.height * model.scale, size.width * model.scale)
    return True


def _one(pixels: Pixels, plan: Plan, infer: Infer, tiles: TileSettings) -> Strips:
    """Colours or grey levels; without networks any picture."""
    infer = augmented(infer) if plan.tta else infer
    return _chain(pixels, plan, on_grey(infer) if pixels.shape[2] == 1 else infer, tiles)


async def _with_alpha(pixels: Pixels, plan: Plan, infer: Infer, tiles: TileSettings) -> Strips:
    """The colours, and the alpha by itself."""
    colours, alpha = pixels[:, :, :-1], pixels[:, :, -1:]
    if (alpha == OPAQUE).all():
        async with aclosing(_one(colours, plan, infer, tiles)) as strips:
            async for strip in strips:
                yield np.pad(strip, ((0, 0), (0, 0), (0, 1)), constant_values=OPAQUE)
        return
    # Alpha spreads as far as the reach, and the colours there depend on others as far away.
    reach = 2 * _reach(plan)
    colours = await asyncio.to_thread(bled, colours, alpha[:, :, 0], reach)
    alpha_infer = on_alpha(augmented(infer) if plan.tta else infer)
    async with (
        aclosing(_one(colours, plan, infer, tiles)) as colour_strips,
        aclosing(_chain(alpha, plan, alpha_infer, tiles)) as alpha_strips,
    ):
        async for strip in colour_strips:
            yield np.concatenate([strip, await anext(alpha_strips)], axis=2)


def _chain(pixels: Pixels, plan: Plan, infer: Infer, tiles: TileSettings) -> Strips:
    """The passes, then the filter."""
    size = Size(*pixels.shape[:2])
    strips = strips_of(pixels)
    for model in plan.passes:
        strips = run_pass(strips, size, model, infer, tiles)
        size = Size(size.height * model.scale, size.width * model.scale)
    if plan.resample:
        strips = resampled(strips, size, Size(plan.height, plan.width), plan.resample)
    return strips


def _reach(plan: Plan) -> int:
    """Pixels of the input around a pixel of the output that it depends on."""
    total, scale = 0, 1
    for model in plan.passes:
        total += ceil(model.margin / scale)
        scale *= model.scale
    return total + (_FILTER_REACH if plan.resample else 0)
