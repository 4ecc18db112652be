"""A comparison as Markdown tables, and as a figure that shows what the decibels mean."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean

from PIL import Image

from animegan_cli.sheets.comparison import Entry, Subject, comparison_sheet
from training.markdown import table
from training.metrics.score import Score
from training.upscaling.comparison import REFERENCE, Case
from training.upscaling.material import Material
from training.upscaling.methods import Method
from training.upscaling.quality import DOWNSCALE_FILTERS, Picture, downscale, psnr

FIGURE_FILTER = "lanczos"
TRUTH = "truth"


def to_markdown(cases: Sequence[Case], counts: dict[str, str]) -> str:
    """Two tables a material, PSNR and SSIM: a row a method, a column a filter.

    Args:
        cases: all of a comparison.
        counts: by material, how many pictures of what size: "60 of 256x256 pixels".
    """
    parts = []
    for material, count in counts.items():
        of_it = [case for case in cases if case.material == material]
        parts += [f"### {material.capitalize()}: {count}\n", _decibels(of_it), _similarities(of_it)]
    return "\n".join(parts)


def _decibels(cases: Sequence[Case]) -> str:
    columns = [*DOWNSCALE_FILTERS, f"mean gain over {REFERENCE}"]
    rows = _rows(cases, lambda case: case.psnr_db, 2)
    gains = [f"{mean(case.gain_db.value for case in group):+.2f}" for group in _by_method(cases)]
    return table(
        "PSNR in dB",
        columns,
        [(name, [*cells, gain]) for (name, cells), gain in zip(rows, gains, strict=True)],
    )


def _similarities(cases: Sequence[Case]) -> str:
    return table("SSIM", DOWNSCALE_FILTERS, _rows(cases, lambda case: case.ssim, 4))


def _rows(
    cases: Sequence[Case], score_of: Callable[[Case], Score], digits: int
) -> list[tuple[str, list[str]]]:
    """A row a method; the best of each column in bold."""
    best = {
        name: max(score_of(case).value for case in cases if case.filter == name)
        for name in DOWNSCALE_FILTERS
    }
    return [
        (
            group[0].method,
            [
                _cell(score_of(case), digits, score_of(case).value == best[case.filter])
                for case in group
            ],
        )
        for group in _by_method(cases)
    ]


def _by_method(cases: Sequence[Case]) -> list[list[Case]]:
    """The cases of each method, in the order of the filters."""
    names = dict.fromkeys(case.method for case in cases)
    return [[case for case in cases if case.method == name] for name in names]


def _cell(score: Score, digits: int, best: bool) -> str:
    """As in "38.41 ± 0.32": the wider half of the interval."""
    if score.low is None or score.high is None:
        raise ValueError("the score has no interval")
    reach = max(score.high - score.value, score.value - score.low)
    text = f"{score.value:.{digits}f} ± {reach:.{digits}f}"
    return f"**{text}**" if best else text


def draw(
    materials: Sequence[Material], methods: Sequence[Method], places: Sequence[int], out: Path
) -> None:
    """Draw some pictures of each material that may be shown, enlarged by all methods, PNG.

    Args:
        materials: of which those that are not public are left out.
        methods: from left to right; the truth follows.
        places: which pictures of a material.
        out: file to write.
    """
    subjects = [
        _subject(f"{material.name} {place + 1}", material.pictures[place], methods)
        for material in materials
        if material.public
        for place in places
    ]
    comparison_sheet(subjects).save(out, optimize=True)


def _subject(name: str, truth: Picture, methods: Sequence[Method]) -> Subject:
    small = downscale(truth, FIGURE_FILTER)
    enlarged = {method.name: method.enlarge(small) for method in methods}
    decibels = {name: psnr(picture, truth) for name, picture in enlarged.items()}
    best = max(decibels.values())
    entries = [
        Entry(name, Image.fromarray(picture), f"{decibels[name]:.2f} dB", decibels[name] == best)
        for name, picture in enlarged.items()
    ]
    whole = Image.fromarray(truth)
    height, width = truth.shape[:2]
    note = f"{width // 2}x{height // 2} -> {width}x{height}"
    return Subject(name, note, whole, [*entries, Entry(TRUTH, whole)])
