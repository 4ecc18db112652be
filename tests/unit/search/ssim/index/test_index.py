"""An open index: what was built is found, by rank, by id and across shards."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from animegan_search.ssim.definition import GAUSSIAN, UNIFORM7, Definition
from animegan_search.ssim.index import (
    DamagedIndexError,
    Index,
    NotCalibratedError,
    UnknownImageError,
)
from animegan_search.ssim.index import index as index_module
from animegan_search.ssim.index.manifest import Manifest, check_name, read_manifest
from animegan_search.ssim.verdict import Calibration
from tests.unit.search.ssim.index.material import maxima, noise, scores, write_dataset, write_index
from training.index.building import append
from training.index.changing import remove

IMAGES = noise(75, seed=1)
QUERIES = noise(3, seed=2)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    """Five shards, the last one short; tiles with empty lanes."""
    heldout = noise(9, seed=3)
    return write_index(tmp_path_factory.mktemp("indexes") / "i", IMAGES, heldout, shard_images=16)


@pytest.mark.parametrize("definition", [UNIFORM7, GAUSSIAN])
@pytest.mark.parametrize(("count", "shard_images"), [(1, None), (37, None), (37, 16)])
def test_search_is_brute_force(
    tmp_path: Path, definition: Definition, count: int, shard_images: int | None
) -> None:
    images = np.concatenate([IMAGES[: count - 1], QUERIES[:1]])
    index = write_index(tmp_path / "i", images, definition=definition, shard_images=shard_images)
    for query, answer in zip(QUERIES, index.search(QUERIES, k=5), strict=True):
        expected = scores(query, images, definition)
        best = np.lexsort((np.arange(count), -expected))[:5]
        np.testing.assert_array_equal(answer.ids, best)
        np.testing.assert_allclose(answer.found.ssim, expected[best], atol=1e-12)
        np.testing.assert_allclose(answer.found.scores, expected, atol=definition.tolerance)
        assert answer.found.mean == pytest.approx(expected.mean(), abs=definition.tolerance)
        assert answer.found.histogram.sum() == answer.found.count == count


def test_shards_are_even_and_whole_tiles(index: Index) -> None:
    assert [shard.count for shard in index.shards] == [16, 16, 16, 16, 11]
    assert [shard.first for shard in index.shards] == [0, 16, 32, 48, 64]
    assert index.count == len(index.ids) == 75


def test_more_than_there_are_gives_all(index: Index) -> None:
    answer = index.search(QUERIES[:1], k=1000)[0]
    assert sorted(answer.ids) == list(range(75))


def test_images_come_back_by_id(index: Index) -> None:
    ids = [74, 0, 15, 16, 15]
    np.testing.assert_array_equal(index.images(ids), IMAGES[ids])
    assert index.images([]).shape == (0, 12, 12, 3)


@pytest.mark.parametrize("wrong", [-1, 75, 2**62])
def test_an_unknown_id_is_named(index: Index, wrong: int) -> None:
    for call in (index.images, index.rows):
        with pytest.raises(UnknownImageError, match=str(wrong)):
            call([3, wrong])
    with pytest.raises(UnknownImageError):
        index.source(wrong)


def test_pixels_are_mapped_and_read_only(index: Index) -> None:
    with pytest.raises(ValueError, match="read-only"):
        index.shards[0].tiles[0] = 0


def test_a_description_is_plain_json_and_carries_the_calibration(index: Index) -> None:
    record = json.loads(json.dumps(index.describe()))
    assert (record["name"], record["definition"], record["shape"]) == ("i", "uniform7", [12, 12, 3])
    assert (record["count"], record["digest"]) == (75, index.digest)
    assert [shard["name"] for shard in record["shards"]] == [f"{i:05d}" for i in range(5)]
    calibration = Calibration.from_json(record["calibration"])
    np.testing.assert_array_equal(calibration.maxima, index.require_calibration().maxima)


def test_calibrated_on_the_best_scores_of_held_out_images(index: Index) -> None:
    calibration = index.require_calibration()
    np.testing.assert_allclose(calibration.maxima, maxima(noise(9, seed=3), IMAGES), atol=1e-12)
    assert (calibration.heldout_name, calibration.identical) == ("i-heldout", 0)
    assert calibration.index_digest == index.digest


def test_without_held_out_images_there_is_no_verdict(tmp_path: Path) -> None:
    index = write_index(tmp_path / "i", IMAGES[:2])
    with pytest.raises(NotCalibratedError, match="is missing: run `anime-gan index calibrate`"):
        index.require_calibration()


def test_ids_and_sources_after_append_and_remove(tmp_path: Path) -> None:
    write_index(tmp_path / "i", IMAGES[:20])
    more = noise(18, seed=4)
    append(tmp_path / "i", write_dataset(tmp_path / "more", more))
    index = remove(tmp_path / "i", [0, 19, 21])
    everything = np.concatenate([IMAGES[:20], more])
    assert index.count == 35
    np.testing.assert_array_equal(index.images([18, 20, 37]), everything[[18, 20, 37]])
    source, place = index.source(37)
    assert (source.name, place) == ("more", 17)
    assert index.source(1)[0].name == "i-images"
    with pytest.raises(UnknownImageError, match="21"):
        index.images([21])
    alive = np.setdiff1d(np.arange(38), [0, 19, 21])
    answer = index.search(QUERIES[:1], k=50)[0]
    expected = scores(QUERIES[0], everything[alive])
    np.testing.assert_array_equal(answer.ids, alive[np.lexsort((alive, -expected))])
    assert answer.found.total == pytest.approx(expected.sum(), abs=1e-4)
    assert np.isnan(answer.found.scores[[0, 19, 21]]).all()


def test_an_index_that_changes_while_it_is_opened_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_index(tmp_path / "i", IMAGES[:20])
    before: Manifest = remove(tmp_path / "i", [3]).manifest
    after = remove(tmp_path / "i", [4]).manifest  # its file of dead rows replaces the earlier one
    answers = [before, after]
    monkeypatch.setattr(index_module, "read_manifest", lambda _: answers.pop(0))
    assert Index.open(tmp_path / "i").count == 18


def test_a_file_that_is_really_missing_stays_an_error(tmp_path: Path) -> None:
    index = write_index(tmp_path / "i", IMAGES[:20])
    (tmp_path / "i" / index.manifest.shards[0].ids.name).unlink()
    with pytest.raises(DamagedIndexError, match=r"ids-00000\.npy is missing"):
        Index.open(tmp_path / "i")


def test_an_open_index_outlives_a_change(tmp_path: Path) -> None:
    index = write_index(tmp_path / "i", IMAGES[:20])
    remove(tmp_path / "i", [0])
    assert index.search(QUERIES[:1], 20)[0].found.count == 20


def test_the_digest_knows_all_that_decides_an_answer(index: Index) -> None:
    manifest = read_manifest(index.directory)
    shard = manifest.shards[0]
    assert replace(manifest, name="other", calibration=None).digest == manifest.digest
    for other in (
        replace(manifest, definition="gaussian"),
        replace(manifest, shards=manifest.shards[1:]),
        replace(manifest, shards=(replace(shard, dead=shard.ids), *manifest.shards[1:])),
        replace(manifest, sources=(replace(manifest.sources[0], name="other"),)),
    ):
        assert other.digest != manifest.digest
        assert not other.calibrated


@pytest.mark.parametrize("name", ["", "A", "a/b", "..", ".a", "a b", "ä", "x" * 64])
def test_names_fit_into_paths_and_requests(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be called"):
        check_name(name)


def test_the_documentation_s_example_runs(tmp_path: Path) -> None:
    document = Path(__file__).parents[5] / "docs" / "similarity" / "index.md"
    text = document.read_text(encoding="utf-8")
    match = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert match
    directory = write_index(tmp_path / "i", IMAGES, noise(99, seed=3)).directory
    code = match[1].replace(".local/indexes/procedural-64", str(directory))
    names = {"pictures": IMAGES[7:8]}
    exec(code, names)
    assert names["answer"].ids[0] == 7
    assert not names["verdict"].original


def test_neither_reading_nor_writing_needs_torch() -> None:
    code = "import sys, training.cli.index; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
