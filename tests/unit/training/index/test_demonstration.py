"""The demo's index: pictures that lie in the repository are those that the renderer draws."""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from animegan_search.ssim.index import Index
from tests.requires import require_renderer
from training.datasets.procedural import RENDERER_VERSION, render
from training.datasets.rendering import LICENCE, render_dataset
from training.datasets.store import Dataset
from training.index.demonstration import make, pictures, store
from training.index.demonstration.pictures import FACES, HELDOUT, PARTS, SIZE, Part


def test_the_pictures_are_what_the_renderer_draws() -> None:
    """Processors may round differently in the last place; a change of the drawing shows as more."""
    require_renderer()
    for part, images in pictures.read().items():
        for place in range(0, part.count, 67):
            drawn = render(part.first_seed + place, SIZE).astype(int)
            assert np.abs(drawn - images[place]).max() <= 2, f"{part.name} {place}"


def test_the_record_tells_what_the_pictures_are() -> None:
    record = json.loads(pictures.RECORD.read_text())
    assert record["licence"] == LICENCE == "CC0-1.0"
    assert record["renderer_version"] == RENDERER_VERSION, "draw them again: make demo-faces"
    assert [Part(**part) for part in record["parts"]] == list(PARTS)
    assert [len(images) for images in pictures.read().values()] == [1000, 200]


def test_a_damaged_sheet_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = bytearray(pictures.SHEET.read_bytes())
    content[len(content) // 2] ^= 1
    damaged = tmp_path / "faces.webp"
    damaged.write_bytes(content)
    monkeypatch.setattr(pictures, "SHEET", damaged)
    with pytest.raises(pictures.DamagedPicturesError, match=r"faces\.webp is damaged"):
        pictures.read()


def test_drawing_again_writes_a_sheet_that_reads_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With few faces: all of them take half a minute."""
    require_renderer()
    few = (Part("first", 0, 30), Part("second", 1_000_000, 10))
    monkeypatch.setattr(pictures, "SHEET", tmp_path / "faces.webp")
    monkeypatch.setattr(pictures, "RECORD", tmp_path / "faces.json")
    monkeypatch.setattr(pictures, "PARTS", few)
    pictures.draw(workers=1)

    first, second = pictures.read().values()
    np.testing.assert_array_equal(first[29], render(29, SIZE))
    np.testing.assert_array_equal(second[9], render(1_000_009, SIZE))
    assert (
        json.loads((tmp_path / "faces.json").read_text())["sha256"]
        == hashlib.sha256((tmp_path / "faces.webp").read_bytes()).hexdigest()
    )


def test_the_index_is_made_of_them_without_the_renderer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "skia", None)
    make(tmp_path)

    index = Index.open(tmp_path / "indexes" / FACES.name)
    assert sum(shard.count for shard in index.manifest.shards) == FACES.count
    assert index.manifest.calibration.heldout.count == HELDOUT.count
    images = pictures.read()
    np.testing.assert_array_equal(Dataset.open(tmp_path / "faces").images_NHWC[:], images[FACES])


def test_stored_pictures_are_the_dataset_that_rendering_makes(tmp_path: Path) -> None:
    require_renderer()
    few = Part("few", HELDOUT.first_seed, 12)
    rendered = render_dataset(tmp_path / "rendered", few.count, SIZE, few.first_seed, name=few.name)
    images_NHWC = np.stack([render(few.first_seed + place, SIZE) for place in range(few.count)])
    stored = store(tmp_path / "stored", few, images_NHWC)
    assert stored.digest == rendered
