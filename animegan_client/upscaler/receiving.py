"""Puts answers together: in memory, or in a file that appears when it is complete."""

from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from animegan_client.errors import Failure, ServerError
from animegan_client.files import whole_file
from animegan_client.pictures import EncodedImage
from animegan_client.upscaler.types import (
    Done,
    Header,
    OnProgress,
    Part,
    Progress,
    SavedImage,
    UpscaleResult,
)


class Answer:
    """An answer that is coming in; `take` its parts, then ask for the `result`."""

    def __init__(self, on_progress: OnProgress | None = None) -> None:
        """Tell `on_progress` how far the work is."""
        self.complete = False
        self._on_progress = on_progress
        self._header: Header | None = None
        self._size = 0
        self._chunks: list[bytes] = []

    def take(self, part: Part) -> None:
        """Take the next part.

        Raises:
            AnimeganError: it tells of a failure, or makes no sense.
        """
        match part:
            case Progress():
                if self._on_progress:
                    self._on_progress(part)
            case Header():
                self._header = part
            case bytes():
                self._size += len(part)
                self._keep(part)
            case Failure():
                raise part.error
            case Done():
                if self._size != part.size_bytes:
                    raise ServerError(f"{self._size} bytes came of {part.size_bytes}")
                self.complete = True

    def result(self) -> UpscaleResult:
        """The picture, in memory.

        Raises:
            ServerError: the answer ended too early.
        """
        header = self._checked_header()
        data = b"".join(self._chunks)
        image = EncodedImage(header.format, header.width, header.height, header.channels, data)
        return UpscaleResult(image, header.provenance)

    def _keep(self, chunk: bytes) -> None:
        self._chunks.append(chunk)

    def _checked_header(self) -> Header:
        if self._header is None or not self.complete:
            raise ServerError("the answer ended too early")
        return self._header


class FileAnswer(Answer):
    """An answer that goes into a file, which appears whole at the end of a `with` block."""

    def __init__(self, path: Path, on_progress: OnProgress | None = None) -> None:
        """Write beside `path` first; its folder is made."""
        super().__init__(on_progress)
        self._whole = whole_file(path)
        self._file: BinaryIO

    def __enter__(self) -> Self:
        """The answer itself."""
        self._file = self._whole.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Put the file in its place if it is complete; leave nothing behind if not."""
        if kind is None and not self.complete:
            kind, error = ServerError, ServerError("the answer ended too early")
        self._whole.__exit__(kind, error, trace)

    def saved(self) -> SavedImage:
        """What went into the file.

        Raises:
            ServerError: the answer ended too early.
        """
        header = self._checked_header()
        return SavedImage(
            header.format,
            header.width,
            header.height,
            header.channels,
            self._size,
            header.provenance,
        )

    def _keep(self, chunk: bytes) -> None:
        self._file.write(chunk)
