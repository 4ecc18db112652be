"""Every way to enlarge pictures twice, by name: classical filters, and the networks that serve."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import onnxruntime as ort
from PIL import Image

from training.export.repository import read_card, versions
from training.export.triton_config import MODEL_FILE
from training.upscaling.export import CONTRACT
from training.upscaling.quality import Picture, enlarge

SCALE = 2
NO_NOISE = -1

CLASSICAL = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


@dataclass(frozen=True)
class Method:
    """A way to enlarge.

    Attributes:
        name: as callers of the service know it.
        enlarge: uint8 [H, W, 3] -> uint8 [2 H, 2 W, 3].
        sha256: of a network's ONNX file; "" for filters.
    """

    name: str
    enlarge: Callable[[Picture], Picture]
    sha256: str = ""


def classical_methods() -> tuple[Method, ...]:
    """Pillow's filters, the poorest first."""
    return tuple(
        Method(name, partial(enlarge, resampling=resampling, factor=SCALE))
        for name, resampling in CLASSICAL.items()
    )


def networks(repository: Path, threads: int = 1) -> tuple[Method, ...]:
    """The networks of a model repository that double pictures and remove no noise, by name.

    Args:
        repository: the folder `models`.
        threads: of ONNX Runtime.

    Raises:
        ValueError: it holds none.
    """
    found = [
        method
        for folder in sorted(repository.glob("upscale_*"))
        if (method := _network(folder, threads))
    ]
    if not found:
        raise ValueError(
            f"{repository} holds no networks that enlarge: name the repository with --models, or "
            "make some with `anime-gan waifu2x`"
        )
    return tuple(found)


def _network(folder: Path, threads: int) -> Method | None:
    """The newest version of a model; None if it does something else."""
    newest = versions(folder)[-1]
    card = read_card(folder, newest)
    if (card["contract"], card["scale"], card["noise"]) != (CONTRACT, SCALE, NO_NOISE):
        return None
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    session = ort.InferenceSession(
        folder / str(newest) / MODEL_FILE, options, providers=["CPUExecutionProvider"]
    )

    (image,) = session.get_inputs()

    def run(picture: Picture) -> Picture:
        enlarged: Picture = session.run(None, {image.name: picture[None]})[0][0]
        return enlarged

    return Method(str(card["method"]), run, card["files"][MODEL_FILE]["sha256"])
