"""Ink drawings of procedural faces."""

import hashlib

import numpy as np
import pytest

from tests.requires import require_renderer
from training.datasets.procedural import render as render_face


@pytest.fixture(scope="module")
def drawing() -> np.ndarray:
    require_renderer()
    from training.datasets.procedural import line_art

    return line_art.render(1_000_000, 128)


def test_a_drawing_is_ink_on_paper(drawing: np.ndarray) -> None:
    assert drawing.shape == (128, 128, 3)
    grey = drawing.mean(axis=2)
    assert (grey == 255).mean() > 0.6
    assert 0.02 < (grey < 64).mean() < 0.2
    # Ink is nearly black, so that channels differ little anywhere.
    assert np.ptp(drawing, axis=2).max() <= 8


def test_a_seed_gives_the_same_bytes(drawing: np.ndarray) -> None:
    from training.datasets.procedural import line_art

    assert np.array_equal(line_art.render(1_000_000, 128), drawing)
    digest = hashlib.sha256(drawing.tobytes()).hexdigest()
    assert digest == "b432e719a75a899a8c1ce7a5df5df611ffb0947acf9642ed56f20b1193a3299b"
    assert not np.array_equal(line_art.render(1_000_001, 128), drawing)


def test_the_drawing_has_the_outlines_of_the_face(drawing: np.ndarray) -> None:
    """Where ink lies, the face is darker than around it."""
    face = render_face(1_000_000, 128).mean(axis=2)
    ink = drawing.mean(axis=2) < 64
    assert face[ink].mean() < 0.75 * face[~ink].mean()


def test_sizes_are_those_of_faces() -> None:
    require_renderer()
    from training.datasets.procedural import line_art

    with pytest.raises(ValueError, match="size must be one of"):
        line_art.render(1, 100)
