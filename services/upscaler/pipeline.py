"""From a picture's file to the file of the larger one: read → infer → encode, strip by strip."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing, nullcontext
from typing import Any, TypeVar

from services.common.pictures.encoding import Format
from services.common.pictures.headers import RAW, PictureError
from services.common.rpc.admission import Admission, Hold
from services.common.rpc.errors import InvalidField, NotFound, forgotten_frames
from services.common.triton.catalogue import with_successors
from services.upscaler.decoding import Picture, read_picture
from services.upscaler.engine.enlarge import enlarge, is_exact
from services.upscaler.engine.networks import Inference
from services.upscaler.engine.strips import Pixels, Strips
from services.upscaler.engine.tiling import TileSettings
from services.upscaler.metrics import UpscalerMetrics
from services.upscaler.models import Catalogue, make_plan
from services.upscaler.strip_encoding import StripEncoder, strip_encoder
from services.upscaler.types import (
    GROWING,
    Done,
    Failure,
    Header,
    Order,
    Part,
    Plan,
    Progress,
    Stage,
)

# gRPC libraries accept messages of 4 MiB; small chunks also make even progress.
CHUNK_BYTES = 2**18
# Handing work to a thread and back costs 0.2 ms of a core, as much as copying so many bytes. The
# end of a PNG takes 0.06 ms at most, however large the picture is.
_QUICK_BYTES = 2**20

T = TypeVar("T")


class Pipeline:
    """Makes what orders ask for."""

    def __init__(
        self,
        catalogue: Catalogue,
        inference: Inference,
        pixels: Admission,
        metrics: UpscalerMetrics,
        tiles: TileSettings,
        *,
        max_collected_pixels: int,
    ) -> None:
        """Connect the stages.

        Args:
            catalogue: knows what can be run.
            inference: runs networks.
            pixels: admits pixels that are held in memory.
            metrics: takes the time of each stage, and counts.
            tiles: how large pictures are cut.
            max_collected_pixels: of an answer in a format that cannot be written as it grows.
        """
        self._catalogue = catalogue
        self._inference = inference
        self._pixels = pixels
        self._metrics = metrics
        self._tiles = tiles
        self._max_collected = max_collected_pixels

    async def upscale(self, order: Order) -> tuple[Header, bytes]:
        """Make the whole answer.

        Raises:
            InvalidField: the picture is broken, or the method cannot do what the order asks.
            Busy: its pixels do not fit beside those that are being worked on.
            NotFound, Unavailable, DeadlineExceeded, Internal: see `errors.py`.
        """
        plan = await self._plan(order, order.file.width, order.file.height)
        room = await self._pixels.now(_held_pixels(order, plan, whole=True))
        with forgotten_frames(), room:
            async with aclosing(self._parts(order, plan, room)) as source:
                parts = [part async for part in source]
        (header,) = (part for part in parts if isinstance(part, Header))
        return header, b"".join(part for part in parts if isinstance(part, bytes))

    async def answer(self, order: Order | Failure) -> AsyncGenerator[Part]:
        """Make the answer to a picture of a stream, part by part, as soon as there is room.

        What concerns this picture alone is told by a Failure as the last part.

        Raises:
            Unavailable, DeadlineExceeded, Internal: see `errors.py`.
        """
        if isinstance(order, Failure):
            yield order
            return
        with order.room or nullcontext():
            try:
                plan = await self._plan(order, order.file.width, order.file.height)
                room = await self._pixels.in_turn(_held_pixels(order, plan, whole=False))
                with forgotten_frames(), room:
                    async with aclosing(self._parts(order, plan, room)) as parts:
                        async for part in parts:
                            yield part
            except (InvalidField, NotFound) as error:
                yield Failure(error, order.id)

    async def canary(self) -> None:
        """Look for models, and let those of the default method enlarge a few pixels."""
        await self._catalogue.refresh()
        await self._inference.canary(await self._catalogue.find(""))

    async def _parts(self, order: Order, plan: Plan, room: Hold) -> AsyncGenerator[Part]:
        """The answer; `plan` is for the size that its file's header says.

        Its pixels have `room`, until nothing but the end of its file is left.
        """
        yield Progress(Stage.READING, 0)
        picture = await self._read(order)
        if (picture.width, picture.height) != (order.file.width, order.file.height):  # turned
            plan = await self._plan(order, picture.width, picture.height)
        plan, strip, strips = await self._begin(order, picture, plan)
        format_ = order.options.encoding.format
        bytes_ = plan.width * plan.height * picture.channels
        quick = format_ is Format.RAW and bytes_ <= _QUICK_BYTES
        size = rows = 0
        async with aclosing(strips):
            encoder = self._encoder(order, plan, picture)
            exact = is_exact(plan, picture.height, picture.width, self._tiles)
            yield Header(order, plan, picture.channels, picture.steps, exact)
            while strip is not None:
                for chunk in _chunks(await self._encode(quick, encoder.add, strip)):
                    size += len(chunk)
                    yield chunk
                rows += len(strip)
                yield Progress(Stage.ENLARGING, rows / plan.height)
                strip = await anext(strips, None)
        if format_ not in GROWING:
            yield Progress(Stage.ENCODING, 1)
        end = await self._encode(format_ in GROWING, encoder.finish)
        del picture, encoder, strips
        room.shrink(0)
        for chunk in _chunks(end):
            size += len(chunk)
            yield chunk
        self._metrics.count(plan)
        yield Done(size)

    async def _plan(self, order: Order, width: int, height: int) -> Plan:
        method = await self._catalogue.find(order.options.method)
        return make_plan(method, order.options, width, height)

    async def _begin(
        self, order: Order, picture: Picture, plan: Plan
    ) -> tuple[Plan, Pixels | None, Strips]:
        """Wait for the first strip; return it, and the stream of those that follow.

        A version that is replaced before that costs the caller nothing: the work is begun anew with
        its successor. Later it is an Unavailable, for half a picture cannot be taken back.
        """

        async def begin(plan: Plan) -> tuple[Plan, Pixels | None, Strips]:
            strips = enlarge(picture, plan, self._inference.run, self._tiles)
            return plan, await anext(strips), strips

        async def successor(failed: Plan) -> Plan | None:
            await self._catalogue.refresh()
            current = await self._plan(order, picture.width, picture.height)
            return None if current.passes == failed.passes else current

        return await with_successors(plan, begin, successor)

    async def _read(self, order: Order) -> Picture:
        with self._metrics.stage("read"):
            try:
                return await self._run(order.file.format == RAW, read_picture, order.file)
            except PictureError as error:
                raise InvalidField(order.field, str(error)) from error

    def _encoder(self, order: Order, plan: Plan, picture: Picture) -> StripEncoder:
        size = (plan.height, plan.width, picture.channels)
        exif = picture.exif if order.options.keep_metadata else b""
        try:
            return strip_encoder(
                order.options.encoding, size, max_collected_pixels=self._max_collected, exif=exif
            )
        except PictureError as error:
            raise InvalidField("options.format", str(error)) from error

    async def _encode(self, quick: bool, work: Callable[..., bytes], *arguments: Pixels) -> bytes:
        with self._metrics.stage("encode"):
            return await self._run(quick, work, *arguments)

    async def _run(self, quick: bool, work: Callable[..., T], *arguments: Any) -> T:
        """Do what is quick at once, the rest in a thread."""
        if quick:
            return work(*arguments)
        return await asyncio.to_thread(work, *arguments)


def _held_pixels(order: Order, plan: Plan, *, whole: bool) -> int:
    """How many pixels lie in memory at a time: known before the picture is decoded."""
    pixels = order.file.width * order.file.height
    if whole or order.options.encoding.format not in GROWING:
        pixels += plan.width * plan.height
    return pixels


def _chunks(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), CHUNK_BYTES):
        yield data[start : start + CHUNK_BYTES]
