"""A real index of coloured squares, calibrated on other ones."""

from pathlib import Path

import pytest
from PIL import Image

from animegan_search.ssim.definition import UNIFORM7
from animegan_search.ssim.index import Index
from tests.unit.training.conftest import write_dataset
from training.audit.auditing import conduct
from training.audit.judged import Audit
from training.audit.subjects import FolderSubjects, open_pictures
from training.datasets.store import Dataset
from training.index.building import build

TRAINING, HELDOUT, UNSEEN, COPIED = 200, 99, 30, 137


@pytest.fixture(scope="session")
def squares(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """The images of the index."""
    return write_dataset(tmp_path_factory.mktemp("training") / "squares", TRAINING, seed=1)


@pytest.fixture(scope="session")
def heldout(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Images that calibrate it."""
    return write_dataset(tmp_path_factory.mktemp("heldout") / "squares", HELDOUT, seed=2)


@pytest.fixture(scope="session")
def unseen(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """More images of the same kind that the index does not hold."""
    return write_dataset(tmp_path_factory.mktemp("unseen") / "squares", UNSEEN, seed=3)


@pytest.fixture(scope="session")
def index(squares: Dataset, heldout: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Index:
    """Of several shards."""
    folder = tmp_path_factory.mktemp("indexes") / "squares"
    return build(folder, squares, UNIFORM7, heldout, shard_images=64)


@pytest.fixture(scope="session")
def pictures(unseen: Dataset, squares: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of unseen pictures with a copy of training image `COPIED` among them."""
    folder = tmp_path_factory.mktemp("pictures")
    for number, image in enumerate(unseen.images_NHWC):
        Image.fromarray(image).save(folder / f"new-{number:02}.png")
    Image.fromarray(squares.images_NHWC[COPIED]).save(folder / "copy.png")
    return folder


@pytest.fixture(scope="session")
def subjects(pictures: Path) -> FolderSubjects:
    """These pictures."""
    found = open_pictures(pictures, channels=3, count=None, seed=0)
    assert isinstance(found, FolderSubjects)
    return found


@pytest.fixture(scope="session")
def audit(index: Index, subjects: FolderSubjects) -> Audit:
    """Of these pictures."""
    return conduct(index, subjects)
