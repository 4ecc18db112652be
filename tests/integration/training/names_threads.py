"""Runs `training.cli.train` with the arguments given, and names the threads left at its end."""

import runpy
import sys
from collections.abc import Iterator
from pathlib import Path


def threads() -> Iterator[str]:
    """The names of those that do not end while one looks."""
    for name in Path("/proc/self/task").glob("*/comm"):
        try:
            yield name.read_text().strip()
        except (FileNotFoundError, ProcessLookupError):
            continue


try:
    runpy.run_module("training.cli.train", run_name="__main__", alter_sys=True)
finally:
    sys.stderr.write(f"threads left: {' '.join(sorted(threads()))}\n")
