"""A real index of coloured squares, calibrated on other ones."""

from pathlib import Path

import pytest

from animegan_ssim.definition import UNIFORM7
from animegan_ssim.index import Index
from tests.unit.training.conftest import write_dataset
from training.datasets.store import Dataset
from training.index.building import build

TRAINING, HELDOUT = 200, 99


@pytest.fixture(scope="session")
def squares(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """The images of the index."""
    return write_dataset(tmp_path_factory.mktemp("training") / "squares", count=TRAINING, seed=1)


@pytest.fixture(scope="session")
def unseen(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Images of the same kind that the index does not hold."""
    return write_dataset(tmp_path_factory.mktemp("unseen") / "squares", count=30, seed=3)


@pytest.fixture(scope="session")
def index(squares: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Index:
    folder = tmp_path_factory.mktemp("indexes")
    heldout = write_dataset(folder / "heldout", count=HELDOUT, seed=2)
    return build(folder / "squares", squares, UNIFORM7, heldout, shard_images=64)


def planted(folder: Path, unseen: Dataset, copy_of: Dataset, place: int) -> Path:
    """A folder of unseen pictures, `copy.png` among them."""
    from PIL import Image

    folder.mkdir()
    for number, image in enumerate(unseen.images_NHWC):
        Image.fromarray(image).save(folder / f"new-{number:02}.png")
    Image.fromarray(copy_of.images_NHWC[place]).save(folder / "copy.png")
    return folder
