"""The Anime Face Dataset of Kaggle (splcher/animefacedataset): `images/46651_2010.jpg` and so on.

The number counts the faces; the year is that of the picture they were cut from.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from training.datasets.growing import Skipped
from training.datasets.importing.archive import Archive
from training.datasets.importing.folder import Folder
from training.datasets.importing.source import Entry, Inventory, SourceError

_NAME = re.compile(r"(?:[^/]+/)*images/(?P<number>[0-9]{1,9})_(?P<year>[0-9]{4})\.jpg")
STRAY = "not named images/NUMBER_YEAR.jpg"


@dataclass(frozen=True, slots=True)
class AnimeFaces:
    """The pictures `images/NUMBER_YEAR.jpg` of a folder or of the archive as Kaggle ships it."""

    files: Folder | Archive

    def describe(self) -> dict[str, Any]:
        """See `Source.describe`."""
        return {"kind": "anime-faces"}

    def inventory(self) -> Inventory:
        """See `Source.inventory`."""
        found = self.files.inventory()
        entries, skipped = [], list(found.skipped)
        for entry in found.entries:
            facts = parse_name(entry.id)
            if facts is None:
                skipped.append(Skipped(entry.id, STRAY))
            else:
                entries.append(replace(entry, facts=facts))
        if not entries:
            raise SourceError(
                "no picture is named images/NUMBER_YEAR.jpg, as in the Anime Face Dataset: "
                "import other layouts as `folder` or `zip`"
            )
        entries.sort(key=lambda entry: (entry.facts["number"], entry.id))
        return Inventory(entries, skipped)

    def read(self, entry: Entry) -> bytes:
        """See `Source.read`."""
        return self.files.read(entry)


def parse_name(path: str) -> dict[str, int] | None:
    """Number and year out of a path, or None if it is none of the Anime Face Dataset."""
    match = _NAME.fullmatch(path)
    return {name: int(digits) for name, digits in match.groupdict().items()} if match else None
