"""Build what Triton needs to run without Docker, once, below `.local/triton`.

Three parts, each in a folder named by the digest of its inputs, so that a changed pin or a changed
backend makes a new folder and an unchanged one costs a `stat`:

- `server-<digest>`: the `tritonserver` binary and its libraries, from the PyPI wheel of pytriton.
- `stub-<digest>`: the virtual environment in which Triton's Python backend runs our models.
- `backends-<digest>`: Triton's backend directory, copies only, because Triton refuses links.
"""

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from animegan_kernels.build import build
from animegan_kernels.libraries import CONVOLUTION, TRITON_ONNXRUNTIME
from deploy.local import interpreter
from deploy.local.console import LocalStackError, say

PROJECT = Path(__file__).resolve().parents[2]
DEFAULT_ROOT = PROJECT / ".local" / "triton"
# The backend `onnxruntime`, and what it finds beside it.
BACKEND_LIBRARIES = (TRITON_ONNXRUNTIME, CONVOLUTION)

# How server and stubs use memory. numpy's threads are never used, and malloc's arenas, eight a core
# by default, would each keep what a burst of requests once needed: neither saves CPU time. But the
# activations of a run must not go back to the kernel after each run, only to be faulted in again
# by the next one: that costs a tenth of the CPU time, and keeping them about 3 MiB a stub.
_MEMORY = {
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": str(32 * 2**20),  # bytes; the largest that glibc accepts
    "MALLOC_TRIM_THRESHOLD_": str(128 * 2**20),
}


@dataclass(frozen=True)
class Runtime:
    """Where the built parts lie."""

    server: Path  # holds pytriton/tritonserver and nvidia_pytriton.libs
    stub: Path  # virtual environment with numpy 1.x, onnx, onnxruntime and numba
    backends: Path  # value of --backend-directory

    @property
    def binary(self) -> Path:
        """The `tritonserver` program."""
        return _tritonserver(self.server) / "bin" / "tritonserver"

    def environment(self) -> dict[str, str]:
        """Return the variables under which the binary and its stubs find their libraries."""
        # Not inherited: PYTHONPATH and its like would bring the caller's numpy 2 into the stub,
        # which silently corrupts tensors. Ours is the checkout, where `animegan_ssim` lies.
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL_ENV"))}
        libraries = f"{self.server / 'nvidia_pytriton.libs'}:{self.stub / 'libpython'}"
        # The stub embeds the first python3 on PATH.
        path = f"{self.stub / 'bin'}:{kept.get('PATH', os.defpath)}"
        return {
            **kept,
            **_MEMORY,
            "PATH": path,
            "LD_LIBRARY_PATH": libraries,
            "PYTHONPATH": str(PROJECT),
        }


def ensure_runtime(root: Path = DEFAULT_ROOT) -> Runtime:
    """Return the runtime below `root`, building the parts that are missing.

    Raises:
        LocalStackError: a part cannot be built here; the message says what to do.
    """
    server_pins, stub_pins = pins("triton-server"), pins("triton-backend")
    python = interpreter.choose()
    root.mkdir(parents=True, exist_ok=True)
    build(BACKEND_LIBRARIES)
    libraries = [library.built().name for library in BACKEND_LIBRARIES]
    with _locked(root / "lock"):
        server = part(root, "server", server_pins, lambda to: _install_server(to, server_pins))
        stub = part(
            root,
            "stub",
            [*stub_pins, python.version, str(python.executable)],
            lambda to: _create_stub(to, python, stub_pins),
        )
        backends = part(
            root,
            "backends",
            [server.name, stub.name, python.version, *libraries],
            lambda to: _copy_backends(to, server, python.version),
        )
        executables = [process.info["exe"] or "" for process in psutil.process_iter(["exe"])]
        remove_outdated(root, {server, stub, backends}, executables)
    return Runtime(server, stub, backends)


def onnxruntime_library() -> Path:
    """ONNX Runtime's C library, which its wheel contains.

    Raises:
        LocalStackError: the package is not installed.
    """
    package = importlib.util.find_spec("onnxruntime")
    folder = Path(str(package.origin)).parent / "capi" if package else Path()
    found = sorted(folder.glob("libonnxruntime.so.*"))
    if not found:
        raise LocalStackError("onnxruntime is not installed: make setup")
    return found[0]


