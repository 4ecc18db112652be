"""Modules and programs that some tests need and not every machine has."""

from __future__ import annotations

import ctypes
import importlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import NoReturn

import pytest

from animegan_kernels.build import Library

_DEVELOPMENT = "`make setup-dev`"
# What brings a program that a test needs; one that is not here is in Debian's package of its name.
INSTALLED_BY = {
    "prometheus-alertmanager": "apt-get install prometheus-alertmanager",
    "amtool": "apt-get install prometheus-alertmanager",
    "cc": "apt-get install gcc libc6-dev",
    "buf": _DEVELOPMENT,
    "hadolint": _DEVELOPMENT,
    "kubectl": _DEVELOPMENT,
    "prometheus": "apt-get install prometheus",
    "promtool": "apt-get install prometheus",
    "setpriv": "apt-get install util-linux",
    "unshare": "apt-get install util-linux",
}


def require_module(name: str) -> ModuleType:
    """Import a module for a test; skip the test by that name where it cannot be imported.

    With `ANIMEGAN_REQUIRE_ALL=1`, as in CI, the test fails instead of being skipped.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        _missing(f"needs the Python module {name}: {error}")


def require_renderer() -> None:
    """What draws procedural faces; skip as above without."""
    try:
        importlib.import_module("training.datasets.procedural._skia")
    except ImportError as error:
        _missing(f"needs the renderer: {error}")


def require_program(name: str) -> str:
    """Path of a program, looked for beside this interpreter and on PATH; skip as above without."""
    path = shutil.which(name, path=Path(sys.executable).parent) or shutil.which(name)
    installed_by = INSTALLED_BY.get(name, f"apt-get install {name}")
    return path or _missing(f"needs the program {name}: {installed_by}")


def require_library(library: Library) -> Path:
    """Where a compiled library lies; skip as above where it is not built."""
    if not library.path.is_file():
        _missing(f"needs {library.file_name}: python -m animegan_kernels")
    return library.path


@contextmanager
def require_target(library: Library, target: str) -> Iterator[None]:
    """Let a library use its kernels for one instruction set; skip as above without a processor."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("ANIMEGAN_TARGET", target)
        chosen = ctypes.CDLL(str(require_library(library))).animegan_target
        chosen.restype = ctypes.c_char_p
        if chosen().decode() != target:
            _missing(f"needs a processor that runs {target}")
        yield


def require_package_index() -> None:
    """Access to PyPI, or what pip is told to use instead; skip as above without."""
    command = [sys.executable, "-m", "pip", "index", "versions", "--retries=0", "pip"]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        _missing("needs a package index that pip can reach")


def require_root() -> None:
    """To be root; skip as above otherwise."""
    if os.geteuid() != 0:
        _missing("needs root, which building images without a container runtime takes")


def require_folder(path: Path) -> Path:
    """The folder itself; skip as above where it does not exist."""
    return path if path.is_dir() else _missing(f"needs the folder {path}")


def _missing(reason: str) -> NoReturn:
    if os.environ.get("ANIMEGAN_REQUIRE_ALL") == "1":
        pytest.fail(reason)
    pytest.skip(reason)
