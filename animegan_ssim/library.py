"""The indexes in a folder, as they are now: what a server of shards opens, watches and describes.

An index is called after its directory. Its manifest is replaced atomically by whoever changes it,
so one `stat` a request tells whether to open it anew. Of each index a server may serve only some
shards: part i of n takes the shards i, i + n, i + 2n, ...
"""

from __future__ import annotations

import os
import re
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from animegan_ssim.engine import Engine
from animegan_ssim.index import Index, SearchIndexError, Shard, index_directories
from animegan_ssim.index.manifest import MANIFEST

INDEXES_VARIABLE = "ANIMEGAN_INDEXES"
SHARDS_VARIABLE = "ANIMEGAN_SHARDS"

_PART = re.compile(r"([0-9]{1,6})/([0-9]{1,6})")


class NotServedError(LookupError):
    """No such index or shard is served here."""


@dataclass(frozen=True)
class Part:
    """Which shards of every index a server serves: number `place` of `parts` servers."""

    place: int = 0
    parts: int = 1

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read "i/n", such as "0/2"; "" is everything.

        Raises:
            ValueError: it is something else.
        """
        if not text:
            return cls()
        match = _PART.fullmatch(text)
        if not match or int(match[1]) >= int(match[2]):
            raise ValueError(f"{text!r} is not i/n with i from 0 to n - 1, such as 0/2")
        return cls(int(match[1]), int(match[2]))

    def holds(self, shard: int) -> bool:
        """Whether the shard at this place of its index is in the part."""
        return shard % self.parts == self.place


@dataclass(frozen=True, eq=False)
class Serving:
    """A shard, ready to be searched."""

    index: Index
    shard: Shard
    engine: Engine


class Library:
    """The indexes below a folder. Safe to share between threads."""

    def __init__(
        self, folder: Path, part: Part | None = None, *, verify: bool = True, backend: str = "auto"
    ) -> None:
        """Nothing is opened yet.

        Args:
            folder: holds one directory for each index. It may be missing: there is no index then.
            part: which shards to serve; None: all.
            verify: compare every byte with its checksum when an index is opened.
            backend: of the engines, as `Engine` takes it.
        """
        self._folder = folder
        self._part = part or Part()
        self._verify = verify
        self._backend = backend
        self._opened: dict[str, tuple[object, Index | SearchIndexError]] = {}
        self._serving: dict[str, Serving] = {}
        self._lock = threading.Lock()

    @classmethod
    def from_environment(cls, *, verify: bool = True, backend: str = "auto") -> Self:
        """The library that ANIMEGAN_INDEXES (a folder) and ANIMEGAN_SHARDS ("i/n") describe.

        Without the first there is no index.

        Raises:
            ValueError: the second makes no sense.
        """
        folder = Path(os.environ.get(INDEXES_VARIABLE) or os.devnull)
        part = Part.parse(os.environ.get(SHARDS_VARIABLE, ""))
        return cls(folder, part, verify=verify, backend=backend)

    def names(self) -> list[str]:
        """The indexes that there are, damaged ones included."""
        return [directory.name for directory in index_directories(self._folder)]

    def index(self, name: str) -> Index:
        """The index of this name, opened anew if it has changed.

        Raises:
            NotServedError: there is none.
            SearchIndexError: it is damaged, or of another version.
        """
        with self._lock:
            opened = self._current(name)
        if isinstance(opened, SearchIndexError):
            raise opened
        return opened

    def shard(self, name: str) -> Serving:
        """The shard "<index>/<shard>".

        Raises:
            NotServedError: there is none, or another server serves it.
            SearchIndexError: its index is damaged, or of another version.
        """
        index_name, _, shard_name = name.partition("/")
        index = self.index(index_name)
        with self._lock:
            # Engines only of shards that are asked for: each has threads of its own.
            serving = self._serving.get(name)
            if serving is None or serving.index is not index:
                shard = self._find(index, shard_name)
                self._serving[name] = serving = Serving(index, shard, self._engine(index, shard))
        return serving

    def load(self) -> dict[str, str]:
        """Make every shard ready that is served here, so that no query waits for that.

        Returns:
            The indexes that are refused, and why.
        """
        description = self.describe()
        for index in description["indexes"]:
            for shard in index["shards"]:
                if shard["served"]:
                    self.shard(f"{index['name']}/{shard['name']}")
        refused: dict[str, str] = description["refused"]
        return refused

    def describe(self) -> dict[str, Any]:
        """All indexes as plain JSON values.

        {"indexes": [`Index.describe`, with "served": bool in each shard], "refused": {name: why}}
        """
        indexes, refused = [], {}
        for name in self.names():
            try:
                indexes.append(self._describe(name, self.index(name)))
            except NotServedError:  # removed since it was listed
                continue
            except SearchIndexError as error:
                refused[name] = str(error)
        return {"indexes": indexes, "refused": refused}

    def _describe(self, name: str, index: Index) -> dict[str, Any]:
        description = index.describe() | {"name": name}
        for place, shard in enumerate(description["shards"]):
            shard["served"] = self._part.holds(place)
        return description

    def _find(self, index: Index, name: str) -> Shard:
        for place, shard in enumerate(index.shards):
            if shard.name == name and self._part.holds(place):
                return shard
        raise NotServedError(f"the shard '{index.directory.name}/{name}' is not served here")

    def _engine(self, index: Index, shard: Shard) -> Engine:
        return Engine(shard.tiles, shard.count, index.definition, backend=self._backend)

    def _current(self, name: str) -> Index | SearchIndexError:
        directory = self._folder / name
        stamp = _stamp(directory) if name else None
        if stamp is None:
            self._forget(name)
            raise NotServedError(f"there is no index {name!r} here")
        if name not in self._opened or self._opened[name][0] != stamp:
            self._forget(name)
            self._opened[name] = (stamp, self._open(directory))
        return self._opened[name][1]

    def _forget(self, name: str) -> None:
        """Let go of an index that was changed or removed, and of its engines."""
        self._opened.pop(name, None)
        for shard in [shard for shard in self._serving if shard.partition("/")[0] == name]:
            del self._serving[shard]

    def _open(self, directory: Path) -> Index | SearchIndexError:
        """Open an index; a refusal is kept, too, so that it costs no second look at all bytes."""
        try:
            return Index.open(directory, self._verify)
        except SearchIndexError as error:
            return error


def _stamp(directory: Path) -> object:
    """What changes when a manifest is replaced; None without a manifest."""
    try:
        status = (directory / MANIFEST).stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size
