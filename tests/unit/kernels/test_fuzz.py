"""The search backend in C never reads what is not there, whatever files and requests contain."""

import os
import subprocess
from pathlib import Path

import pytest

from animegan_kernels.search.fuzz.__main__ import build
from tests.requires import require_program
from tests.unit.search.fuzz_corpus import write_corpus, write_indexes

RUNS = int(os.environ.get("ANIMEGAN_FUZZ_RUNS", "3000"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs, their corpus and the index that requests go to."""
    require_program(os.environ.get("CC", "cc"))
    folder = tmp_path_factory.mktemp("fuzz")
    build(folder / "programs")
    write_corpus(folder / "corpus", write_indexes(folder / "indexes"))
    return folder


@pytest.mark.parametrize("target", ["npy", "manifest", "requests"])
def test_nothing_crashes(folder: Path, target: str) -> None:
    done = subprocess.run(
        [folder / "programs" / f"fuzz_{target}", f"-runs={RUNS}", folder / "corpus" / target],
        env=os.environ | {"ANIMEGAN_INDEXES": str(folder / "indexes")},
        capture_output=True,
        text=True,
        check=False,
        timeout=120 + RUNS / 100,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert done.stdout.endswith(f" files, {RUNS} runs\n")
