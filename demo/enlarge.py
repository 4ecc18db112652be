"""What the demo makes of its faces: larger ones, and a picture that shows what a network adds."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from animegan_cli.progress import ProgressBar
from animegan_client import Failure, GeneratedImage, UpscalerClient
from animegan_client.upscaler.types import UpscaleResult

SCALE = 4
_SHOWN = 4  # faces in the picture
_TIMEOUT_SECONDS = 120.0
_CELL = 256  # pixels of a picture's side in the figure
_GAP, _HEAD, _FONT_SIZE = 8, 28, 15
_PAPER, _INK = (255, 255, 255), (32, 32, 32)
# Eyes and nose: left, top, right, bottom as shares of a face's side.
_DETAIL = (0.2, 0.35, 0.7, 0.85)


def enlarge(target: str, faces: Sequence[GeneratedImage], out: Path) -> None:
    """Write the faces four times as large into `out`/enlarged, and the figure `enlarged.png`.

    Raises:
        AnimeganError: the service refused.
    """
    folder = out / "enlarged"
    folder.mkdir(parents=True, exist_ok=True)
    with UpscalerClient(target) as client:
        large = _upscaled(client, faces)
        for face, result in zip(faces, large, strict=True):
            (folder / f"{face.seed}.png").write_bytes(result.image.data)
        shown = faces[:: len(faces) // _SHOWN][:_SHOWN]
        smooth = [client.upscale(face, method="bicubic", scale=SCALE) for face in shown]
    ours = [large[faces.index(face)] for face in shown]
    rows = [
        (face.to_pil(), bicubic.image.to_pil(), network.image.to_pil())
        for face, bicubic, network in zip(shown, smooth, ours, strict=True)
    ]
    figure(rows, ours[0].provenance.method).save(out / "enlarged.png")


def figure(
    rows: Sequence[tuple[Image.Image, Image.Image, Image.Image]], method: str
) -> Image.Image:
    """Each face as it is, by bicubic interpolation and by a network, and details of the latter two.

    Args:
        rows: the face, and twice the same larger.
        method: the network's name.
    """
    heads = (f"as generated, {rows[0][0].width} pixels", "bicubic", method, "bicubic", method)
    size = (len(heads) * (_CELL + _GAP) + _GAP, len(rows) * (_CELL + _GAP) + _HEAD)
    sheet = Image.new("RGB", size, _PAPER)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(_FONT_SIZE)
    for column, head in enumerate(heads):
        draw.text((_GAP + column * (_CELL + _GAP), _GAP // 2), head, _INK, font)
    for row, (small, bicubic, network) in enumerate(rows):
        cells = (small, bicubic, network, _detail(bicubic), _detail(network))
        for column, cell in enumerate(cells):
            place = (_GAP + column * (_CELL + _GAP), _HEAD + row * (_CELL + _GAP))
            # Whole pixels: nothing of the figure's own is added to what it shows.
            square = cell.convert("RGB").resize((_CELL, _CELL), Image.Resampling.NEAREST)
            sheet.paste(square, place)
    return sheet


def _upscaled(client: UpscalerClient, faces: Sequence[GeneratedImage]) -> list[UpscaleResult]:
    large = []
    with closing(client.upscale_all(faces, scale=SCALE, timeout=_TIMEOUT_SECONDS)) as stream:
        for result in ProgressBar(stream, total=len(faces), unit="face", desc="Enlarging"):
            if isinstance(result, Failure):
                raise result.error
            large.append(result)
    return large


def _detail(face: Image.Image) -> Image.Image:
    left, top, right, bottom = (round(share * face.width) for share in _DETAIL)
    return face.crop((left, top, right, bottom))
