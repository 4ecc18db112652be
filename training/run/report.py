"""What a run shows of itself: a log of JSON lines, sample sheets of fixed seeds, and curves."""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from training.files import write
from training.networks.interface import ImageGenerator
from training.networks.pixels import to_uint8

SHEET_SIDE = 8
SHEET_SEED = 1


def append_log(path: Path, record: dict[str, Any]) -> None:
    """Append one JSON line and flush it to the disk."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")
        file.flush()
        os.fsync(file.fileno())


def read_log(path: Path) -> list[dict[str, Any]]:
    """Read what `append_log` wrote; a line cut short by a crash is left out."""
    records = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            records.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return records


def rewind_log(path: Path, images_seen: int) -> None:
    """Drop the records of steps that a resumed run is going to do again."""
    if path.exists():
        kept = [record for record in read_log(path) if record["images"] <= images_seen]
        write(path, "".join(json.dumps(record) + "\n" for record in kept).encode())


@torch.no_grad()
def sample_sheet(generator: ImageGenerator, resolution: int, truncation: float) -> Image.Image:
    """Draw 64 images of fixed latents as one picture, each at the network's full size.

    Args:
        generator: usually the moving average; it is left as it is.
        resolution: the resolution trained so far.
        truncation: psi, for generators that have one.
    """
    shown = copy.deepcopy(generator).eval()
    shown.calibrate()
    randomness = torch.Generator().manual_seed(SHEET_SEED)
    z = torch.randn(SHEET_SIDE**2, shown.config.z_dim, generator=randomness)
    z = z.to(next(shown.parameters()).device)
    psi = truncation if shown.supports_truncation else 1.0
    pixels = to_uint8(shown.sample(z, psi, resolution=resolution)).cpu().numpy()
    scale = shown.config.resolution // resolution
    pixels = pixels.repeat(scale, 1).repeat(scale, 2)
    return tile(pixels, SHEET_SIDE)


def tile(images_NHWC: NDArray[np.uint8], columns: int) -> Image.Image:
    """Put images side by side, row by row; N must fill the rows."""
    count, height, width, channels = images_NHWC.shape
    rows = images_NHWC.reshape(count // columns, columns, height, width, channels)
    pixels = rows.transpose(0, 2, 1, 3, 4).reshape(-1, columns * width, channels)
    return Image.fromarray(pixels.squeeze(2) if channels == 1 else pixels)
