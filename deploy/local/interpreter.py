"""The Python that Triton's stub embeds: which one, and where its shared library is."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.local.console import LocalStackError, say

# Python 3.11 is the project's lower bound; 3.12 is the newest with a wheel of numpy 1.x, which the
# stub's ABI demands (pytriton 0.7.0 itself has stubs for 3.8 to 3.13).
SUPPORTED = ("3.12", "3.11")

_PROBE = """
import sys, sysconfig
print("%d.%d" % sys.version_info[:2], sys._base_executable, sep="\\n")
print(sys.base_prefix, sysconfig.get_config_var("LIBDIR"), sep="\\n")
"""


@dataclass(frozen=True)
class Interpreter:
    """A Python that has a stub, a numpy 1.x, and perhaps its shared library beside it."""

    executable: Path
    version: str  # "3.11"
    library_folders: tuple[Path, ...]

    @property
    def library(self) -> str:
        """The name under which the stub is linked to libpython."""
        return f"libpython{self.version}.so.1.0"


def choose() -> Interpreter:
    """Return the running interpreter if Triton has a stub for it, else another one on PATH.

    Raises:
        LocalStackError: there is no supported interpreter.
    """
    for candidate in (sys.executable, *(shutil.which(f"python{v}") for v in SUPPORTED)):
        found = _probe(candidate) if candidate else None
        if found and found.version in SUPPORTED:
            return found
    running = f"{sys.version_info.major}.{sys.version_info.minor}"
    raise LocalStackError(
        f"Triton's Python backend runs on Python {' or '.join(sorted(SUPPORTED))}; this is "
        f"{running} and none of them is on PATH. Install one (Debian 12: python3.11; elsewhere: "
        "uv python install 3.12, pyenv install 3.12) and run the command again."
    )


def provide_libpython(python: Interpreter, folder: Path) -> None:
    """Fill `folder` with a link to libpython, or leave it empty if the linker knows the library.

    The folder holds nothing else: the interpreter's whole library folder on LD_LIBRARY_PATH could
    replace system libraries that Triton uses.

    Raises:
        LocalStackError: the library is nowhere, and cannot be fetched.
    """
    folder.mkdir()
    beside = [f / python.library for f in python.library_folders if (f / python.library).is_file()]
    if beside:
        (folder / python.library).symlink_to(beside[0])
    elif not _linker_knows(python):
        _fetch_debian_package(python, folder)


def _probe(executable: str) -> Interpreter | None:
    """Return what an interpreter says of itself, or None if it does not run."""
    done = subprocess.run(  # noqa: S603  # an interpreter found on PATH
        [executable, "-c", _PROBE], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        return None
    version, base_executable, base_prefix, libdir = done.stdout.splitlines()
    # LIBDIR is wrong in relocated interpreters (python-build-standalone): their prefix is right.
    folders = (Path(base_prefix) / "lib", Path(libdir))
    return Interpreter(Path(base_executable), version, folders)


def _linker_knows(python: Interpreter) -> bool:
    """Ask the dynamic linker itself: its cache has no portable format."""
    code = f"import ctypes; ctypes.CDLL({python.library!r})"
    done = subprocess.run(  # noqa: S603  # the interpreter that was chosen
        [str(python.executable), "-c", code], capture_output=True, check=False
    )
    return done.returncode == 0


def _fetch_debian_package(python: Interpreter, folder: Path) -> None:
    """Unpack Debian's libpython into `folder`; works without root."""
    package = f"libpython{python.version}"
    remedy = (
        f"Triton's stub needs {python.library}, which this Python does not have. Install it "
        f"(Debian, Ubuntu: apt-get install {package}; Fedora: python3-libs) or use a Python that "
        "was built with --enable-shared."
    )
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise LocalStackError(remedy)
    say(f"Fetching {package} from Debian (no root needed)")
    with tempfile.TemporaryDirectory() as scratch:
        complaint = _download(package, Path(scratch))
        if complaint:
            raise LocalStackError(f"{remedy}\n{complaint}")
        found = next(p for p in Path(scratch).rglob(python.library) if not p.is_symlink())
        shutil.copy(found, folder / python.library)


def _download(package: str, scratch: Path) -> str:
    """Download and unpack a Debian package into `scratch`; return what went wrong, or ""."""
    complaint = _complaint(["apt-get", "download", package], scratch)
    if complaint:
        # The machine has no package lists, or old ones: fetch our own, which needs no root.
        (scratch / "lists" / "partial").mkdir(parents=True)
        (scratch / "cache" / "archives" / "partial").mkdir(parents=True)
        options = [f"Dir::State::Lists={scratch / 'lists'}", f"Dir::Cache={scratch / 'cache'}"]
        own = [part for option in options for part in ("-o", option)]
        complaint = _complaint(["apt-get", *own, "update"], scratch)
        complaint = complaint or _complaint(["apt-get", *own, "download", package], scratch)
    return complaint or _complaint(["sh", "-c", "dpkg-deb -x ./*.deb ."], scratch)


def _complaint(command: Sequence[str], folder: Path) -> str:
    """Run a command; return its error output if it fails, else ""."""
    done = subprocess.run(  # noqa: S603  # our own command
        command, cwd=folder, capture_output=True, text=True, check=False
    )
    return done.stderr.strip() if done.returncode else ""
