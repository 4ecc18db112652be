"""The files that a verb gets."""

from collections.abc import Iterable
from pathlib import Path


def unreadable(files: Iterable[Path]) -> dict[Path, str]:
    """Those of the files that cannot be read, and why."""
    reasons = {}
    for file in files:
        try:
            file.open("rb").close()
        except OSError as error:
            reasons[file] = error.strerror or str(error)
    return reasons
