"""Danbooru2018 and its successors: metadata as JSON lines, pictures in 1,000 folders.

    metadata/2018000000000000 ...  one JSON object a line: id, rating, tags, file_ext, ...
    512px/0042/1042.jpg            scaled to fit 512 x 512; the folder is id modulo 1,000
    original/0042/1042.png         as uploaded

Anonymous, the Danbooru Community, and Gwern Branwen: Danbooru2018, 2019, https://gwern.net/danbooru
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from animegan_cli.progress import ProgressBar
from training.datasets.growing import Skipped
from training.datasets.importing.folder import Folder
from training.datasets.importing.source import Entry, Inventory, SourceError

VARIANTS = ("512px", "original")
RATINGS = ("g", "s", "q", "e")
"""General (since 2022), safe or sensitive, questionable, explicit."""
BUCKETS = 1000
NO_METADATA = "no metadata"


@dataclass(frozen=True, slots=True)
class Record:
    """What we use of a line of metadata."""

    id: int
    rating: str
    tags: tuple[str, ...]
    """Sorted names."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which pictures are wanted."""

    include: frozenset[str] = frozenset()
    """Every one of these tags."""
    exclude: frozenset[str] = frozenset()
    """None of these."""
    ratings: frozenset[str] = frozenset("s")

    def accepts(self, record: Record) -> bool:
        """Whether a picture is wanted."""
        tags = set(record.tags)
        wanted = self.include <= tags and not self.exclude & tags
        return wanted and record.rating in self.ratings


@dataclass(frozen=True, slots=True)
class Danbooru:
    """The pictures of one variant that lie on the disk and that a filter accepts, by id."""

    root: Path
    variant: str = "512px"
    wanted: Filter = Filter()

    def describe(self) -> dict[str, Any]:
        """See `Source.describe`."""
        return {
            "kind": "danbooru",
            "variant": self.variant,
            "include": sorted(self.wanted.include),
            "exclude": sorted(self.wanted.exclude),
            "ratings": sorted(self.wanted.ratings),
        }

    def inventory(self) -> Inventory:
        """See `Source.inventory`. Metadata without a picture are no loss and not reported."""
        there, skipped = self._pictures()
        entries, known = [], set()
        for record in self._records():
            entry = there.get(record.id)
            if entry is None or record.id in known:
                continue
            known.add(record.id)
            if self.wanted.accepts(record):
                facts = {"danbooru": record.id, "rating": record.rating, "tags": list(record.tags)}
                entries.append(Entry(entry.id, entry.size, facts))
        orphans = (entry for number, entry in there.items() if number not in known)
        skipped.extend(Skipped(entry.id, NO_METADATA) for entry in orphans)
        entries.sort(key=lambda entry: entry.facts["danbooru"])
        return Inventory(entries, sorted(skipped, key=lambda one: one.id))

    def read(self, entry: Entry) -> bytes:
        """See `Source.read`."""
        return Folder(self.root / self.variant).read(entry)

    def _pictures(self) -> tuple[dict[int, Entry], list[Skipped]]:
        """The files that lie where the layout wants them, by id, and those that do not."""
        found = Folder(self.root / self.variant).inventory()
        there, skipped = {}, list(found.skipped)
        for entry in found.entries:
            number = picture_id(entry.id)
            if number is None:
                skipped.append(Skipped(entry.id, "not named BUCKET/ID.EXTENSION"))
            elif number in there:
                skipped.append(Skipped(entry.id, f"a second file for the id {number}"))
            else:
                there[number] = entry
        return there, skipped

    def _records(self) -> Iterator[Record]:
        folder = self.root / "metadata"
        paths = sorted(path for path in folder.glob("*") if path.is_file())
        if not paths:
            raise SourceError(f"{folder} holds no metadata: unpack metadata.json.tar.xz there")
        total = sum(path.stat().st_size for path in paths)
        with ProgressBar(total=total, unit="B", unit_scale=True, desc="metadata") as bar:
            for path in paths:
                with path.open("rb") as lines:
                    for number, line in enumerate(lines, start=1):
                        bar.update(len(line))
                        if line.strip():
                            yield parse_record(line, f"{path}, line {number}")


def picture_id(path: str) -> int | None:
    """The id out of `0042/1042.jpg`, or None if the path is none of the layout."""
    bucket, _, name = path.partition("/")
    digits = name.partition(".")[0]
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 12 or "/" in name:
        return None
    number = int(digits)
    return number if bucket == f"{number % BUCKETS:04d}" else None


def parse_record(line: bytes, place: str) -> Record:
    """Read a line of metadata.

    Args:
        line: A JSON object; numbers may be strings, as in the years to 2019; `tags` holds names, or
            objects with a `name`, and `tag_string` is read where there are no `tags`.
        place: Where the line comes from, for the message.

    Raises:
        SourceError: a field that we use is absent or of another type.
    """
    try:
        record = json.loads(line)
        tags = record["tags"] if "tags" in record else record["tag_string"].split()
        names = {tag if isinstance(tag, str) else tag["name"] for tag in tags}
        number, rating = int(record["id"]), record["rating"]
        if number < 0 or not isinstance(rating, str) or not all(isinstance(n, str) for n in names):
            raise TypeError("id, rating or tags of another type")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise SourceError(f"{place} is no metadata of Danbooru: {error!r}") from error
    return Record(number, rating, tuple(sorted(names)))
