"""`anime-gan dataset clean`: planted faults are found and left out; nothing is changed."""

import base64
import hashlib
import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.requires import require_renderer
from tests.unit.search.ssim.index.material import noise, write_dataset
from tests.unit.training.datasets.pictures import mirrored
from training.cli.dataset import main
from training.datasets.cleaning import outliers
from training.datasets.cleaning.examine import FaceCheck
from training.datasets.cleaning.findings import (
    AGAINST,
    BLANK,
    EXACT,
    NAMED,
    NEAR,
    NOISE,
    NON_FACE,
    OUTLIER,
    Thresholds,
)
from training.datasets.procedural import render
from training.datasets.store import Dataset, DatasetWriter, Header

FACES = 40
EXPECTED = {
    FACES: EXACT,  # of 3
    FACES + 1: NEAR,  # of 5, mirrored
    FACES + 2: BLANK,
    FACES + 3: NON_FACE,
    FACES + 4: NOISE,
    FACES + 5: BLANK,
}
# Without features.
COUNTS = {NAMED: 0, BLANK: 2, NOISE: 1, AGAINST: 0, EXACT: 1, NEAR: 1, NON_FACE: 0, OUTLIER: 0}


def stripes() -> np.ndarray:
    image = np.zeros((64, 64, 3), np.uint8)
    image[::8] = image[1::8] = (255, 240, 0)
    return image


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Faces, then one of each fault, in the order of `EXPECTED`."""
    require_renderer()
    faces = [render(seed, 64) for seed in range(FACES)]
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    white, sky = (np.full((64, 64, 3), colour, np.uint8) for colour in (250, (120, 180, 240)))
    faults = [faces[3], faces[5][:, ::-1], white, stripes(), noise, sky]
    directory = tmp_path_factory.mktemp("planted") / "faces"
    images = np.stack(faces + faults)
    header = Header("faces", 64, 3, len(images), "CC0-1.0", {"kind": "test"})
    writer = DatasetWriter(directory, header)
    writer.write_shard(0, images, [{"id": f"picture {n}"} for n in range(len(images))])
    writer.finish()
    return directory


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Features take the longest: all tests share them."""
    return tmp_path_factory.mktemp("features")


def clean(planted: Path, report: Path, cache: Path, *more: str) -> dict[str, Any]:
    command = ["clean", str(planted), "--report", str(report), "--cache", str(cache)]
    assert main([*command, "--workers", "1", *more]) == 0
    return json.loads((report / "findings.json").read_text())


def contents(directory: Path) -> dict[str, str]:
    files = (path for path in directory.rglob("*") if path.is_file())
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_planted_faults_are_found_and_nothing_is_changed(
    planted: Path, cache: Path, tmp_path: Path
) -> None:
    before = contents(planted)
    found = clean(planted, tmp_path / "report", cache)
    assert {one["index"]: one["reason"] for one in found["findings"]} == EXPECTED
    by_index = {one["index"]: one for one in found["findings"]}
    assert by_index[FACES]["like"] == 3
    assert by_index[FACES + 1]["like"] == 5
    assert "mirrored" in by_index[FACES + 1]["detail"]
    assert by_index[FACES + 2]["id"] == f"picture {FACES + 2}"
    assert found["counts"] == {**COUNTS, NON_FACE: 1}
    assert contents(planted) == before


def test_the_report_needs_no_other_file_and_shows_the_images(
    planted: Path, cache: Path, tmp_path: Path
) -> None:
    clean(planted, tmp_path / "report", cache)
    page = (tmp_path / "report" / "report.html").read_text()
    assert not re.search(r"(src|href)=.(?!data:)", page)
    sheets = [
        np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))
        for data in re.findall(r"data:image/png;base64,([\w+/=]+)", page)
    ]
    images = Dataset.open(planted).images_NHWC
    assert len(sheets) == 5
    np.testing.assert_array_equal(sheets[0][:, :64], images[FACES + 2])
    np.testing.assert_array_equal(sheets[3][:, :64], images[FACES + 1])
    np.testing.assert_array_equal(sheets[3][:, 64:128], images[5])
    assert "6 of 46 images would be dropped" in page


