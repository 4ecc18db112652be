"""Which index the demo searches: the default one, or a small one that it makes."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from deploy.local.components import SEARCH_MODEL
from deploy.local.console import LocalStackError, say
from deploy.local.runtime import PROJECT
from deploy.local.state import StackSettings

# The first 1,000 faces of the default dataset, which lie in this repository.
SMALL_INDEX = "procedural-64-first-1000"
_FOLDER = PROJECT / ".local" / "demo"
_MANIFEST = "manifest.json"


@dataclass(frozen=True)
class DemoIndex:
    """An index to search."""

    folder: Path  # of indexes
    name: str


def demo_index(models: Path, indexes: Path) -> DemoIndex | None:
    """The index to search, made if need be; None, and says why, where no model searches.

    Args:
        models: the model repository.
        indexes: the folder in which `make index` would have put the default index.

    Raises:
        LocalStackError: the small index cannot be made.
    """
    if not (models / SEARCH_MODEL).is_dir():
        say(f"No search: there is no model {SEARCH_MODEL} in {models}")
        return None
    if (indexes / StackSettings.default_index / _MANIFEST).is_file():
        return DemoIndex(indexes, StackSettings.default_index)
    small = DemoIndex(_FOLDER / "indexes", SMALL_INDEX)
    if not (small.folder / SMALL_INDEX / _MANIFEST).is_file():
        say(f"There is no default index (`make index`): making a small one, {SMALL_INDEX}")
        command = [sys.executable, "-m", "training.index.demonstration", "build", str(_FOLDER)]
        made = subprocess.run(command, cwd=PROJECT, check=False)  # noqa: S603  # our own command
        if made.returncode != 0:
            raise LocalStackError("the small index could not be made, see above")
    return small
