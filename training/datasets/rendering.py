"""Renders a dataset of procedural faces with all cores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from animegan_cli.progress import ProgressBar
from training.datasets.ordered import ordered_map
from training.datasets.procedural import RENDERER_VERSION, render, sample
from training.datasets.procedural.attributes import MAX_SEED
from training.datasets.procedural.geometry import SIZES
from training.datasets.store import DatasetWriter, Header, Labels

LICENCE = "CC0-1.0"
CHUNK = 64
"""Faces a task: small enough for a lively progress bar, large enough to hide its overhead."""


def render_dataset(
    directory: Path,
    count: int,
    size: int,
    first_seed: int = 0,
    workers: int = 1,
    name: str | None = None,
) -> str:
    """Render faces for the seeds first_seed, first_seed + 1, ... and store them with labels.

    Shards that an earlier run of the same call finished are verified and kept.

    Args:
        directory: Where the dataset goes (`training.datasets.store`).
        count: Number of faces.
        size: Pixels a side, one of `SIZES`.
        first_seed: The first seed; the last one must be below 2**64.
        workers: Processes that render.
        name: Name in the manifest; the directory's name when absent.

    Returns:
        The dataset's digest.

    Raises:
        ValueError: an argument is out of range.
        DatasetMismatchError: the directory holds another dataset.
        SkiaUnavailableError: the drawing library is not installed.
    """
    if size not in SIZES:
        raise ValueError(f"size must be one of {SIZES}, got {size}")
    if not 0 <= first_seed <= MAX_SEED + 1 - count:
        raise ValueError(f"seeds must be within [0, 2**64), got {count} from {first_seed} on")
    from training.datasets.procedural import face  # noqa: F401  # say now if Skia is missing

    directory = Path(directory)
    header = rendered_header(name or directory.resolve().name, count, size, first_seed)
    writer = DatasetWriter(directory, header)
    missing = writer.missing()
    done = count - sum(len(header.shard_range(index)) for index in missing)
    label = f"rendering {header.name}"
    with ProgressBar(total=count, initial=done, unit="face", desc=label) as bar:
        tasks = ((first_seed + i, size) for shard in missing for i in header.shard_range(shard))
        faces = _render_all(tasks, workers, bar)
        for shard in missing:
            span = header.shard_range(shard)
            images_NHWC = np.stack(list(islice(faces, len(span))))
            writer.write_shard(shard, images_NHWC, face_labels(first_seed, span))
    return writer.finish()


def rendered_header(name: str, count: int, size: int, first_seed: int) -> Header:
    """What a rendered dataset tells of itself."""
    return Header(
        name=name,
        resolution=size,
        channels=3,
        count=count,
        licence=LICENCE,
        source={
            "kind": "procedural",
            "renderer_version": RENDERER_VERSION,
            "first_seed": first_seed,
        },
    )


def face_labels(first_seed: int, span: range) -> list[Labels]:
    """The labels of the images `span` of a rendered dataset; nothing is drawn."""
    return [
        {"id": index, "seed": first_seed + index, "attributes": sample(first_seed + index).labels()}
        for index in span
    ]


def _render_chunk(tasks: list[tuple[int, int]]) -> list[np.ndarray]:
    return [render(seed, size) for seed, size in tasks]


def _render_all(
    tasks: Iterable[tuple[int, int]], workers: int, bar: ProgressBar[Any]
) -> Iterator[np.ndarray]:
    """Render (seed, size) pairs; faces come in the order of the tasks."""
    tasks = iter(tasks)
    length = CHUNK if workers > 1 else 1
    for faces in ordered_map(_render_chunk, iter(lambda: list(islice(tasks, length)), []), workers):
        bar.update(len(faces))
        yield from faces