def pins(group: str, pyproject: Path = PROJECT / "pyproject.toml") -> list[str]:
    """Return the requirements of one dependency group of pyproject.toml, sorted; those that it
    includes, too."""
    return sorted(_members(group, tomllib.loads(pyproject.read_text())["dependency-groups"]))


def _members(group: str, groups: Mapping[str, Sequence[str | Mapping[str, str]]]) -> set[str]:
    members: set[str] = set()
    for entry in groups[group]:
        if isinstance(entry, str):
            members.add(entry)
        else:
            members |= _members(entry["include-group"], groups)
    return members


def digest(inputs: Sequence[str]) -> str:
    """Return 12 hexadecimal digits that change with any of the inputs, or with their borders."""
    hasher = hashlib.sha256()
    for text in inputs:
        data = text.encode()
        hasher.update(len(data).to_bytes(8, "big") + data)
    return hasher.hexdigest()[:12]


def part(root: Path, name: str, inputs: Sequence[str], build: Callable[[Path], None]) -> Path:
    """Return `root/name-digest`; when it is missing, build it beside and rename it into place."""
    final = root / f"{name}-{digest(inputs)}"
    if final.is_dir():
        return final
    started = time.monotonic()
    staging = root / f"{final.name}.building"
    shutil.rmtree(staging, ignore_errors=True)  # of a build that was interrupted
    staging.mkdir()
    build(staging)
    staging.rename(final)
    say(f"  {name} ready after {time.monotonic() - started:.1f} s")
    return final


def _install_server(target: Path, requirements: Sequence[str]) -> None:
    say(f"Fetching Triton ({', '.join(requirements)}, about 55 MB; once)")
    # --no-deps: of pytriton only the server binary is used, not its client or its numpy pin.
    _pip(["install", "--no-deps", "--no-compile", "--target", str(target), *requirements])
    (_tritonserver(target) / "bin" / "tritonserver").chmod(0o755)


def _create_stub(
    target: Path, python: interpreter.Interpreter, requirements: Sequence[str]
) -> None:
    say(f"Building Triton's Python {python.version} environment ({', '.join(requirements)}; once)")
    command = [str(python.executable), "-m", "venv", "--without-pip", str(target)]
    _run(command, remedy="Install the interpreter's venv module (Debian: python3-venv).")
    interpreter.provide_libpython(python, target / "libpython")
    # --no-deps: what onnxruntime asks for besides is for its tools; the group pins all of the rest.
    _pip(["--python", str(target / "bin" / "python3"), "install", "--no-deps", *requirements])


def _copy_backends(target: Path, server: Path, python_version: str) -> None:
    tritonserver = _tritonserver(server)
    shutil.copytree(tritonserver / "backends" / "python", target / "python")
    stub = tritonserver / "python_backend_stubs" / python_version / "triton_python_backend_stub"
    if not stub.is_file():
        raise LocalStackError(f"This Triton has no stub for Python {python_version}: {stub}")
    shutil.copy(stub, target / "python")
    (target / "python" / stub.name).chmod(0o755)
    (target / "onnxruntime").mkdir()
    for library in BACKEND_LIBRARIES:
        shutil.copy(library.built(), target / "onnxruntime" / library.file_name)


def _tritonserver(server: Path) -> Path:
    return server / "pytriton" / "tritonserver"


def _pip(arguments: Sequence[str]) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    _run(
        command,
        remedy="Triton from PyPI needs Linux on x86-64 with glibc 2.35 or newer, pip 22.3 or newer "
        "(`python -m pip install --upgrade pip`) and access to a package index.",
    )


def _run(command: Sequence[str], remedy: str) -> None:
    """Run a command with its output on stderr, where progress belongs."""
    done = subprocess.run(command, stdout=sys.stderr, check=False)  # noqa: S603  # our own command
    if done.returncode != 0:
        raise LocalStackError(f"`{' '.join(command)}` ended with {done.returncode}. {remedy}")


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Let one process at a time build; the kernel frees the lock when its holder dies."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def remove_outdated(root: Path, keep: Collection[Path], executables: Collection[str]) -> None:
    """Remove the parts of earlier pins, unless a program still runs from one of them.

    Then all of them stay: a running backend needs its stub environment too, though no program is
    started from there.
    """
    outdated = [folder for folder in root.iterdir() if folder.is_dir() and folder not in keep]
    if not any(Path(executable).is_relative_to(f) for f in outdated for executable in executables):
        for folder in outdated:
            shutil.rmtree(folder)
