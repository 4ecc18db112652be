"""Small pictures as files, for imports."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image


def pixels(seed: int, height: int = 8, width: int = 8) -> np.ndarray:
    """Noise, uint8 [height, width, 3]."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def encoded(image: np.ndarray | Image.Image, kind: str = "PNG", **options: object) -> bytes:
    """A picture as the bytes of a file."""
    buffer = io.BytesIO()
    picture = Image.fromarray(image) if isinstance(image, np.ndarray) else image
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def jpeg(image: np.ndarray) -> np.ndarray:
    """A picture compressed and decoded again."""
    return np.asarray(Image.open(io.BytesIO(encoded(image, "JPEG", quality=50))))


def mirrored(image: np.ndarray) -> np.ndarray:
    """A picture, left to right."""
    return np.ascontiguousarray(image[:, ::-1])


def write_folder(root: Path, count: int, height: int = 8, width: int = 8) -> Path:
    """A folder of PNG files named by their numbers, each of its own noise."""
    root.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        (root / f"{number:03d}.png").write_bytes(encoded(pixels(number, height, width)))
    return root


def write_zip(path: Path, files: Mapping[str, bytes]) -> Path:
    """A zip archive of these members."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path
