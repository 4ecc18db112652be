"""Checks requests and turns them into orders. Every complaint names the field and the remedy."""

from collections.abc import AsyncIterator

from animegan.upscaler.v1 import upscaler_pb2 as pb

from services.common.pictures.encoding import Format
from services.common.pictures.headers import (
    PictureError,
    PictureFile,
    check_size,
    raw_picture,
    read_header_aside,
)
from services.common.rpc.admission import Hold, Share
from services.common.rpc.errors import Busy, InvalidField
from services.common.rpc.messages import is_raw, parse_encoding
from services.upscaler.models import enlarged
from services.upscaler.strip_encoding import check_collected
from services.upscaler.types import (
    DEFAULT_SCALE,
    GROWING,
    MAX_SCALE,
    NO_NOISE,
    Failure,
    Limits,
    Options,
    Order,
)

MAX_NOISE = 3
# Longer names are not looked up, and not repeated in messages and logs.
_MAX_NAME = 64
_MAX_ID = 128
_RAW_CHANNELS = (1, 2, 3, 4)
# Of a message that begins a picture: it stays until there is room for what follows it.
_MAX_START_BYTES = 2**16


class OutOfOrder(InvalidField):
    """Parts of a stream come in an order in which nobody can tell what belongs together."""


async def parse_upscale(request: pb.UpscaleRequest, limits: Limits) -> Order:
    """Check everything that can be checked without decoding the picture or knowing the models.

    Raises:
        InvalidField: names the first wrong field.
    """
    options = _options(request.options)
    image = request.image
    if not image.data:
        raise InvalidField("image.data", "no picture was sent; put its file there")
    size = (image.width, image.height, image.channels)
    raw = size if is_raw("image.format", image.format) else None
    file = await _file("image.data", image.data, raw, limits.input_pixels)
    _check_output(file, options, limits.unary_pixels, limits, "; use UpscaleStream")
    return Order(file, "image.data", options)


async def parse_stream(
    requests: AsyncIterator[pb.UpscaleStreamRequest], limits: Limits, uploads: Share
) -> AsyncIterator[Order | Failure]:
    """Put the parts of a stream together, each picture in its turn for `uploads`.

    A picture that cannot be enlarged is rejected as soon as that is known; what else comes of it
    is read and forgotten.

    Raises:
        OutOfOrder: parts come in a wrong order, or stop within a picture.
    """
    async for request in requests:
        start = _start(request)
        chunks = _chunks(requests)
        try:
            yield await _assembled(start, chunks, limits, uploads)
        except OutOfOrder:
            raise
        except (InvalidField, Busy) as error:
            yield Failure(error, start.id)
        async for _ in chunks:
            pass


async def _assembled(
    start: pb.Start, chunks: AsyncIterator[bytes], limits: Limits, uploads: Share
) -> Order:
    """Read the chunks of a picture and check it as soon as can be.

    Raises:
        InvalidField: names the first wrong field.
        Busy: its size was not announced, and there is no room for what came.
    """
    options = _options(start.options)
    raw = _raw_size(start, limits)
    _check_bytes("size_bytes", start.size_bytes, limits)
    room = await uploads.in_turn(start.size_bytes)
    try:
        data = await _collected(chunks, limits, room)
        return await _order(start, options, raw, data, limits, room)
    except BaseException:
        room.release()
        raise


async def _collected(chunks: AsyncIterator[bytes], limits: Limits, room: Hold) -> bytes:
    """The chunks of a picture, in the room for as many bytes as were announced, or in more.

    Raises:
        InvalidField, Busy: they are too many.
    """
    collected: list[bytes] = []
    size = 0
    async for chunk in chunks:
        collected.append(chunk)
        size += len(chunk)
        _check_bytes("chunk", size, limits)
        if size > room.amount:
            await room.grow(size - room.amount)
    return b"".join(collected)


async def _order(
    start: pb.Start,
    options: Options,
    raw: tuple[int, int, int] | None,
    data: bytes,
    limits: Limits,
    room: Hold,
) -> Order:
    """The order of a picture that is there.

    Raises:
        InvalidField: names the first wrong field.
    """
    if start.size_bytes and len(data) != start.size_bytes:
        raise InvalidField("size_bytes", f"{start.size_bytes} were announced, {len(data)} came")
    if not data:
        raise InvalidField("chunk", "no picture was sent; send its file between start and end")
    file = await _file("chunk", data, raw, limits.input_pixels)
    _check_output(file, options, limits.output_pixels, limits)
    return Order(file, "chunk", options, start.id, room)


