"""How each library is compiled, once, and found again by the programs that load it.

A library holds its kernels once for every instruction set and chooses when it is called. Its file's
name tells the sources and flags that it was made from, so that a changed source is never served by
an old library.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from animegan_kernels.compiler import Compiler, CompilerError, find

SOURCES = Path(__file__).resolve().parent
BUILT = SOURCES / "built"
SANITIZE_VARIABLE = "ANIMEGAN_SANITIZE"  # "address" or "thread": libraries with these checks

# Fastest first; what the compilers call them is in compiler.py.
TARGETS = ("avx512", "avx2", "portable") if platform.machine() == "x86_64" else ("portable",)

# No contraction and no -ffast-math: NaN stays NaN, sums keep their order, and the answer is the
# same every time.
_ARITHMETIC = ("-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off")
_WARNINGS = (
    *("-Wall", "-Wextra", "-Wshadow", "-Wconversion", "-Wvla", "-Wformat=2", "-Wundef", "-Werror"),
    "-Wno-cpp",  # an older glibc takes _FORTIFY_SOURCE=3 for 2, and warns
)
_FORM = ("-std=gnu11", "-fPIC", "-fvisibility=hidden")
_HARDENING = ("-fstack-protector-strong", "-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=3")
_LINKING = ("-shared", "-Wl,-z,relro,-z,now,-z,noexecstack")
_SANITIZERS = {
    "": (),
    "address": ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g"),
    "thread": ("-fsanitize=thread", "-g"),
}
_INCLUDE = re.compile(r'^\s*#\s*include\s*"(.+)"', re.MULTILINE)


@dataclass(frozen=True)
class Library:
    """One shared library.

    Attributes:
        name: of the file, without `lib` and `.so`.
        sources: files that are compiled once; paths relative to this package, as all here.
        kernels: files that are compiled once for each target, with -DTARGET=<target>.
        links: the linker's flags, "-lm" for example.
    """

    name: str
    sources: tuple[str, ...] = ()
    kernels: tuple[str, ...] = ()
    links: tuple[str, ...] = ()

    @property
    def file_name(self) -> str:
        """What programs that load it by its name expect: lib<name>.so."""
        return f"lib{self.name}.so"

    @property
    def path(self) -> Path:
        """Where it lies, or would."""
        return BUILT / f"{self._stem}-{self._digest()}.so"

    def built(self) -> Path:
        """Where it lies.

        Raises:
            CompilerError: it is not built.
        """
        if not self.path.is_file():
            raise CompilerError(f"{self.file_name} is not built: `python -m animegan_kernels`")
        return self.path

    def compile(self, compiler: Compiler, folder: Path) -> None:
        """Compile it in a folder for what lies between, and put it where programs look for it.

        Raises:
            CompilerError: the compiler does not like it, as it has told on stderr.
        """
        with ThreadPoolExecutor(os.cpu_count()) as threads:
            units = threads.map(lambda unit: self._object(compiler, folder, *unit), self._units())
            objects = [str(path) for path in units]
        output = folder / self.file_name
        start = [*compiler.command("portable"), *_LINKING, *_SANITIZERS[_sanitizer()]]
        _run([*start, *objects, "-o", str(output), *self.links])
        output.replace(self.path)  # at once: nobody loads half a library
        for stale in set(BUILT.glob(f"{self._stem}-*.so")) - {self.path}:
            stale.unlink()

    def _units(self) -> Iterator[tuple[str, str, tuple[str, ...]]]:
        """Each compilation: a file, its target, flags of its own."""
        for source in self.sources:
            yield source, "portable", ()
        for kernel in self.kernels:
            for target in TARGETS:
                yield kernel, target, (f"-DTARGET={target}",)

    def _object(
        self, compiler: Compiler, folder: Path, source: str, target: str, flags: tuple[str, ...]
    ) -> Path:
        output = folder / f"{source.replace('/', '-')}-{target}.o"
        if output.is_file():  # another library of this build has it, too
            return output
        start = [*compiler.command(target), *_flags(), *flags, "-I", str(SOURCES)]
        _run([*start, "-c", str(SOURCES / source), "-o", str(output)])
        return output

    def files(self) -> list[Path]:
        """All that it is made of: its sources, and the headers of ours that they include."""
        waiting = [SOURCES / name for name in (*self.sources, *self.kernels)]
        found: set[Path] = set()
        while waiting:
            path = waiting.pop()
            if path not in found:
                found.add(path)
                waiting += _included(path)
        return sorted(found)

    @property
    def _stem(self) -> str:
        return ".".join([f"lib{self.name}", _sanitizer()]).rstrip(".")

    def _digest(self) -> str:
        """12 digits that change with any file, its name, and all flags."""
        hasher = hashlib.sha256(repr((self, TARGETS, _flags(), _LINKING)).encode())
        for path in self.files():
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            hasher.update(f"{path.relative_to(SOURCES)} {content}\n".encode())
        return hasher.hexdigest()[:12]


def build(libraries: Iterable[Library], *, zig: bool = False) -> None:
    """Compile the libraries that are missing.

    Args:
        libraries: all that are wanted.
        zig: with the compiler from PyPI, whatever there is on this machine.

    Raises:
        CompilerError: there is no compiler and none can be fetched, or it does not like a source.
    """
    wanted = list(libraries)
    if all(library.path.is_file() for library in wanted):
        return
    BUILT.mkdir(exist_ok=True)
    with _locked(BUILT / "lock"), tempfile.TemporaryDirectory(dir=BUILT, prefix="building-") as to:
        # Looked for again: who held the lock may have built them.
        missing = [library for library in wanted if not library.path.is_file()]
        if missing:
            _compile(missing, find(Path(to) / "compiler", zig=zig), Path(to))


def _compile(libraries: Iterable[Library], compiler: Compiler, folder: Path) -> None:
    for library in libraries:
        started = time.monotonic()
        library.compile(compiler, folder)
        seconds = time.monotonic() - started
        sys.stderr.write(f"  {library.file_name} compiled by {compiler.name} in {seconds:.1f} s\n")


def _included(path: Path) -> Iterator[Path]:
    """The headers that a file names in quotes: beside it, or from this package."""
    for name in _INCLUDE.findall(path.read_text()):
        beside = (path.parent / name).resolve()
        yield beside if beside.is_file() else SOURCES / name


def _flags() -> tuple[str, ...]:
    # Sanitizers would look past fortified functions, and take minutes to compile at -O3.
    checked = _SANITIZERS[_sanitizer()]
    rest = ("-O1", *checked) if checked else ("-O3", *_HARDENING)
    return (*_FORM, *_ARITHMETIC, *_WARNINGS, *rest)


def _sanitizer() -> str:
    chosen = os.environ.get(SANITIZE_VARIABLE, "")
    if chosen not in _SANITIZERS:
        raise CompilerError(f"{SANITIZE_VARIABLE} is {chosen!r}: it may be address or thread")
    return chosen


def _run(command: list[str]) -> None:
    if subprocess.run(command, check=False).returncode != 0:  # noqa: S603  # our own command
        raise CompilerError(
            f"`{' '.join(command)}` failed, see above. `python -m animegan_kernels --zig` compiles "
            "with the compiler that PyPI has; CC=... chooses another one of this machine."
        )


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Let one process at a time build; the kernel frees the lock when its holder dies."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
