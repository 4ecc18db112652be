"""What is kept of a scan, against scikit-image, pair by pair."""

from pathlib import Path

import numpy as np
import pytest
from skimage.metrics import structural_similarity

from animegan_search.ssim.definition import UNIFORM7
from animegan_search.ssim.index import Index, SearchIndexError
from training.audit import measure as module
from training.audit.measure import Scan, measure, ranks
from training.audit.subjects import FolderSubjects, open_pictures
from training.datasets.store import Dataset
from training.index.building import build
from training.index.changing import remove


def scan_of(index: Index, subjects: FolderSubjects) -> Scan:
    return Scan(subjects, index.directory, index.digest, threads=1)


def all_scores(subjects: FolderSubjects, place: int, squares: Dataset) -> np.ndarray:
    [query] = subjects[np.array([place])]
    return np.array(
        [
            structural_similarity(query, image, channel_axis=-1, data_range=255)
            for image in squares.images_NHWC
        ]
    )


def test_it_is_what_scikit_image_says(
    index: Index, subjects: FolderSubjects, squares: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 7)  # 31 subjects: the last pass is short
    measured = list(measure(scan_of(index, subjects)))
    assert [one.place for one in measured] == list(range(len(subjects)))
    for one in measured[::10]:
        expected = all_scores(subjects, one.place, squares)
        order = np.argsort(-expected, kind="stable")
        np.testing.assert_array_equal(one.ids, order[:4])
        np.testing.assert_allclose(one.ssim, expected[order[:4]], atol=1e-12)
        np.testing.assert_allclose(one.mean, expected.mean(), atol=1e-6)
        np.testing.assert_allclose(one.curve, expected[order][ranks(200) - 1], atol=1e-6)


def test_removed_images_are_on_no_curve(
    subjects: FolderSubjects, squares: Dataset, tmp_path: Path
) -> None:
    build(tmp_path / "index", squares, UNIFORM7)
    remove(tmp_path / "index", [0, 137, 199])
    index = Index.open(tmp_path / "index")
    first = next(iter(measure(scan_of(index, subjects))))
    expected = np.delete(all_scores(subjects, 0, squares), [0, 137, 199])
    assert len(first.curve) == len(ranks(197))
    np.testing.assert_allclose(first.curve, -np.sort(-expected)[ranks(197) - 1], atol=1e-6)


def test_ranks_reach_from_the_first_to_the_last() -> None:
    many = ranks(20_000)
    assert many[:4].tolist() == [1, 2, 3, 4] and many[-1] == 20_000
    assert (np.diff(many) > 0).all() and len(many) <= module.RANKS
    assert ranks(1).tolist() == [1]


def test_another_state_of_the_index_is_refused(index: Index, subjects: FolderSubjects) -> None:
    scan = Scan(subjects, index.directory, "0" * 64, threads=1)
    with pytest.raises(SearchIndexError, match=r"was changed, or the machines see different ones"):
        next(measure(scan))


def test_a_choice_of_pictures_depends_on_its_seed_alone(pictures: Path) -> None:
    some = open_pictures(pictures, 3, 5, seed=1)
    assert len(some) == 5
    names = [some.name(place) for place in range(5)]
    assert names == sorted(names)
    again = open_pictures(pictures, 3, 5, seed=1)
    np.testing.assert_array_equal(again[np.arange(5)], some[np.arange(5)])
    other = open_pictures(pictures, 3, 5, seed=2)
    assert [other.name(place) for place in range(5)] != names
