"""Runs tests, and all programs that they start, with the libraries that have a sanitizer's checks:
`python -m tests.sanitized address|thread [pytest's arguments]`.

The sanitizer's runtime is loaded into every process before anything else (LD_PRELOAD): Python and
Triton are not compiled with it. A finding ends its process and is written to a file of its own, so
none is overlooked where a test expects that a server ends.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from animegan_kernels.build import SANITIZE_VARIABLE, Library, build
from animegan_kernels.libraries import ALL

# The integration tests in which a real Triton runs our backends. The memory that reloads leave is
# not measured: the address sanitizer keeps what was freed, to notice who still uses it.
TESTS = [
    *("tests/integration/recorded", "tests/integration/local/test_backend.py"),
    *("tests/integration/local/test_exactness.py", "tests/integration/similarity/test_search.py"),
    "tests/integration/similarity/test_statuses.py",
    "--deselect=tests/integration/local/test_backend.py::test_reloads_leave_neither_memory_nor_files",
]
_RUNTIMES = {"address": "libasan.so", "thread": "libtsan.so"}
_SIGNALS = ("abort", "segv", "sigbus", "sigfpe", "sigill")
_OPTIONS = {
    # Python never frees what it keeps to its end, nor does Triton: the fuzz targets, which have
    # neither, look for leaks.
    # 2: Triton may not take signals for itself, as it would.
    "ASAN_OPTIONS": "detect_leaks=0:" + ":".join(f"handle_{name}=2" for name in _SIGNALS),
    # It knows no log but stderr beside the address sanitizer, which notes the abort down.
    "UBSAN_OPTIONS": "print_stacktrace=1:abort_on_error=1",
    # Triton, gRPC and ONNX Runtime synchronise by what a sanitizer cannot see where it was not
    # compiled in; of our own accesses none is ignored.
    "TSAN_OPTIONS": "ignore_noninstrumented_modules=1:halt_on_error=1:die_after_fork=0",
}


class FindingsError(Exception):
    """What sanitizers have reported."""


def environment(kind: str, logs: Path) -> dict[str, str]:
    """The variables under which programs load sanitized libraries.

    Args:
        kind: "address", which looks for undefined behaviour, too, or "thread".
        logs: folder for what the sanitizer finds, a file for each process.
    """
    common = f":log_path={logs / 'finding'}:exitcode=66"
    options = {name: value + common for name, value in _OPTIONS.items()}
    # Exceptions of C++ go through the runtime: it must find their library when it starts.
    preloaded = [_library_of_compiler(_RUNTIMES[kind]), _library_of_compiler("libstdc++.so.6")]
    return os.environ | options | {SANITIZE_VARIABLE: kind, "LD_PRELOAD": ":".join(preloaded)}


def run(kind: str, command: Sequence[str | Path], libraries: Sequence[Library] = ALL) -> int:
    """Run a command with sanitized libraries; return its exit code.

    Args:
        kind: "address" or "thread".
        command: what to run.
        libraries: what is compiled for it, if it is not yet.

    Raises:
        FindingsError: the sanitizer has found something, whatever the command says.
    """
    _build(kind, libraries)
    with tempfile.TemporaryDirectory() as folder:
        logs = Path(folder)
        done = subprocess.run(command, env=environment(kind, logs), check=False)
        findings = [path.read_text(errors="replace") for path in sorted(logs.iterdir())]
    if findings:
        raise FindingsError("\n".join(findings))
    return done.returncode


def _build(kind: str, libraries: Sequence[Library]) -> None:
    before = os.environ.get(SANITIZE_VARIABLE)
    os.environ[SANITIZE_VARIABLE] = kind
    try:
        build(libraries)
    finally:
        del os.environ[SANITIZE_VARIABLE]
        if before is not None:
            os.environ[SANITIZE_VARIABLE] = before


def _library_of_compiler(name: str) -> str:
    command = ["cc", f"-print-file-name={name}"]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    if found == name:
        raise FileNotFoundError(f"cc has no {name}: sanitizers need gcc with its libraries")
    return str(Path(found).resolve())


def main() -> int:
    """Run the command; return its exit code."""
    if sys.argv[1:2] not in ([kind] for kind in _RUNTIMES):
        sys.stderr.write(f"usage: python -m tests.sanitized {'|'.join(_RUNTIMES)} [ARGUMENT ...]\n")
        return 2
    kind, *arguments = sys.argv[1:]
    try:
        tests = [] if any(not argument.startswith("-") for argument in arguments) else TESTS
        return run(kind, [sys.executable, "-m", "pytest", *tests, *arguments])
    except FindingsError as findings:
        sys.stderr.write(f"{findings}\nThe {kind} sanitizer has found something, see above.\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
