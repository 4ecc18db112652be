"""Kernels written in C: how each is compiled once, and found again by the programs that load it.

A kernel is one shared library for each instruction set, compiled by `make setup` with whatever C
compiler there is. Its name tells the sources it was made from, so that a changed source is never
served by an old library. Where none can be built, its user does without, more slowly.
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
from dataclasses import dataclass
from pathlib import Path

# The compiler's name of each instruction set, fastest first ...
TARGETS = {"avx512": "x86-64-v4", "avx2": "x86-64-v3"}
# ... and what it asks of a processor beyond what every x86-64 has, as Linux names it.
_NEEDED = {
    "avx512": {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"},
    "avx2": {"avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe"},
}
_FLAGS = "-std=gnu11 -O3 -fno-math-errno -fno-trapping-math -Wall -Wextra -Werror=vla"


@dataclass(frozen=True)
class NativeLibrary:
    """One kernel.

    Attributes:
        folder: where its sources lie and its libraries go.
        sources: names of all files that it is made from; the first one is compiled, and includes
            the others.
        flags: for the compiler, besides those that all kernels have in common.
        instead: what happens where it cannot be built, as a sentence.
    """

    folder: Path
    sources: tuple[str, ...]
    flags: str
    instead: str

    def path(self, target: str) -> Path:
        """Where the library of an instruction set lies, or would."""
        return self.folder / f"{target}-{self._digest()}.so"

    def available(self) -> tuple[tuple[str, Path], ...]:
        """Instruction sets that were built and that this processor runs, fastest first."""
        paths = [(target, self.path(target)) for target in runnable()]
        return tuple((target, path) for target, path in paths if path.is_file())

    def build(self) -> int:
        """Compile what is missing, and say where nothing can be; 0 even then.

        It needs a C compiler (`cc`, or what the environment variable CC names) and an x86-64.
        """
        compiler = shlex.split(os.environ.get("CC", "cc"))
        if platform.machine() not in ("x86_64", "AMD64"):
            return self._without(f"this is {platform.machine()}, it is written for x86-64")
        missing = [target for target in TARGETS if not self.path(target).is_file()]
        if missing and not shutil.which(compiler[0]):
            return self._without(f"there is no C compiler {compiler[0]!r} (Debian: gcc)")
        for target in missing:
            if not self._compile(compiler, target):
                return self._without(f"{compiler[0]} failed, see above")
        for stale in set(self.folder.glob("*.so")) - {self.path(target) for target in TARGETS}:
            stale.unlink()
        return 0

    def _compile(self, compiler: list[str], target: str) -> bool:
        """Compile into a file beside the library and rename it: nobody loads half a library."""
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            output = Path(folder) / "library.so"
            flags = [*shlex.split(f"{_FLAGS} {self.flags}"), f"-march={TARGETS[target]}"]
            source = str(self.folder / self.sources[0])
            command = [*compiler, *flags, "-shared", "-fPIC", source, "-o", str(output)]
            if subprocess.run(command, check=False).returncode != 0:  # noqa: S603
                return False
            output.replace(self.path(target))
        return True

    def _digest(self) -> str:
        everything = b"".join((self.folder / name).read_bytes() for name in self.sources)
        return hashlib.sha256(everything + f"{_FLAGS} {self.flags}".encode()).hexdigest()[:12]

    def _without(self, reason: str) -> int:
        place = self.folder.name
        sys.stdout.write(f"The kernel of {place} is not built: {reason}. {self.instead}\n")
        return 0


def runnable() -> tuple[str, ...]:
    """Instruction sets that this processor has, fastest first."""
    flags = _processor_flags(Path("/proc/cpuinfo"))
    return tuple(target for target in TARGETS if flags >= _NEEDED[target])


def _processor_flags(path: Path) -> set[str]:
    """What Linux says of the processor; empty elsewhere."""
    if not path.is_file():
        return set()
    lines = path.read_text().splitlines()
    return set(next((line.split() for line in lines if line.startswith("flags")), []))
