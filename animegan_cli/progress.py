"""Progress of long work, on stderr: a bar in a terminal, a line now and then anywhere else."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeVar, overload

from tqdm import tqdm

T = TypeVar("T")

if TYPE_CHECKING:
    _Bar = tqdm
else:

    class _Bar(tqdm):
        def __class_getitem__(cls, _):  # tqdm is generic in its type stubs only
            return cls


# Without a terminal: seconds between two lines. They become a tenth of the time that the work has
# taken so far, so that hours do not fill a log.
_LEAST_SECONDS, _MOST_SECONDS = 10.0, 60.0


class ProgressBar(_Bar[T]):
    """tqdm's bar, with tqdm's arguments, where `file` (stderr) is a terminal.

    Elsewhere, in a pipe or a log, work that is done within ten seconds says nothing; longer work
    writes a whole line each ten seconds, later each minute, and one at its end.
    """

    @overload
    def __init__(self, iterable: Iterable[T], **options: Any) -> None: ...
    @overload
    def __init__(self: ProgressBar[Any], iterable: None = None, **options: Any) -> None: ...
    def __init__(self, iterable: Any = None, **options: Any) -> None:
        self._lines = not (options.get("file") or sys.stderr).isatty()
        self._began = self._told = time.monotonic()
        super().__init__(iterable, **options)
        if self._lines:
            self.leave = False  # at its end, tqdm would write an end of line of its own

    def display(self, msg: str | None = None, pos: int | None = None) -> Any:
        """Show how far the work is; tqdm calls it often."""
        if not self._lines:
            return super().display(msg, pos)
        now = time.monotonic()
        pause = min(max((now - self._began) / 10, _LEAST_SECONDS), _MOST_SECONDS)
        if msg is None and now - self._told >= pause:
            self._tell(now)
        return False

    def clear(self, nolock: bool = False) -> None:
        """Make room for other output on the terminal."""
        if not self._lines:
            super().clear(nolock)

    def close(self) -> None:
        """End the bar; called again, do nothing."""
        if self._lines and not self.disable and self._told > self._began:
            self._tell(time.monotonic())
        super().close()

    def _tell(self, now: float) -> None:
        self._told = now
        overall = {**self.format_dict, "rate": None}  # of the whole work, not of its last moment
        self.fp.write(f"{self.format_meter(**overall)}\n")
        self.fp.flush()
