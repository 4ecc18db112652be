"""The search for copies against NumPy, and folders that are refused."""

import json
from pathlib import Path

import numpy as np
import pytest

from animegan_copies import CopyIndex, CopyIndexError, Detector, Images, Manifest
from animegan_ssim.verdict import Calibration
from training.copies.building import write_index

COUNT, SIZE = 40, 8
IDS = np.arange(100, 100 + 3 * COUNT, 3)


def unit(count: int, seed: int) -> np.ndarray:
    drawn = np.random.default_rng(seed).standard_normal((count, SIZE)).astype(np.float32)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    maxima = np.sort((unit(199, 1) @ unit(COUNT, 0).T).max(axis=1).astype(np.float64))
    write_index(
        tmp_path / "index",
        unit(COUNT, 0),
        IDS,
        Images("faces", "d1"),
        Detector("copy_detector", 3, "abc"),
        lambda digest: Calibration(maxima, digest, "heldout", "d2", identical=0),
    )
    return tmp_path / "index"


def test_the_nearest_images_are_those_of_numpy(folder: Path) -> None:
    index = CopyIndex.open(folder)
    queries = unit(7, 2)
    cosine = queries @ unit(COUNT, 0).T
    order = np.argsort(-cosine, axis=1)[:, :5]
    for row, copies in enumerate(index.search(queries, k=5)):
        np.testing.assert_array_equal(copies.ids, IDS[order[row]])
        np.testing.assert_allclose(copies.similarity, cosine[row, order[row]], atol=1e-6)


def test_an_image_of_the_index_is_a_copy_of_itself(folder: Path) -> None:
    index = CopyIndex.open(folder)
    (copies,) = index.search(unit(COUNT, 0)[11:12], k=1)
    assert copies.ids.tolist() == [IDS[11]]
    assert copies.copied
    assert copies.p_value == 1 / 200
    assert copies.threshold == index.manifest.calibration.threshold(0.01)
    assert (copies.false_alarm_rate, len(index)) == (0.01, COUNT)


def test_unseen_images_are_judged_by_the_calibration(folder: Path) -> None:
    calibrated = unit(199, 1)
    found = CopyIndex.open(folder).search(calibrated, k=1, false_alarm_rate=0.05)
    assert sum(copies.copied for copies in found) == 9  # (9 + 1) / (199 + 1) = 0.05
    assert all(
        copies.copied == (copies.p_value <= 0.05) for copies in found if copies.p_value != 0.05
    )


def test_equally_near_images_come_by_id(tmp_path: Path) -> None:
    same = np.repeat(unit(1, 4), 6, axis=0)
    calibration = Calibration(np.linspace(0, 0.5, 199), "", "", "", identical=0)
    manifest = Manifest("x", Images("", ""), Detector("", 1, ""), 6, SIZE, {}, calibration)
    (copies,) = CopyIndex(manifest, same, np.arange(6)).search(same[:1], k=6)
    assert copies.ids.tolist() == list(range(6))


def test_more_than_there_are_gives_all(folder: Path) -> None:
    (copies,) = CopyIndex.open(folder).search(unit(1, 5), k=1000)
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
    folder: Path, queries: np.ndarray, k: int, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        CopyIndex.open(folder).search(queries, k)


def test_every_changed_byte_is_noticed(folder: Path) -> None:
    for name in ("embeddings.npy", "ids.npy"):
        whole = (folder / name).read_bytes()
        (folder / name).write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        with pytest.raises(CopyIndexError, match=f"{name} does not match its checksum"):
            CopyIndex.open(folder)
        (folder / name).unlink()
        with pytest.raises(CopyIndexError, match=f"{name} cannot be read"):
            CopyIndex.open(folder)
        (folder / name).write_bytes(whole)
    assert len(CopyIndex.open(folder)) == COUNT


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
def test_manifests_that_do_not_fit_are_refused(folder: Path, change: dict, message: str) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(CopyIndexError, match=message):
        CopyIndex.open(folder)


def test_a_folder_without_a_manifest_is_no_index(tmp_path: Path) -> None:
    with pytest.raises(CopyIndexError, match=r"copies index"):
        CopyIndex.open(tmp_path)
