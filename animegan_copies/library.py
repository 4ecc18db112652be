"""The embeddings of all indexes in a folder, as they are now: what a server of searches opens."""

from __future__ import annotations

import threading
from pathlib import Path

from animegan_copies.index import CopyIndex
from animegan_copies.manifest import FOLDER, MANIFEST
from animegan_ssim.index.manifest import MANIFEST as INDEX_MANIFEST
from animegan_ssim.index.manifest import check_name


class NotEmbeddedError(LookupError):
    """There is no such index here, or its images were never embedded."""


class CopyLibrary:
    """The embeddings below a folder of indexes. Safe to share between threads.

    Both manifests of an index are replaced atomically by whoever changes it, so two `stat` tell
    whether to open it anew.
    """

    def __init__(self, folder: Path) -> None:
        """Nothing is opened yet; `folder` holds one directory for each SSIM index."""
        self._folder = folder
        self._opened: dict[str, tuple[object, CopyIndex]] = {}
        self._lock = threading.Lock()

    def index(self, name: str) -> CopyIndex:
        """The embeddings of the index of this name, opened anew if they have changed.

        Raises:
            NotEmbeddedError: there are none.
            CopyIndexError: they are damaged, or of an earlier state of the index.
            SearchIndexError: the index is damaged.
        """
        try:
            directory = self._folder / check_name(name)
            stamp = [
                (status.st_ino, status.st_mtime_ns, status.st_size)
                for path in (directory / INDEX_MANIFEST, directory / FOLDER / MANIFEST)
                for status in [path.stat()]
            ]
        except (FileNotFoundError, NotADirectoryError, ValueError) as error:
            raise NotEmbeddedError(
                f"the images of the index {name!r} are not embedded: `anime-gan copies index` does"
            ) from error
        with self._lock:
            if name not in self._opened or self._opened[name][0] != stamp:
                self._opened[name] = (stamp, CopyIndex.open(directory))
            return self._opened[name][1]
