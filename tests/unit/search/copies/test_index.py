"""The search for copies against NumPy, and folders that are refused."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from animegan_search.copies import CopyIndex, CopyIndexError, Detector, Manifest
from animegan_search.ssim.verdict import Calibration
from tests.unit.search.copies.material import COUNT, IDS, SIZE, unit, write_index
from training.index.changing import remove


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return write_index(tmp_path / "squares")


@pytest.fixture
def folder(directory: Path) -> Path:
    return directory / "copies"


def test_the_nearest_images_are_those_of_numpy(directory: Path) -> None:
    index = CopyIndex.open(directory)
    queries = unit(7, 2)
    cosine = queries @ unit(COUNT, 0).T
    order = np.argsort(-cosine, axis=1)[:, :5]
    for row, copies in enumerate(index.search(queries, k=5)):
        np.testing.assert_array_equal(copies.ids, IDS[order[row]])
        np.testing.assert_allclose(copies.similarity, cosine[row, order[row]], atol=1e-6)


def test_an_image_of_the_index_is_a_copy_of_itself(directory: Path) -> None:
    index = CopyIndex.open(directory)
    (copies,) = index.search(unit(COUNT, 0)[11:12], k=1)
    assert copies.ids.tolist() == [IDS[11]]
    assert copies.copied
    assert copies.p_value == 1 / 200
    assert copies.threshold == index.manifest.calibration.threshold(0.01)
    assert (copies.false_alarm_rate, len(index)) == (0.01, COUNT)


def test_unseen_images_are_judged_by_the_calibration(directory: Path) -> None:
    calibrated = unit(199, 1)
    found = CopyIndex.open(directory).search(calibrated, k=1, false_alarm_rate=0.05)
    assert sum(copies.copied for copies in found) == 9  # (9 + 1) / (199 + 1) = 0.05
    assert all(
        copies.copied == (copies.p_value <= 0.05) for copies in found if copies.p_value != 0.05
    )


def test_equally_near_images_come_by_id(tmp_path: Path) -> None:
    same = np.repeat(unit(1, 4), 6, axis=0)
    calibration = Calibration(np.linspace(0, 0.5, 199), "", "", "", identical=0)
    manifest = Manifest("", Detector("", 1, ""), 6, SIZE, {}, calibration)
    (copies,) = CopyIndex(manifest, same, np.arange(6)).search(same[:1], k=6)
    assert copies.ids.tolist() == list(range(6))


def test_more_than_there_are_gives_all(directory: Path) -> None:
    (copies,) = CopyIndex.open(directory).search(unit(1, 5), k=1000)
    assert sorted(copies.ids) == IDS.tolist()


@pytest.mark.parametrize(
    ("queries", "k", "message"),
    [
        (np.zeros((1, SIZE), np.float32), 1, "unit length"),
        (np.full((1, SIZE), np.nan, np.float32), 1, "unit length"),
        (unit(1, 0).astype(np.float64), 1, "float32"),
        (unit(1, 0)[:, :4], 1, r"\[Q, 8\]"),
        (unit(1, 0), 0, "k must"),
    ],
)
def test_queries_that_do_not_fit_are_refused(
    directory: Path, queries: np.ndarray, k: int, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        CopyIndex.open(directory).search(queries, k)


def test_every_changed_byte_is_noticed(directory: Path, folder: Path) -> None:
    for name in ("embeddings.npy", "ids.npy"):
        whole = (folder / name).read_bytes()
        (folder / name).write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        with pytest.raises(CopyIndexError, match=f"{name} does not match its checksum"):
            CopyIndex.open(directory)
        (folder / name).unlink()
        with pytest.raises(CopyIndexError, match=f"{name} cannot be read"):
            CopyIndex.open(directory)
        (folder / name).write_bytes(whole)
    assert len(CopyIndex.open(directory)) == COUNT


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "other"}, "this program reads"),
        ({"format_version": 2}, "this program reads"),
        ({"count": COUNT + 1}, "expected float32"),
        ({"files": {}}, "lacks embeddings.npy"),
        ({"detector": {"name": "x"}}, "cannot be read"),
        ({"calibration": None}, "cannot be read"),
        ({"surplus": 1}, "cannot be read"),
    ],
)
def test_manifests_that_do_not_fit_are_refused(
    directory: Path, folder: Path, change: dict, message: str
) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(CopyIndexError, match=message):
        CopyIndex.open(directory)


def test_an_index_that_was_changed_or_never_embedded_is_refused(directory: Path) -> None:
    remove(directory, [3])
    with pytest.raises(CopyIndexError, match="earlier state of its index"):
        CopyIndex.open(directory)
    shutil.rmtree(directory / "copies")
    with pytest.raises(CopyIndexError, match="copies index"):
        CopyIndex.open(directory)
