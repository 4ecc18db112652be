"""A model repository wherever fsspec reaches: a folder, or a URL such as s3://bucket/models.

In a folder every change is a rename. An object store cannot rename folders, but replaces single
objects at once: there a version is written file by file, and is nobody's business until the model's
`config.pbtxt`, replaced last, names it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from training.export import folders
from training.export.repository import CONFIG_FILE


class Store:
    """One repository. Paths are relative to it, with slashes."""

    def __init__(self, url: str | Path) -> None:
        """Open a repository; nothing is read yet.

        Args:
            url: a folder, or any URL that fsspec knows. Credentials come from the environment, as
                the scheme's library wants them (S3: AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL, ...).

        Raises:
            ImportError: the scheme's library is not installed.
            ValueError: fsspec does not know the scheme.
        """
        self.url = str(url)
        self._fs, self._root = url_to_fs(self.url, use_listings_cache=False)
        self._local = isinstance(self._fs, LocalFileSystem)

    def models(self) -> list[str]:
        """The models that have a configuration, sorted."""
        found = self._fs.glob(f"{self._root}/*/{CONFIG_FILE}")
        return sorted(str(path).rsplit("/", 2)[1] for path in found)

    def versions(self, model: str) -> list[int]:
        """The versions of a model, oldest first; none if it is unknown."""
        folder = f"{self._root}/{model}"
        if not self._fs.isdir(folder):
            return []
        names = (str(path).rstrip("/").rsplit("/", 1)[1] for path in self._fs.ls(folder, False))
        return sorted(int(name) for name in names if name.isdecimal())

    def read(self, path: str) -> bytes:
        """The content of a file.

        Raises:
            FileNotFoundError: there is none.
        """
        content: bytes = self._fs.cat_file(f"{self._root}/{path}")
        return content

    def files(self, model: str, version: int) -> list[str]:
        """The names of the files of a version."""
        found = self._fs.ls(f"{self._root}/{model}/{version}", True)
        return sorted(
            str(entry["name"]).rsplit("/", 1)[1] for entry in found if entry["type"] == "file"
        )

    @contextmanager
    def publishing(self, models: Sequence[str]) -> Iterator[None]:
        """Be the only process that publishes these models; an object store knows no locks.

        Raises:
            FolderInUseError: another one is at it.
        """
        folders_of = [Path(self._root) / model for model in models] if self._local else []
        with folders.publishing(folders_of):
            yield

    def add_version(self, model: str, version: int, files: Mapping[str, bytes]) -> None:
        """Add a version.

        Raises:
            OSError: it exists already.
        """
        if self._local:
            folders.reveal(folders.stage(Path(self._root) / model, version, files))
            return
        if version in self.versions(model):
            raise FileExistsError(f"{self.url}/{model}/{version} exists already")
        for name, content in files.items():
            self._fs.pipe_file(f"{self._root}/{model}/{version}/{name}", content)

    def replace(self, path: str, content: bytes) -> None:
        """Write a file, or put it into the place of another, at once."""
        if self._local:
            folders.replace(Path(self._root) / path, content)
        else:
            self._fs.pipe_file(f"{self._root}/{path}", content)
