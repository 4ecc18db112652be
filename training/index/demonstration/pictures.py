"""The demo's pictures, drawn once: `faces.webp`, one lossless sheet, and `faces.json` of it.

`make demo-faces` draws them again with the renderer and writes both files. Decoded, the sheet is
what the renderer draws, in every byte.
"""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training.datasets.procedural import RENDERER_VERSION
from training.datasets.rendering import LICENCE, render_dataset
from training.datasets.store import Dataset
from training.files import pretty, write

SHEET = Path(__file__).with_name("faces.webp")
RECORD = Path(__file__).with_name("faces.json")
SIZE = 64
COLUMNS = 40  # of the sheet; rows of faces follow one another


@dataclass(frozen=True)
class Part:
    """Some of the pictures: those of seeds that follow one another.

    Attributes:
        name: of the dataset that they are.
        first_seed: of its first picture.
        count: how many.
    """

    name: str
    first_seed: int
    count: int


FACES = Part("procedural-64-first-1000", 0, 1000)
"""A part of what the default generator learnt from."""
HELDOUT = Part("procedural-64-heldout-200", 1_000_000, 200)
"""Seeds that no training set has; enough for the threshold of a false-alarm rate of 0.01."""
PARTS = (FACES, HELDOUT)


class DamagedPicturesError(Exception):
    """The sheet is not the one that its record tells of."""


def read() -> dict[Part, NDArray[np.uint8]]:
    """The pictures of each part, [N, SIZE, SIZE, 3].

    Raises:
        DamagedPicturesError: the sheet's digest is not the recorded one.
    """
    content = SHEET.read_bytes()
    if hashlib.sha256(content).hexdigest() != json.loads(RECORD.read_text())["sha256"]:
        raise DamagedPicturesError(f"{SHEET} is damaged: `git checkout {SHEET.name}` restores it")
    sheet = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
    rows = sheet.reshape(-1, SIZE, COLUMNS, SIZE, 3)
    images_NHWC = rows.swapaxes(1, 2).reshape(-1, SIZE, SIZE, 3)
    ends = np.cumsum([part.count for part in PARTS])
    return dict(zip(PARTS, np.split(images_NHWC, ends[:-1]), strict=True))


def draw(workers: int) -> None:
    """Render all pictures, and write the sheet and its record.

    Raises:
        SkiaUnavailableError: the drawing library cannot be loaded; says what it needs.
    """
    with TemporaryDirectory() as folder:
        images_NHWC = np.concatenate([_render(Path(folder), part, workers) for part in PARTS])
    rows = images_NHWC.reshape(-1, COLUMNS, SIZE, SIZE, 3)
    sheet = Image.fromarray(rows.swapaxes(1, 2).reshape(-1, COLUMNS * SIZE, 3))
    content = io.BytesIO()
    sheet.save(content, "WEBP", lossless=True)
    record: dict[str, Any] = {
        "what": f"{len(images_NHWC)} procedural anime faces of {SIZE}x{SIZE} pixels, "
        f"{COLUMNS} in a row, part after part",
        "licence": LICENCE,
        "made_by": "make demo-faces",
        "renderer_version": RENDERER_VERSION,
        "parts": [asdict(part) for part in PARTS],
        "sha256": hashlib.sha256(content.getvalue()).hexdigest(),
    }
    write(SHEET, content.getvalue())
    write(RECORD, pretty(record))


def _render(folder: Path, part: Part, workers: int) -> NDArray[np.uint8]:
    directory = folder / part.name
    render_dataset(directory, part.count, SIZE, part.first_seed, workers, part.name)
    return np.asarray(Dataset.open(directory).images_NHWC[:])
