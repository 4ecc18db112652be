"""Faces cut out of larger pictures, by the command, as for Danbooru."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.requires import require_renderer
from tests.unit.training.datasets.pictures import encoded
from training.cli.dataset import main
from training.datasets.growing import read_skipped
from training.datasets.procedural import render
from training.datasets.store import Dataset

PLACES = {3: (40, 30), 4: (300, 200)}
"""Where the faces of two seeds lie in the picture, x and y of 128 pixels each."""
COMMON = ["--size", "64", "--workers", "1", "--licence", "CC0-1.0"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Danbooru's layout: 1001 holds two faces, 2001 is noise, 3001 is rated otherwise."""
    require_renderer()
    picture = np.full((360, 480, 3), 225, np.uint8)
    for seed, (x, y) in PLACES.items():
        picture[y : y + 128, x : x + 128] = render(seed, 128)
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)
    folder = tmp_path / "512px" / "0001"
    folder.mkdir(parents=True)
    for number, image in ((1001, picture), (2001, noise), (3001, picture)):
        (folder / f"{number}.png").write_bytes(encoded(image))
    (tmp_path / "metadata").mkdir()
    lines = [
        {"id": str(number), "rating": rating, "tags": [{"name": "1girl"}]}
        for number, rating in ((1001, "s"), (2001, "s"), (3001, "e"))
    ]
    (tmp_path / "metadata" / "2018").write_text("\n".join(map(json.dumps, lines)))
    return tmp_path


def run(root: Path, *more: str) -> Dataset:
    out = root / "out"
    assert main(["import", "danbooru", str(root), "--out", str(out), *COMMON, *more]) == 0
    return Dataset.open(out, checksums=True)


def test_every_face_is_cut_out_with_its_labels(root: Path) -> None:
    dataset = run(root, "--faces", "all", "--margin", "0.1")
    boxes = []
    for label in dataset.labels:
        assert (label["danbooru"], label["rating"], label["tags"]) == (1001, "s", ["1girl"])
        boxes.append(label["face"])
    for x, y in PLACES.values():
        middles = [(left + width / 2, top + height / 2) for left, top, width, height in boxes]
        assert any(x < mx < x + 128 and y < my < y + 128 for mx, my in middles)
    assert [(one.id, one.reason) for one in read_skipped(root / "out")][-1] == (
        "0001/2001.png",
        "no face found",
    )


def test_one_face_a_picture_by_default(root: Path) -> None:
    dataset = run(root)
    assert len(dataset) == 1
    assert dataset.header.source["faces"]["margin"] == 0.25
    *_, width, height = dataset.labels[0]["face"]
    assert 40 <= width == height <= 160
    assert dataset.images_NHWC[0].std() > 20


def test_a_face_smaller_than_the_image_is_skipped(root: Path, tmp_path: Path) -> None:
    common = ["--size", "300", "--workers", "1", "--licence", "CC0-1.0"]
    out = tmp_path / "large"
    assert main(["import", "danbooru", str(root), "--out", str(out), *common]) == 1
    assert any("are fewer than 300" in one.reason for one in read_skipped(out))
