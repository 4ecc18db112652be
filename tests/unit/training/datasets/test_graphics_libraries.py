"""The renderer where the system has neither libGL nor libEGL: our stand-ins let skia be loaded."""

import hashlib
import os
import subprocess
import sys

import pytest

from animegan_kernels.libraries import GRAPHICS
from tests.requires import require_renderer
from training.datasets.procedural import render

# As in `_skia`, but also where the system has both. LD_BIND_NOW has every name looked up at once.
DRAW = """
import ctypes, hashlib, sys
for library in sys.argv[1:]:
    ctypes.CDLL(library)
from training.datasets.procedural import render
print(hashlib.sha256(render(7, 64).tobytes()).hexdigest())
mapped = {line.split()[-1] for line in open("/proc/self/maps")}
print(*sorted(path for path in mapped if "libGL" in path or "libEGL" in path))
"""

# Without the system's libraries, as far as this process sees: nothing is found by their names.
HIDDEN = """
import builtins, sys
real = builtins.__import__
def without(name, *rest):
    if name == "skia" and not any("libGL" in line for line in open("/proc/self/maps")):
        raise ImportError("libGL.so.1: cannot open shared object file")
    return real(name, *rest)
builtins.__import__ = without
"""


@pytest.fixture(scope="module", autouse=True)
def renderer() -> None:
    require_renderer()


def run(program: str, *arguments: str) -> list[str]:
    command = [sys.executable, "-c", program, *arguments]
    environment = os.environ | {"LD_BIND_NOW": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_stand_ins_have_every_name_that_skia_asks_for_and_draw_the_same() -> None:
    libraries = [str(library.built()) for library in GRAPHICS]
    face, mapped = run(DRAW, *libraries)
    assert mapped.split() == sorted(libraries), "the system's own are not loaded"
    assert face == hashlib.sha256(render(7, 64).tobytes()).hexdigest()


def test_they_are_loaded_where_the_system_has_none() -> None:
    _, mapped = run(HIDDEN + DRAW)
    assert mapped.split() == sorted(str(library.built()) for library in GRAPHICS)
