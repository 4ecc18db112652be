"""Try changed inputs on the fuzz targets: `python -m tests.fuzz [TARGET ...]`."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.fuzz.programs import NAMES, CrashError, Programs


def main() -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument(
        "targets", nargs="*", metavar="TARGET", help=f"all where none is named: {', '.join(NAMES)}"
    )
    parser.add_argument("--runs", type=int, default=10_000, help="of each target")
    parser.add_argument("--seed", type=int, default=1, help="the same inputs for the same seed")
    parser.add_argument(
        "--seconds", type=int, help="of each target, in place of --runs; needs --libfuzzer"
    )
    parser.add_argument("--libfuzzer", action="store_true", help="with LLVM's fuzzer; CC=clang")
    parser.add_argument("--folder", type=Path, help="for the programs; kept, with what they found")
    options = parser.parse_args()
    names = options.targets or NAMES
    if unknown := sorted(set(names) - set(NAMES)):
        parser.error(f"there is no target {', '.join(unknown)}")
    arguments = [f"-seed={options.seed}"]
    arguments += (
        [f"-max_total_time={options.seconds}"] if options.seconds else [f"-runs={options.runs}"]
    )
    with tempfile.TemporaryDirectory() as scratch:
        try:
            programs = Programs(options.folder or Path(scratch), names, libfuzzer=options.libfuzzer)
            total = sum(_try(programs, name, arguments) for name in names)
        except subprocess.CalledProcessError as error:
            sys.stderr.write(f"error: `{' '.join(error.cmd)}` failed, see above\n")
            return 1
        except CrashError as found:
            kept = Path(f"crash-{found.target}").resolve()
            kept.write_bytes(found.input or b"")
            sys.stderr.write(f"{found.output}\n{found.target} ended; its input is in {kept}\n")
            return 1
    sys.stdout.write(f"{total} inputs in all\n")
    return 0


def _try(programs: Programs, name: str, arguments: list[str]) -> int:
    started = time.monotonic()
    files, runs = programs.run(name, arguments)
    seconds = time.monotonic() - started
    sys.stdout.write(f"{name}: {files} files, {runs} changed inputs in {seconds:.1f} s\n")
    sys.stdout.flush()
    return files + runs


if __name__ == "__main__":
    sys.exit(main())
