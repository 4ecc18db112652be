"""Compiles the native kernel: `python -m animegan_ssim.native.build`.

It needs a C compiler (`cc`, or what the environment variable CC names) and an x86-64 machine.
Where one is missing nothing is built and numba scans instead, at a quarter of the speed.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

FOLDER = Path(__file__).parent
SOURCES = ("scan.c", "uniform.h", "gaussian.h", "job.h", "lanes.h")
# Names of the instruction sets as the processor reports them are in backends/native.py.
TARGETS = {"avx512": "x86-64-v4", "avx2": "x86-64-v3"}
# Without -ffast-math: NaN stays NaN, sums keep their order, and the answer is the same every time.
FLAGS = "-std=c11 -O3 -fno-math-errno -fno-trapping-math -ffp-contract=off -Wall -Wextra"


def library(target: str) -> Path:
    """Where the library of an instruction set lies; its name tells the sources it was made from."""
    return FOLDER / f"{target}-{_digest()}.so"


def main() -> int:
    """Build what is missing, and say what there is; 0 even where numba has to do."""
    compiler = shlex.split(os.environ.get("CC", "cc"))
    if platform.machine() not in ("x86_64", "AMD64"):
        return _without(f"this is {platform.machine()}, the kernel is written for x86-64")
    missing = [target for target in TARGETS if not library(target).is_file()]
    if missing and not shutil.which(compiler[0]):
        return _without(f"there is no C compiler {compiler[0]!r} (Debian: apt install gcc)")
    for target in missing:
        if not _compile(compiler, target):
            return _without(f"{compiler[0]} failed, see above")
    for stale in set(FOLDER.glob("*.so")) - {library(target) for target in TARGETS}:
        stale.unlink()
    return 0


def _compile(compiler: list[str], target: str) -> bool:
    """Compile into a file beside the library and rename it: nobody loads half a library."""
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        output = Path(folder) / "library.so"
        flags = [*shlex.split(FLAGS), f"-march={TARGETS[target]}", "-shared", "-fPIC"]
        source = str(FOLDER / "scan.c")
        command = [*compiler, *flags, source, "-o", str(output)]
        if subprocess.run(command, check=False).returncode != 0:  # noqa: S603
            return False
        output.replace(library(target))
    return True


def _digest() -> str:
    everything = b"".join((FOLDER / name).read_bytes() for name in SOURCES)
    return hashlib.sha256(everything + FLAGS.encode()).hexdigest()[:12]


def _without(reason: str) -> int:
    sys.stdout.write(f"The native SSIM kernel is not built: {reason}. numba scans instead.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
