"""Imports a whole source: list, convert on all cores, write in order, report.

A run that finds work of an earlier one goes on with it, after it has compared the pictures that
were read then with their sha256 in the labels: pictures may have been edited in place.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from animegan_cli.progress import ProgressBar
from training.datasets.growing import GrowingWriter, Position, Skipped
from training.datasets.importing.convert import Converted, Converter, Recipe
from training.datasets.importing.source import (
    ChangedPicturesError,
    Entry,
    Source,
    UnusablePictureError,
)
from training.datasets.manifest import Header

CHUNK = 32
"""Pictures a task: few enough for a lively progress bar, enough to hide the task's own cost."""

LARGE = 8
"""Sides of an image that fit beside each other in a picture which shows more than a face."""

Chunks = Iterable[Sequence[Entry]]
Mapper = Callable[[Converter, Chunks], Iterator[list[Converted]]]
"""Applies the converter to chunks, anywhere, and gives the results in the order of the chunks."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import came to."""

    digest: str
    count: int
    skipped: Sequence[Skipped]
    large: Sequence[str] = field(default_factory=list)
    """Pictures that this run has read and that are `LARGE` times as large as the images."""


def import_dataset(
    directory: Path, name: str, licence: str, recipe: Recipe, mapper: Mapper
) -> Imported:
    """Import a source's pictures into a dataset, or go on with an import that was interrupted.

    The result depends on the source's content and the recipe alone, not on the mapper.

    Args:
        directory: Where the dataset goes (`training.datasets.store`).
        name: Name in the manifest.
        licence: An SPDX identifier, or `LicenseRef-...`.
        recipe: Source, crop and size.
        mapper: Runs the conversion.

    Raises:
        DatasetError: the source is unusable, or the directory holds another dataset.
        ChangedPicturesError: it holds this one, or a part, made of pictures that were edited since.
    """
    inventory = recipe.source.inventory()
    draft = Header(
        name=name,
        resolution=recipe.framing.size,
        channels=recipe.framing.channels,
        count=0,
        licence=licence,
        source=recipe.describe() | {"inventory_sha256": inventory.digest()},
    )
    writer = GrowingWriter(directory, draft)
    _check_unchanged(writer, inventory.entries, recipe.source)
    if writer.finished:
        return Imported(writer.digest, writer.count, writer.skipped)
    if writer.position == Position():
        writer.skip(inventory.skipped)
    large = _convert_rest(writer, inventory.entries, Converter(recipe), mapper)
    return Imported(writer.finish(), writer.count, writer.skipped, large)


def _check_unchanged(writer: GrowingWriter, entries: Sequence[Entry], source: Source) -> None:
    seen = writer.seen()
    known = [entry for entry in entries if entry.id in seen]
    if not known:
        return
    changed = []
    for entry in ProgressBar(known, unit="picture", desc="comparing"):
        try:
            found = hashlib.sha256(source.read(entry)).hexdigest()
        except UnusablePictureError:
            found = ""
        if found != seen[entry.id]:
            changed.append(entry.id)
    if changed:
        raise ChangedPicturesError(
            f"{len(changed)} pictures have changed since they were imported into "
            f"{writer.directory}, {changed[0]} among them: choose another directory"
        )


def _convert_rest(
    writer: GrowingWriter, entries: Sequence[Entry], converter: Converter, mapper: Mapper
) -> list[str]:
    """Returns the pictures that are large."""
    done, large = writer.position.entries, []
    least = LARGE * converter.recipe.framing.size
    chunks = (entries[first : first + CHUNK] for first in range(done, len(entries), CHUNK))
    with ProgressBar(total=len(entries), initial=done, unit="picture", desc="importing") as bar:
        for chunk in mapper(converter, chunks):
            for converted in chunk:
                if converted.side >= least:
                    large.append(entries[writer.position.entries].id)
                _write(writer, converted)
                bar.update()
            bar.set_postfix(images=writer.count, skipped=len(writer.skipped), refresh=False)
    return large


def _write(writer: GrowingWriter, converted: Converted) -> None:
    """Append a picture's images, apart from those that an earlier run has written already."""
    position = writer.position
    if position.images == 0:
        writer.skip(converted.skipped)
    for place in range(position.images, len(converted.images)):
        behind = replace(position, images=place + 1)
        writer.append(converted.images[place], converted.labels[place], behind)
    writer.position = Position(position.entries + 1)