def _start(request: pb.UpscaleStreamRequest) -> pb.Start:
    """The beginning of a picture.

    Raises:
        OutOfOrder: it is another part.
            Its id is too long to be repeated in every answer.
    """
    if request.ByteSize() > _MAX_START_BYTES and request.WhichOneof("part") == "start":
        raise OutOfOrder("start", f"takes over {_MAX_START_BYTES} bytes; its fields need far fewer")
    if request.WhichOneof("part") != "start":
        raise OutOfOrder("start", "a picture begins with start; then come chunks, then end")
    if len(request.start.id) > _MAX_ID:
        raise OutOfOrder("start.id", f"longer than {_MAX_ID} characters")
    return request.start


async def _chunks(requests: AsyncIterator[pb.UpscaleStreamRequest]) -> AsyncIterator[bytes]:
    """The chunks until the picture's end."""
    async for request in requests:
        match request.WhichOneof("part"):
            case "chunk":
                yield request.chunk
            case "end":
                return
            case _:
                raise OutOfOrder("end", "a picture ends with end before the next one starts")
    raise OutOfOrder("end", "the stream stops within a picture; send end after its last chunk")


def _options(options: pb.UpscaleOptions) -> Options:
    quality = options.quality if options.HasField("quality") else None
    encoding = parse_encoding(options.format, quality, "options.")
    if options.keep_metadata and encoding.format is Format.RAW:
        raise InvalidField("options.keep_metadata", "RAW carries none; leave it out, or use PNG")
    return Options(
        method=_method(options),
        scale=_scale(options),
        noise=_noise(options),
        tta=options.test_time_augmentation,
        encoding=encoding,
        keep_metadata=options.keep_metadata,
    )


def _method(options: pb.UpscaleOptions) -> str:
    if len(options.method) > _MAX_NAME:
        raise InvalidField("options.method", f"longer than {_MAX_NAME} characters; see ListModels")
    return options.method


def _scale(options: pb.UpscaleOptions) -> float:
    if not options.HasField("scale"):
        return DEFAULT_SCALE
    if not 1 <= options.scale <= MAX_SCALE:  # false for NaN, too
        raise InvalidField(
            "options.scale", f"{options.scale:g} is not within 1 and {MAX_SCALE:g}; leave it out: 2"
        )
    return options.scale


def _noise(options: pb.UpscaleOptions) -> int:
    if not options.HasField("noise"):
        return NO_NOISE
    if not NO_NOISE <= options.noise <= MAX_NOISE:
        raise InvalidField(
            "options.noise",
            f"{options.noise} is not within -1 (none, as if left out) and {MAX_NOISE}",
        )
    return options.noise


async def _file(
    field: str, data: bytes, raw: tuple[int, int, int] | None, max_pixels: int
) -> PictureFile:
    """Look at a picture's header; `raw` is width, height and channels of one that has none."""
    try:
        return (
            raw_picture(data, *raw, max_pixels, _RAW_CHANNELS)
            if raw
            else await read_header_aside(data, max_pixels)
        )
    except PictureError as error:
        raise InvalidField(field, str(error)) from error


def _raw_size(start: pb.Start, limits: Limits) -> tuple[int, int, int] | None:
    if not is_raw("format", start.format):
        return None
    try:
        check_size(start.width, start.height, limits.input_pixels)
    except PictureError as error:
        raise InvalidField("width", str(error)) from error
    return (start.width, start.height, start.channels)


def _check_bytes(field: str, size: int, limits: Limits) -> None:
    if size > limits.picture_bytes:
        raise InvalidField(
            field,
            f"{size} bytes are over the limit of {limits.picture_bytes}; compress the picture "
            "better, or cut it",
        )


def _check_output(
    file: PictureFile, options: Options, max_pixels: int, limits: Limits, remedy: str = ""
) -> None:
    width, height = enlarged(file.width, options.scale), enlarged(file.height, options.scale)
    if width * height > max_pixels:
        raise InvalidField(
            "options.scale",
            f"{width}x{height} pixels would be over the limit of {max_pixels}{remedy}",
        )
    if options.encoding.format not in GROWING:
        try:
            check_collected(options.encoding.format, (height, width, 3), limits.collected_pixels)
        except PictureError as error:
            raise InvalidField("options.format", str(error)) from error
