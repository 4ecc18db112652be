"""Runs `training.cli.train` with the arguments given, and names the threads left at its end."""

import runpy
import sys
from pathlib import Path

try:
    runpy.run_module("training.cli.train", run_name="__main__", alter_sys=True)
finally:
    threads = sorted(name.read_text().strip() for name in Path("/proc/self/task").glob("*/comm"))
    sys.stderr.write(f"threads left: {' '.join(threads)}\n")
