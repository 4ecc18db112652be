"""Try changed inputs on the fuzz targets: `python -m tests.fuzz [TARGET ...]`."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from animegan_kernels.compiler import CompilerError
from tests.fuzz.programs import NAMES, SLOW, CrashError, Programs


def main() -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument(
        "targets", nargs="*", metavar="TARGET", help=f"all where none is named: {', '.join(NAMES)}"
    )
    parser.add_argument(
        "--runs", type=int, default=15_000, help="of each target; of slow ones fewer"
    )
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
    with tempfile.TemporaryDirectory() as scratch:
        try:
            programs = Programs(options.folder or Path(scratch), names, libfuzzer=options.libfuzzer)
            with ThreadPoolExecutor(os.cpu_count()) as threads:
                total = sum(threads.map(lambda name: _try(programs, name, options), names))
        except subprocess.CalledProcessError as error:
            sys.stderr.write(f"error: `{' '.join(error.cmd)}` failed, see above\n")
            return 1
        except CompilerError as error:
            sys.stderr.write(f"error: {error}\n")
            return 1
        except CrashError as found:
            kept = Path(f"crash-{found.target}").resolve()
            kept.write_bytes(found.input or b"")
            sys.stderr.write(f"{found.output}\n{found.target} ended; its input is in {kept}\n")
            return 1
    sys.stdout.write(f"{total} inputs in all\n")
    return 0


def _try(programs: Programs, name: str, options: argparse.Namespace) -> int:
    runs = options.runs // SLOW.get(name, 1)
    limit = f"-max_total_time={options.seconds}" if options.seconds else f"-runs={runs}"
    started = time.monotonic()
    files, runs = programs.run(name, [f"-seed={options.seed}", limit])
    seconds = time.monotonic() - started
    sys.stdout.write(f"{name}: {files} files, {runs} changed inputs in {seconds:.1f} s\n")
    sys.stdout.flush()
    return files + runs


if __name__ == "__main__":
    sys.exit(main())
