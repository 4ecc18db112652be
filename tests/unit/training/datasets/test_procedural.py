"""Pictures of procedural faces: the same bytes for the same seed, everywhere and always."""

import hashlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.requires import require_renderer
from training.datasets.procedural import RENDERER_VERSION, render, sample
from training.datasets.procedural.geometry import SIZES

REFERENCE = Path(__file__).with_name(f"faces-version-{RENDERER_VERSION}.png")

HASH_PROGRAM = """
import hashlib
from training.datasets.procedural import render
print(hashlib.sha256(b"".join(render(s, 64).tobytes() for s in (7, 3, 2**64 - 1))).hexdigest())
"""


@pytest.fixture
def skia() -> None:
    require_renderer()


def run_python(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )


@pytest.mark.usefixtures("skia")
@pytest.mark.parametrize("size", SIZES)
def test_a_face_has_the_size_asked_for(size: int) -> None:
    face_HWC = render(1, size)
    assert face_HWC.shape == (size, size, 3)
    assert face_HWC.dtype == np.uint8
    assert face_HWC.flags.c_contiguous
    assert face_HWC.std() > 10


@pytest.mark.usefixtures("skia")
def test_another_process_draws_the_same_bytes_in_another_order() -> None:
    faces = {seed: render(seed, 64) for seed in (2**64 - 1, 3, 7)}
    here = hashlib.sha256(b"".join(faces[s].tobytes() for s in (7, 3, 2**64 - 1))).hexdigest()
    there = run_python(HASH_PROGRAM)
    assert there.stdout.strip() == here, there.stderr


@pytest.mark.usefixtures("skia")
def test_different_seeds_draw_different_faces() -> None:
    assert len({render(seed, 16).tobytes() for seed in range(12)}) == 12


@pytest.mark.usefixtures("skia")
def test_sizes_show_the_same_face() -> None:
    small, large = render(5, 64).astype(int), render(5, 512).astype(int)
    shrunk = large.reshape(64, 8, 64, 8, 3).mean((1, 3))
    assert np.abs(shrunk - small).mean() < 2


@pytest.mark.usefixtures("skia")
def test_a_changed_attribute_leaves_the_rest_of_the_face_alone() -> None:
    attributes = replace(sample(8), glasses=False, roll=0.0)
    without, glasses = (render(8, 64, replace(attributes, glasses=on)) for on in (False, True))
    changed = np.abs(without.astype(int) - glasses).max(axis=2) > 0
    assert changed[24:48].any()
    assert not changed[:16].any()
    assert not changed[56:].any()


@pytest.mark.usefixtures("skia")
@pytest.mark.parametrize("size", [0, 65, 1024])
def test_an_unknown_size_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="size must be one of"):
        render(0, size)


@pytest.mark.usefixtures("skia")
def test_pictures_changed_only_with_the_renderer_version() -> None:
    """When this fails on purpose, raise RENDERER_VERSION and write a new reference picture.

    Processors may round differently in the last place; a change of the drawing shows as more.
    """
    reference = np.asarray(Image.open(REFERENCE).convert("RGB")).astype(int)
    drawn = np.concatenate([render(seed, 64) for seed in range(8)], axis=1)
    assert np.abs(drawn - reference).max() <= 2


def test_all_but_drawing_works_without_skia() -> None:
    result = run_python(
        "import sys; sys.modules['skia'] = None\n"
        "import training.datasets.store, training.cli.dataset\n"
        "from training.datasets.procedural import render, sample\n"
        "sample(0)\n"
        "render(0, 64)\n"
    )
    assert "SkiaUnavailableError" in result.stderr
    assert "install the project's training dependencies" in result.stderr


def test_a_missing_system_library_is_named_with_its_remedy() -> None:
    result = run_python(
        "import sys\n"
        "class Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'skia':\n"
        "            raise ImportError('libGL.so.1: cannot open shared object file')\n"
        "sys.meta_path.insert(0, Finder())\n"
        "from training.cli.dataset import main\n"
        "sys.exit(main(['sheet', '--first-seed', '0', '--out', 'never.png']))\n"
    )
    assert result.returncode == 1
    assert "libGL.so.1" in result.stderr
    assert "apt-get install libgl1 libegl1" in result.stderr
