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
from animegan_kernels.libraries import TRITON_SEARCH

_FUZZ = "search/fuzz"
_TARGETS = ("fuzz_npy", "fuzz_manifest", "fuzz_requests")
_LEVELS = {"avx512": "x86-64-v4", "avx2": "x86-64-v3"}
_SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
_FLAGS = ("-std=gnu11", "-g", "-O1", "-ffp-contract=off", "-Wall", "-Wextra", "-Wshadow", "-Werror")


def build(folder: Path, *, libfuzzer: bool = False) -> list[Path]:
    """Compile every target with the compiler that CC names, or `cc`.

    Args:
        folder: for the programs and what lies between; it is made.
        libfuzzer: let LLVM's fuzzer drive them, in place of main.c; the compiler must be clang.

    Raises:
        subprocess.CalledProcessError: the compiler does not like a source, as it has told.
    """
    folder.mkdir(parents=True, exist_ok=True)
    command = [os.environ.get("CC", "cc"), *_FLAGS, *_SANITIZERS]
    command += ["-fsanitize=fuzzer-no-link"] if libfuzzer else []
    units: list[tuple[str, tuple[str, ...]]] = [(source, ()) for source in TRITON_SEARCH.sources]
    for kernel in TRITON_SEARCH.kernels:
        units += [(kernel, _kernel_flags(target)) for target in TARGETS]
    common = [f"{_FUZZ}/triton.c"] if libfuzzer else [f"{_FUZZ}/triton.c", f"{_FUZZ}/main.c"]
    units += [(source, ()) for source in common]
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        objects = list(threads.map(lambda unit: _compile(command, folder, *unit), units))
    link = [*command, *(["-fsanitize=fuzzer"] if libfuzzer else [])]
    return [_link(link, folder, target, objects) for target in _TARGETS]


def _kernel_flags(target: str) -> tuple[str, ...]:
    level = _LEVELS.get(target)
    return (f"-DTARGET={target}", "-O2", *([f"-march={level}"] if level else []))


def _compile(command: Sequence[str], folder: Path, source: str, flags: Sequence[str]) -> str:
    name = "-".join([source.replace("/", "-"), *(flag.strip("-") for flag in flags[:1])])
    output = str(folder / f"{name}.o")
    _run([*command, *flags, "-I", str(SOURCES), "-c", str(SOURCES / source), "-o", output])
    return output


def _link(command: Sequence[str], folder: Path, target: str, objects: Sequence[str]) -> Path:
    source = str(SOURCES / _FUZZ / f"{target}.c")
    _run([*command, source, *objects, *TRITON_SEARCH.links, "-o", str(folder / target)])
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
    except subprocess.CalledProcessError as error:
        sys.stderr.write(f"error: `{' '.join(error.cmd)}` failed, see above\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
