"""The search models answer as they did when their answers were recorded, byte by byte; similarities
of embeddings to 1e-6.

`ANIMEGAN_RECORD=FILE pytest tests/integration/recorded` also writes the answers of now to a file.
"""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from deploy.local.triton import LocalTriton
from tests.integration.generator.service import PROJECT
from tests.integration.recorded.questions import ask, write_indexes

MODELS = ("ssim_search", "ssim_index", "copy_search")
RECORDED = Path(__file__).parent / "answers.npz"


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    """What a new Triton answers."""
    folder = tmp_path_factory.mktemp("recorded")
    indexes = write_indexes(folder / "indexes")
    for model in MODELS:
        shutil.copytree(PROJECT / "models" / model, folder / "models" / model)
    with LocalTriton(folder / "models", indexes=indexes, log=folder / "triton.log") as triton:
        found = ask(triton.grpc_url)
    if target := os.environ.get("ANIMEGAN_RECORD"):
        np.savez_compressed(target, **found)
    return found


@pytest.mark.parametrize("name", np.load(RECORDED).files if RECORDED.is_file() else ["none"])
def test_the_answer_is_the_recorded_one(answers: dict[str, np.ndarray], name: str) -> None:
    recorded = np.load(RECORDED)[name]

    assert answers[name].dtype == recorded.dtype
    assert answers[name].shape == recorded.shape
    # Sums in float32 when they were recorded, in float64 now.
    if name.startswith("copies ") and name.endswith(" / similarity"):
        np.testing.assert_allclose(answers[name], recorded, rtol=0, atol=1e-6)
    else:
        assert answers[name].tobytes() == recorded.tobytes()


def test_nothing_else_is_answered(answers: dict[str, np.ndarray]) -> None:
    assert sorted(answers) == sorted(np.load(RECORDED).files)
