"""How near each method comes to the truth, by the filter that made the small pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from animegan_cli.progress import ProgressBar
from training.metrics.score import Score
from training.upscaling.material import Material
from training.upscaling.methods import Method
from training.upscaling.quality import DOWNSCALE_FILTERS, downscale, mean_score, psnr, ssim

REFERENCE = "lanczos"
"""The classical method that gains are measured against: on average the best one."""


@dataclass(frozen=True)
class Case:
    """One method on one material, made small by one filter: means over the pictures.

    Attributes:
        material: name of the pictures' kind.
        filter: of `quality.DOWNSCALE_FILTERS`.
        method: name of the method.
        psnr_db: mean of the pictures' PSNR.
        ssim: mean of the pictures' SSIM.
        gain_db: mean of the differences to the reference's PSNR, picture by picture: as the
            pictures are the same, its interval is much narrower than that of the PSNR.
    """

    material: str
    filter: str
    method: str
    psnr_db: Score
    ssim: Score
    gain_db: Score


def compare(materials: Sequence[Material], methods: Sequence[Method]) -> list[Case]:
    """Measure every method on every material and filter.

    Args:
        materials: what to measure on.
        methods: what to measure; `REFERENCE` must be among them.
    """
    steps = [(material, name) for material in materials for name in DOWNSCALE_FILTERS]
    with ProgressBar(total=len(steps) * len(methods), desc="comparing", unit="case") as bar:
        return [case for material, name in steps for case in _measure(material, name, methods, bar)]


def _measure(
    material: Material, filter_name: str, methods: Sequence[Method], bar: ProgressBar[Any]
) -> list[Case]:
    """All methods on the same small pictures."""
    small = [downscale(picture, filter_name) for picture in material.pictures]
    decibels, similarities = {}, {}
    for method in methods:
        enlarged = [method.enlarge(picture) for picture in small]
        pairs = list(zip(enlarged, material.pictures, strict=True))
        decibels[method.name] = np.array([psnr(*pair) for pair in pairs])
        similarities[method.name] = np.array([ssim(*pair) for pair in pairs])
        bar.update()
    return [
        Case(
            material.name,
            filter_name,
            method.name,
            mean_score(decibels[method.name].tolist()),
            mean_score(similarities[method.name].tolist()),
            mean_score((decibels[method.name] - decibels[REFERENCE]).tolist()),
        )
        for method in methods
    ]


def to_json(cases: Sequence[Case]) -> list[dict[str, Any]]:
    """The cases as plain values; dB to 3 digits, SSIM to 5."""
    return [
        asdict(case)
        | {
            "psnr_db": _rounded(case.psnr_db, 3),
            "ssim": _rounded(case.ssim, 5),
            "gain_db": _rounded(case.gain_db, 3),
        }
        for case in cases
    ]


def _rounded(score: Score, digits: int) -> dict[str, float]:
    return {name: round(value, digits) for name, value in asdict(score).items()}
