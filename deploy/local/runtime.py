"""Build what Triton needs to run without Docker, once, below `.local/triton`.

Three parts, each in a folder named by the digest of its inputs, so that a changed pin or a changed
source makes a new folder and an unchanged one costs a `stat`:

- `server-<digest>`: the `tritonserver` binary and its libraries, from the PyPI wheel of pytriton.
- `onnxruntime-<digest>`: the C library in ONNX Runtime's wheel.
- `backends-<digest>`: Triton's backend directory, ours; copies, because Triton refuses links.
"""

import contextlib
import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from animegan_kernels import libraries
from animegan_kernels.build import Library, build
from animegan_kernels.compiler import CompilerError
from deploy.local.console import LocalStackError, say

PROJECT = Path(__file__).resolve().parents[2]
DEFAULT_ROOT = PROJECT / ".local" / "triton"

# What lies in the folder of each backend, beside what else the backend loads from there.
_BACKENDS: Mapping[str, tuple[Library, ...]] = {
    "onnxruntime": (libraries.TRITON_ONNXRUNTIME, libraries.CONVOLUTION),
    "animegan_search": (libraries.TRITON_SEARCH,),
}

# How the server uses memory. malloc's arenas, eight a core by default, would each keep what a burst
# of requests once needed, which saves no CPU time: two do for all models on two cores. But the
# activations of a run must not go back to the kernel after each run, only to be faulted in again by
# the next one: that doubles the system's time for the same 268 MiB after a load on all instances.
_MEMORY = {
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": str(32 * 2**20),  # bytes; the largest that glibc accepts
    "MALLOC_TRIM_THRESHOLD_": str(128 * 2**20),
}


_ONNXRUNTIME = "libonnxruntime.so"
_PYTHON = "3.12"  # any that it has a wheel for
_PLATFORM = f"manylinux_2_28_{platform.machine()}"


@dataclass(frozen=True)
class Runtime:
    """Where the built parts lie."""

    server: Path  # holds pytriton/tritonserver and nvidia_pytriton.libs
    onnxruntime: Path  # holds libonnxruntime.so and its licences
    backends: Path  # value of --backend-directory

    @property
    def binary(self) -> Path:
        """The `tritonserver` program."""
        return _tritonserver(self.server) / "bin" / "tritonserver"

    @property
    def onnxruntime_library(self) -> Path:
        """ONNX Runtime's C library."""
        return self.onnxruntime / _ONNXRUNTIME

    def environment(self) -> dict[str, str]:
        """Return the variables under which the binary finds its libraries."""
        return {
            **os.environ,
            **_MEMORY,
            "ORT_DISABLE_TELEMETRY": "1",  # ONNX Runtime's wheels report their use to their makers
            "LD_LIBRARY_PATH": str(self.server / "nvidia_pytriton.libs"),
        }


def ensure_runtime(root: Path = DEFAULT_ROOT) -> Runtime:
    """Return the runtime below `root`, building the parts that are missing.

    Raises:
        LocalStackError: a part cannot be built here; the message says what to do.
    """
    server_pins, onnxruntime_pins = pins("triton-server"), pins("triton-onnxruntime")
    root.mkdir(parents=True, exist_ok=True)
    with _locked(root / "lock"):
        server = part(root, "server", server_pins, lambda to: _install_server(to, server_pins))
        onnxruntime = part(
            root,
            "onnxruntime",
            [*onnxruntime_pins, _PYTHON, _PLATFORM],
            lambda to: _extract_onnxruntime(to, onnxruntime_pins),
        )
        _compile()  # last: `make setup` compiles meanwhile
        names = [f"{name}/{library.path.name}" for name in _BACKENDS for library in _BACKENDS[name]]
        runtime = Runtime(server, onnxruntime, part(root, "backends", names, _copy_backends))
        commands = [" ".join(p.info["cmdline"] or ()) for p in psutil.process_iter(["cmdline"])]
        remove_outdated(root, {runtime.server, runtime.onnxruntime, runtime.backends}, commands)
    return runtime


def _compile() -> None:
    try:
        build(sorted({library for ours in _BACKENDS.values() for library in ours}, key=str))
    except CompilerError as error:
        raise LocalStackError(str(error)) from error


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


def _extract_onnxruntime(target: Path, requirements: Sequence[str]) -> None:
    say(f"Fetching ONNX Runtime ({', '.join(requirements)}, about 20 MB; once)")
    with tempfile.TemporaryDirectory(dir=target) as scratch:
        # The same wheel for every Python: of it only the C library is used.
        command = ["install", "--no-deps", "--no-compile", "--only-binary", ":all:"]
        command += ["--python-version", _PYTHON, "--platform", _PLATFORM]
        _pip([*command, "--target", scratch, *requirements])
        package = Path(scratch) / "onnxruntime"
        library, *others = package.glob("capi/libonnxruntime.so.*")
        if others:
            raise LocalStackError(f"{requirements} holds more than one C library: {others}")
        library.rename(target / _ONNXRUNTIME)
        for notice in ("LICENSE", "ThirdPartyNotices.txt"):
            (package / notice).rename(target / notice)


def _copy_backends(target: Path) -> None:
    for name, ours in _BACKENDS.items():
        (target / name).mkdir()
        for library in ours:
            shutil.copy(library.built(), target / name / library.file_name)


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


def remove_outdated(root: Path, keep: Collection[Path], commands: Collection[str]) -> None:
    """Remove the parts of earlier pins, but those that a running program's command line names."""
    for folder in root.iterdir():
        needed = folder in keep or any(str(folder) in command for command in commands)
        if folder.is_dir() and not needed:
            shutil.rmtree(folder)
