"""The split: copies on one side, and stable for what is like nothing else."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.requires import require_renderer
from tests.unit.training.datasets.pictures import jpeg, mirrored, pixels
from training.cli.dataset import main
from training.datasets.likeness.limits import Likeness
from training.datasets.procedural import render
from training.datasets.splitting import is_heldout, split
from training.datasets.store import Dataset, DatasetWriter, Header, Labels

KEYS = st.text("0123456789abcdef", min_size=64, max_size=64)
SHARES = st.floats(0, 1)


def write(directory: Path, images: list[np.ndarray], labels: list[Labels]) -> Dataset:
    size = images[0].shape[0]
    header = Header("test", size, 3, len(images), "CC0-1.0", {"kind": "test"})
    writer = DatasetWriter(directory, header)
    writer.write_shard(0, np.stack(images), labels)
    writer.finish()
    return Dataset.open(directory)


def sides(dataset: Dataset, share: float = 0.5) -> dict[object, bool]:
    """Whether each picture, by the id in its label, is held out."""
    cache = dataset.directory.parent / "cache"
    held = set(split(dataset, Likeness(), share, "", cache).heldout.tolist())
    return {label["id"]: index in held for index, label in enumerate(dataset.labels)}


@given(KEYS, SHARES, SHARES)
def test_a_larger_share_keeps_what_a_smaller_one_held_out(key: str, a: float, b: float) -> None:
    smaller, larger = sorted((a, b))
    assert is_heldout(key, larger) or not is_heldout(key, smaller)


@given(KEYS)
def test_nothing_and_everything_are_exact(key: str) -> None:
    assert not is_heldout(key, 0.0)
    assert is_heldout(key, 1.0)


def test_the_rule_is_the_one_of_yesterday() -> None:
    """Another rule would move pictures that models were trained on into the held-out set."""
    assert "".join(str(int(is_heldout(f"{n:064x}", 0.25, "salt"))) for n in range(24)) == (
        "000100100101100001100010"
    )


def test_the_share_is_met() -> None:
    held = sum(is_heldout(f"{number:064x}", 0.1) for number in range(20_000))
    assert held == pytest.approx(2000, abs=4 * (20_000 * 0.1 * 0.9) ** 0.5)


def test_order_and_company_do_not_matter(tmp_path: Path) -> None:
    images = [pixels(seed) for seed in range(60)]
    labels: list[Labels] = [{"id": seed} for seed in range(60)]
    whole = sides(write(tmp_path / "whole", images, labels))
    some = sides(write(tmp_path / "some", images[40:5:-2], labels[40:5:-2]))
    assert some.items() <= whole.items()
    assert 15 < sum(whole.values()) < 45


def test_a_file_falls_on_one_side_at_any_size_and_with_all_its_faces(tmp_path: Path) -> None:
    labels: list[Labels] = [{"id": n, "sha256": f"{n // 2:064x}"} for n in range(40)]
    small = sides(write(tmp_path / "small", [pixels(n, 4, 4) for n in range(40)], labels))
    large = sides(write(tmp_path / "large", [pixels(n) for n in range(40)], labels))
    assert small == large
    assert all(small[n] == small[n + 1] for n in range(0, 40, 2))


def test_the_command_writes_both_sides_with_labels_and_provenance(tmp_path: Path) -> None:
    images = [pixels(seed) for seed in range(20)]
    whole = write(tmp_path / "whole", images, [{"id": seed} for seed in range(20)])
    command = ["split", str(tmp_path / "whole"), "--share", "0.3"]
    command += ["--train", str(tmp_path / "train"), "--heldout", str(tmp_path / "heldout")]
    command += ["--cache", str(tmp_path / "cache")]
    assert main(command) == 0
    assert main(command) == 0  # the same again: nothing to do
    train, heldout = (
        Dataset.open(tmp_path / side, checksums=True) for side in ("train", "heldout")
    )
    ids = [label["id"] for side in (train, heldout) for label in side.labels]
    assert sorted(ids) == list(range(20))
    for side in (train, heldout):
        assert side.header.source["of"] == whole.digest
        assert side.header.licence == "CC0-1.0"
        for label, image in zip(side.labels, side.images_NHWC, strict=True):
            np.testing.assert_array_equal(image, images[label["id"]])
    assert {label["id"]: True for label in heldout.labels}.items() <= sides(whole, 0.3).items()


def test_equal_pixels_of_different_files_stay_together(tmp_path: Path) -> None:
    images = [pixels(seed // 2) for seed in range(40)]
    labels: list[Labels] = [{"id": n, "sha256": f"{n:064x}"} for n in range(40)]
    held = sides(write(tmp_path / "whole", images, labels))
    assert all(held[n] == held[n ^ 1] for n in range(40))
    assert 5 < sum(held.values()) < 35


def test_no_heldout_face_has_a_twin_in_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each face with its mirror image and a JPEG of it, as real collections hold them."""
    require_renderer()
    faces = [render(seed, 64) for seed in range(50)]
    images = [twin for face in faces for twin in (face, mirrored(face), jpeg(face))]
    whole = write(tmp_path / "whole", images, [{"id": n} for n in range(150)])
    held = sides(whole, 0.3)
    assert all(held[n] == held[n // 3 * 3] for n in range(150))
    assert 15 < sum(held.values()) < 90
    command = ["split", str(tmp_path / "whole"), "--share", "0.3", "--cache", str(tmp_path / "c")]
    command += ["--train", str(tmp_path / "train"), "--heldout", str(tmp_path / "heldout")]
    assert main(command) == 0
    assert "150 of 150 images are like others" in capsys.readouterr().out
    assert Dataset.open(tmp_path / "heldout").header.source["likeness"]["phash"] == 10


def test_a_chain_through_files_and_pixels_stays_together(tmp_path: Path) -> None:
    """Faces of one file, and a face that lies in two files: 0-1, 1=2, 2-3."""
    images, labels = [], []
    for n in range(30):
        images += [pixels(100 * n), pixels(100 * n + 1), pixels(100 * n + 1), pixels(100 * n + 2)]
        labels += [{"id": 4 * n + k, "sha256": f"{2 * n + k // 2:064x}"} for k in range(4)]
    held = sides(write(tmp_path / "whole", images, labels))
    assert all(held[n] == held[n // 4 * 4] for n in range(120))
    assert 20 < sum(held.values()) < 100


def test_an_empty_side_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "whole", [pixels(0)], [{"id": 0}])
    command = ["split", str(tmp_path / "whole"), "--share", "0.000001"]
    command += ["--train", str(tmp_path / "t"), "--heldout", str(tmp_path / "h")]
    command += ["--cache", str(tmp_path / "cache")]
    assert main(command) == 1
    assert "no image falls on the side 'heldout'" in capsys.readouterr().err
    assert not (tmp_path / "t").exists()
