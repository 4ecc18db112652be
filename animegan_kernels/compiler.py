"""A C compiler for everybody: this machine's, or else zig from PyPI, which needs no root."""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

_PROJECT = Path(__file__).resolve().parents[1]
# x86-64 in the levels of its ABI; elsewhere there is one target, and nothing to say.
_GCC_TARGETS = {
    "avx512": ("-march=x86-64-v4",),
    "avx2": ("-march=x86-64-v3",),
    "portable": ("-march=x86-64",),
}
_ZIG_TARGETS = {
    "avx512": ("-mcpu=x86_64_v4",),
    "avx2": ("-mcpu=x86_64_v3",),
    "portable": ("-mcpu=x86_64",),
}
# What the libraries ask of their compiler, in small: headers, pthreads, the newest target.
_TRIAL = "#include <pthread.h>\n#include <math.h>\nint main(void) { return 0; }\n"


class CompilerError(RuntimeError):
    """A library cannot be compiled; the message says what to do."""


@dataclass(frozen=True)
class Compiler:
    """A C compiler that takes gcc's flags.

    Attributes:
        name: what to call it.
        start: how its command begins.
        targets: its flags for each target.
    """

    name: str
    start: tuple[str, ...]
    targets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def command(self, target: str) -> list[str]:
        """How a command begins that compiles for a target."""
        return [*self.start, *self.targets.get(target, ())]


def find(folder: Path, *, zig: bool = False) -> Compiler:
    """What CC names; else `cc`, if it works; else zig, installed into a folder.

    Args:
        folder: for zig, 400 MB; may be removed when all is compiled.
        zig: take it whatever else there is.

    Raises:
        CompilerError: CC names nothing that compiles, or zig cannot be installed.
    """
    named = os.environ.get("CC", "")
    if not zig:
        start = tuple(shlex.split(named)) or ("cc",)
        compiler = Compiler(start[0], start, _targets(_GCC_TARGETS))
        complaint = _complaint(compiler)
        if not complaint:
            return compiler
        if named:
            raise CompilerError(f"CC is {named!r}, which compiles nothing here: {complaint}")
    return _from_pypi(folder)


def _complaint(compiler: Compiler) -> str:
    """What a compiler says of a small program for the newest target; "" if it compiles it."""
    if not shutil.which(compiler.start[0]):
        return f"there is no program {compiler.start[0]!r}"
    flags = ["-xc", "-", "-lm", "-lpthread", "-o", os.devnull]
    done = subprocess.run(  # noqa: S603  # this machine's compiler
        [*compiler.command("avx512"), *flags],
        input=_TRIAL,
        capture_output=True,
        text=True,
        check=False,
    )
    failure = done.stderr.strip() or f"it ended with {done.returncode}"
    return failure if done.returncode else ""


def _from_pypi(folder: Path) -> Compiler:
    """Install zig (`ziglang` of pyproject.toml) into a folder."""
    sys.stderr.write("Fetching the C compiler zig from PyPI (100 MB), for this build only\n")
    group = f"{_PROJECT / 'pyproject.toml'}:compiler"
    command = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--quiet"]
    command += ["--no-deps", "--no-compile", "--target", str(folder), "--group", group]
    if subprocess.run(command, check=False).returncode != 0:  # noqa: S603  # our own command
        raise CompilerError(
            "No C compiler of this machine is used, and zig could not be fetched, see above. "
            "Install one (Debian, Ubuntu: apt-get install gcc libc6-dev) or give pip "
            "access to a package index, and run the command again."
        )
    # The oldest glibc that manylinux wheels of today stand on: the libraries run wherever they do.
    triple = f"{platform.machine()}-linux-gnu.2.28"
    # env: zig keeps its caches with itself, not in the user's home.
    caches = [f"ZIG_{place}_CACHE_DIR={folder / 'cache'}" for place in ("LOCAL", "GLOBAL")]
    start = ("env", *caches, str(folder / "ziglang" / "zig"), "cc", "-target", triple)
    return Compiler("zig", start, _targets(_ZIG_TARGETS))


def _targets(of_x86_64: Mapping[str, tuple[str, ...]]) -> Mapping[str, tuple[str, ...]]:
    return of_x86_64 if platform.machine() == "x86_64" else {}
