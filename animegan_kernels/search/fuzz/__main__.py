"""Compiles the fuzz targets: `python -m animegan_kernels.search.fuzz FOLDER`."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from animegan_kernels.build import SOURCES, TARGETS
from animegan_kernels.compiler import CompilerError, find
from animegan_kernels.libraries import TRITON_SEARCH

_FUZZ = "search/fuzz"
_TARGETS = ("fuzz_npy", "fuzz_manifest", "fuzz_requests")
_SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
_FLAGS = ("-std=gnu11", "-g", "-O1", "-ffp-contract=off", "-Wall", "-Wextra", "-Wshadow", "-Werror")


def build(folder: Path, *, libfuzzer: bool = False) -> list[Path]:
    """Compile every target.

    Args:
        folder: for the programs and what lies between; it is made.
        libfuzzer: let LLVM's fuzzer drive them, in place of main.c; CC must name clang.

    Raises:
        CompilerError: there is no compiler.
        subprocess.CalledProcessError: the compiler does not like a source, as it has told.
    """
    folder.mkdir(parents=True, exist_ok=True)
    compiler = find(folder)
    flags = [*_FLAGS, *_SANITIZERS, *(["-fsanitize=fuzzer-no-link"] if libfuzzer else [])]
    drivers = [f"{_FUZZ}/triton.c", *([] if libfuzzer else [f"{_FUZZ}/main.c"])]
    units = [(source, "portable") for source in (*TRITON_SEARCH.sources, *drivers)]
    units += [(kernel, target) for kernel in TRITON_SEARCH.kernels for target in TARGETS]

    def compile_one(unit: tuple[str, str]) -> str:
        source, target = unit
        output = str(folder / f"{source.replace('/', '-')}-{target}.o")
        # Without -DTARGET, a kernel is none; for all others it means nothing.
        start = [*compiler.command(target), *flags, f"-DTARGET={target}", "-I", str(SOURCES)]
        _run([*start, "-c", str(SOURCES / source), "-o", output])
        return output

    with ThreadPoolExecutor(os.cpu_count()) as threads:
        objects = list(threads.map(compile_one, units))
    link = [*compiler.command("portable"), *flags, *(["-fsanitize=fuzzer"] if libfuzzer else [])]
    return [_link(link, folder, target, objects) for target in _TARGETS]


def _link(command: Sequence[str], folder: Path, target: str, objects: Sequence[str]) -> Path:
    source = str(SOURCES / _FUZZ / f"{target}.c")
    start = [*command, "-I", str(SOURCES)]
    _run([*start, source, *objects, *TRITON_SEARCH.links, "-o", str(folder / target)])
    return folder / target


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True)  # noqa: S603  # our own command


def main() -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m animegan_kernels.search.fuzz")
    parser.add_argument("folder", type=Path, help="where the programs go")
    parser.add_argument("--libfuzzer", action="store_true", help="with LLVM's fuzzer; CC=clang")
    arguments = parser.parse_args()
    try:
        build(arguments.folder, libfuzzer=arguments.libfuzzer)
    except CompilerError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except subprocess.CalledProcessError as error:
        sys.stderr.write(f"error: `{' '.join(error.cmd)}` failed, see above\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