def test_the_new_dataset_lacks_the_findings_and_says_where_it_comes_from(
    planted: Path, cache: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    options = ["--keep", "3", f"picture {FACES + 4}", "--apply", "--out", str(out)]
    found = clean(planted, tmp_path / "report", cache, *options)
    assert found["kept_by_request"] == [FACES + 4]
    old, new = Dataset.open(planted), Dataset.open(out, checksums=True)
    staying = [*range(FACES), FACES + 4]
    assert [label["id"] for label in new.labels] == [f"picture {n}" for n in staying]
    np.testing.assert_array_equal(np.asarray(new.images_NHWC), old.images_NHWC[staying])
    assert new.header.source["of"] == old.digest
    assert new.header.source["origin"] == {"kind": "test"}
    assert new.header.source["dropped"] == 5


def test_pictures_go_by_their_names(planted: Path, cache: Path, tmp_path: Path) -> None:
    """Face 3 goes; what has its pixels is a duplicate of nothing that stays, and stays."""
    names = tmp_path / "names.txt"
    names.write_text("picture 3\n\n  picture 17\n", encoding="utf-8")
    options = ["--drop", "8", "--drop-from", str(names), "--no-features"]
    found = clean(planted, tmp_path / "report", cache, *options)
    reasons = {one["index"]: one["reason"] for one in found["findings"]}
    assert {index for index, reason in reasons.items() if reason == NAMED} == {3, 8, 17}
    assert FACES not in reasons and reasons[FACES + 1] == NEAR
    assert "By name: 3" in (tmp_path / "report" / "report.html").read_text()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--drop", "picture 999"), "picture 999: no image of the 46 has this name or index"),
        (("--keep", "46"), "46: no image of the 46"),
        (("--drop", "3", "--keep", "picture 3"), "--keep and --drop both name picture 3"),
    ],
)
def test_names_that_make_no_sense_are_refused(
    planted: Path,
    cache: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: tuple[str, ...],
    message: str,
) -> None:
    command = ["clean", str(planted), "--report", str(tmp_path / "r"), "--cache", str(cache)]
    assert main([*command, *options]) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "r").exists()


def test_features_are_computed_once(
    planted: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = clean(planted, tmp_path / "first", cache)
    monkeypatch.setattr("training.features.extraction.Extractor.__call__", lambda *_: pytest.fail())
    assert clean(planted, tmp_path / "second", cache) == first


def test_duplicates_alone_need_no_features(
    planted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outliers, "dataset_features", lambda *_: pytest.fail())
    found = clean(planted, tmp_path / "report", tmp_path / "unused", "--no-features")
    assert found["counts"] == COUNTS


def test_copies_of_another_dataset_go(planted: Path, cache: Path, tmp_path: Path) -> None:
    """Two faces of the other dataset: one as it is, one mirrored; a third copies the second."""
    images = Dataset.open(planted).images_NHWC
    other = [render(1000, 64), images[3], mirrored(images[5])]
    against = write_dataset(tmp_path / "training", np.stack(other))
    options = ["--against", str(against.directory), "--no-features"]
    out = tmp_path / "out"
    found = clean(planted, tmp_path / "report", cache, *options, "--apply", "--out", str(out))
    reasons = {one["index"]: (one["reason"], one["like"]) for one in found["findings"]}
    # FACES repeats face 3, FACES + 1 mirrors face 5: neither is called a duplicate of what goes.
    assert reasons == {
        3: (AGAINST, 1),
        5: (AGAINST, 2),
        FACES: (AGAINST, 1),
        FACES + 1: (AGAINST, 2),
        FACES + 2: (BLANK, None),
        FACES + 4: (NOISE, None),
        FACES + 5: (BLANK, None),
    }
    assert found["against"] == {"name": "training", "digest": against.digest, "count": 3}
    cleaned = Dataset.open(out, checksums=True)
    assert cleaned.header.source["against"] == against.digest
    assert len(cleaned) == len(images) - 7
    page = (tmp_path / "report" / "report.html").read_text()
    assert "then that of the other dataset" in page and against.digest in page
    again = clean(out, tmp_path / "again", cache, *options)
    assert again["counts"][AGAINST] == 0


def test_another_dataset_of_another_size_is_refused(
    planted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small = write_dataset(tmp_path / "small", noise(3, seed=0, size=32)).directory
    command = ["clean", str(planted), "--report", str(tmp_path / "r"), "--against", str(small)]
    assert main(command) == 1
    assert "--against: its images are of [32, 32, 3]" in capsys.readouterr().err


def test_thresholds_can_be_chosen(planted: Path, cache: Path, tmp_path: Path) -> None:
    options = ["--outlier", "-100", "--blank", "0", "--phash", "0"]
    found = clean(planted, tmp_path / "report", cache, *options)
    assert found["thresholds"]["outlier"] == -100
    assert found["counts"][OUTLIER] + found["counts"][NON_FACE] > FACES


def test_apply_needs_a_place(
    planted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["clean", str(planted), "--report", str(tmp_path / "report")]
    for half in (["--apply"], ["--out", str(tmp_path / "out")]):
        assert main([*command, *half]) == 1
        assert "belong together" in capsys.readouterr().err


def test_the_face_check_tells_faces_from_other_pictures() -> None:
    require_renderer()
    check = FaceCheck()
    limit = Thresholds().votes
    faces = [check(render(seed, 64)) for seed in range(30)]
    assert np.mean([votes > limit for votes in faces]) >= 0.9
    noise = np.random.default_rng(0).integers(0, 256, (10, 64, 64, 3), np.uint8)
    assert all(check(image) <= limit for image in [*noise, stripes()])
    grey = render(0, 64).mean(axis=2, keepdims=True).astype(np.uint8)
    assert check(grey) > limit
