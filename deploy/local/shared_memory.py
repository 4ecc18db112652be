"""Shared memory of Triton's Python stubs: whose it is, and what a dead stub leaves behind.

Server and stub talk through a file in /dev/shm. After a stub was killed the file stays there, often
until the machine restarts. Each Triton of ours gets a prefix of its own, so that one server's
rubbish is never mistaken for another's memory.
"""

import secrets
import time
from collections.abc import Collection, Iterable
from pathlib import Path

SHM = Path("/dev/shm")  # noqa: S108  # where POSIX shared memory lives on Linux


def new_prefix() -> str:
    """Return a prefix for region names that no other server has."""
    return f"triton_animegan_{secrets.token_hex(4)}_"


def regions(prefix: str) -> set[Path]:
    """Return all regions whose names begin with the prefix."""
    return set(SHM.glob(f"{prefix}*"))


def leaked(prefix: str, in_use: Collection[str], settled_seconds: float) -> set[Path]:
    """Return the regions of this prefix that are in nobody's use.

    Younger ones than `settled_seconds` are left out: their stub may be about to open them.
    """
    newest = time.time() - settled_seconds
    return {r for r in regions(prefix) if r.name not in in_use and _changed(r) <= newest}


def remove(paths: Iterable[Path]) -> list[str]:
    """Remove regions; return their names. Who has one mapped keeps its memory."""
    names = []
    for path in paths:
        path.unlink(missing_ok=True)
        names.append(path.name)
    return sorted(names)


def _changed(region: Path) -> float:
    """Return when it was created or resized, in seconds since the epoch; now if it is gone."""
    try:
        return region.stat().st_ctime
    except FileNotFoundError:
        return time.time()
