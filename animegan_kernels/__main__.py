"""Compiles the libraries that are missing: `python -m animegan_kernels`."""

from __future__ import annotations

import argparse
import os
import sys

from animegan_kernels.build import SANITIZE_VARIABLE, build
from animegan_kernels.compiler import CompilerError
from animegan_kernels.libraries import ALL


def main() -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m animegan_kernels", description=__doc__)
    names = sorted(library.name for library in ALL)
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        default=names,
        help=f"of libraries, all where none is named: {', '.join(names)}",
    )
    parser.add_argument(
        "--zig",
        action="store_true",
        help="compile with zig from PyPI; otherwise only where neither CC nor `cc` is a C compiler",
    )
    parser.add_argument(
        "--sanitize",
        choices=["address", "thread"],
        help="compile variants with these checks, which programs load that have "
        f"{SANITIZE_VARIABLE}=address (or thread) in their environment",
    )
    options = parser.parse_args()
    if unknown := sorted(set(options.names) - set(names)):
        parser.error(f"there is no library {', '.join(unknown)}")
    if options.sanitize:
        os.environ[SANITIZE_VARIABLE] = options.sanitize
    try:
        build([library for library in ALL if library.name in options.names], zig=options.zig)
    except CompilerError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
