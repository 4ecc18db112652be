"""Building and changing an index: the same bytes however it is done, and never half of it."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from animegan_search.ssim.definition import UNIFORM7
from animegan_search.ssim.index import Index, NotCalibratedError, UnknownImageError
from tests.unit.search.ssim.index.material import maxima, noise, write_dataset, write_index
from training.datasets.store import DamagedDatasetError, Dataset
from training.index import calibrating
from training.index.building import Means, append, build
from training.index.changing import calibrate, remove
from training.index.errors import IndexBusyError, IndexMismatchError
from training.index.shards import default_shard_images

IMAGES = noise(40, seed=1)
MORE = noise(20, seed=2)
HELDOUT = noise(6, seed=3)


class Interrupted(Exception):  # noqa: N818
    """What stops a run in these tests."""


class Counting:
    """Runs tasks here, counts them, and stops before the one after `until`."""

    def __init__(self, until: int | None = None) -> None:
        self.items: list[Any] = []
        self._until = until

    def __call__(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        for item in items:
            if len(self.items) == self._until:
                raise Interrupted
            self.items.append(item)
            yield function(item)


def files(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def dataset(folder: Path, images: np.ndarray = IMAGES, name: str = "images") -> Dataset:
    return write_dataset(folder / name, images)


@pytest.mark.parametrize("until", range(6))
def test_a_stopped_build_goes_on_and_ends_with_the_same_bytes(tmp_path: Path, until: int) -> None:
    images, heldout = dataset(tmp_path), dataset(tmp_path, HELDOUT, "heldout")
    whole = build(tmp_path / "whole" / "i", images, UNIFORM7, heldout, shard_images=16)
    stopped, going_on = Counting(until), Counting()
    target = tmp_path / "stopped" / "i"
    with pytest.raises(Interrupted):
        build(target, images, UNIFORM7, heldout, shard_images=16, means=Means(stopped))
    assert not (target / "manifest.json").exists()
    again = build(target, images, UNIFORM7, heldout, shard_images=16, means=Means(going_on))
    assert files(target) == files(tmp_path / "whole" / "i")
    assert again.digest == whole.digest
    # Three shards to pack and three to search; the task that was under way is done again.
    assert len(going_on.items) == 6 - until


def test_a_shard_that_was_damaged_meanwhile_is_written_anew(tmp_path: Path) -> None:
    images = dataset(tmp_path)
    with pytest.raises(Interrupted):
        build(tmp_path / "i", images, UNIFORM7, shard_images=16, means=Means(Counting(2)))
    (tmp_path / "i" / "tiles-00000.npy").write_bytes(b"")
    build(tmp_path / "i", images, UNIFORM7, shard_images=16)
    np.testing.assert_array_equal(Index.open(tmp_path / "i").images(range(40)), IMAGES)


def test_a_killed_build_leaves_no_index_and_goes_on(tmp_path: Path) -> None:
    """By SIGKILL, at some moment of the calibration."""
    dataset(tmp_path), dataset(tmp_path, HELDOUT.repeat(100, axis=0), "heldout")
    command = [sys.executable, "-m", "animegan_cli.main", "index", "build"]
    command += ["--dataset", str(tmp_path / "images"), "--heldout", str(tmp_path / "heldout")]
    command += ["--out", str(tmp_path / "i"), "--workers", "1"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        while not list((tmp_path / "i").glob("heldout-*")) and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert not (tmp_path / "i" / "manifest.json").exists()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    assert Index.open(tmp_path / "i").require_calibration().count == 600
    assert not list((tmp_path / "i").glob(".*"))


def test_a_finished_index_is_verified_and_left_as_it_is(tmp_path: Path) -> None:
    write_index(tmp_path / "i", IMAGES, HELDOUT)
    manifest, datasets = tmp_path / "i" / "manifest.json", tmp_path / "datasets"
    before, written = files(tmp_path / "i"), manifest.stat().st_mtime_ns
    counting = Counting()
    images, heldout = (Dataset.open(datasets / f"i-{what}") for what in ("images", "heldout"))
    build(tmp_path / "i", images, UNIFORM7, heldout, means=Means(counting))
    assert (files(tmp_path / "i"), counting.items) == (before, [])
    assert manifest.stat().st_mtime_ns == written  # servers need not open it again


def test_another_index_is_not_built_over_one(tmp_path: Path) -> None:
    write_index(tmp_path / "i", IMAGES)
    with pytest.raises(IndexMismatchError, match="it is another one: choose another directory"):
        build(tmp_path / "i", dataset(tmp_path, MORE), UNIFORM7)


def test_a_directory_of_other_things_is_left_alone(tmp_path: Path) -> None:
    images = dataset(tmp_path)
    with pytest.raises(IndexMismatchError, match="is not empty and holds no index"):
        build(tmp_path / "images" / "..", images, UNIFORM7, name="i")
    assert [path.name for path in tmp_path.iterdir()] == ["images"]


def test_what_cannot_be_searched_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    small = dataset(tmp_path, IMAGES[:, :4, :4], "small")
    grey = dataset(tmp_path, IMAGES[..., :1], "grey")
    with pytest.raises(ValueError, match="at least 7x7"):
        build(tmp_path / "i", small, UNIFORM7)
    with pytest.raises(IndexMismatchError, match=r"grey holds images of \[12, 12, 1\]"):
        build(tmp_path / "i", dataset(tmp_path), UNIFORM7, heldout=grey)
    with pytest.raises(ValueError, match="cannot be called 'I'"):
        build(tmp_path / "I", dataset(tmp_path), UNIFORM7)
    assert not (tmp_path / "i").exists()


def test_a_damaged_dataset_is_refused(tmp_path: Path) -> None:
    images = dataset(tmp_path)
    path = tmp_path / "images" / "images-00000.npy"
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    with pytest.raises(DamagedDatasetError, match="images-00000"):
        build(tmp_path / "i", images, UNIFORM7)


def test_images_of_the_index_are_no_held_out_ones(tmp_path: Path) -> None:
    with pytest.raises(IndexMismatchError, match="held-out images must be others"):
        build(tmp_path / "i", dataset(tmp_path), UNIFORM7, heldout=dataset(tmp_path))


def test_held_out_images_that_are_in_the_index_are_counted(tmp_path: Path) -> None:
    index = write_index(tmp_path / "i", IMAGES, np.concatenate([HELDOUT, IMAGES[7:9]]))
    assert index.require_calibration().identical == 2


def test_an_append_scans_the_new_shards_only(tmp_path: Path) -> None:
    index = write_index(tmp_path / "i", IMAGES, HELDOUT, shard_images=16)
    counting = Counting()
    more = append(tmp_path / "i", dataset(tmp_path, MORE), means=Means(counting))
    assert [task.number for task in counting.items] == [3, 3]  # packed, and searched
    assert [shard.name for shard in more.shards] == ["00000", "00001", "00002", "00003"]
    expected = maxima(HELDOUT, np.concatenate([IMAGES, MORE]))
    np.testing.assert_allclose(more.require_calibration().maxima, expected, atol=1e-12)
    assert more.digest != index.digest == index.require_calibration().index_digest


def test_a_stopped_append_leaves_the_index_usable_and_goes_on(tmp_path: Path) -> None:
    write_index(tmp_path / "i", IMAGES, HELDOUT, shard_images=16)
    more = dataset(tmp_path, MORE)
    with pytest.raises(Interrupted):
        append(tmp_path / "i", more, shard_images=16, means=Means(Counting(1)))
    assert Index.open(tmp_path / "i").count == 40
    remove(tmp_path / "i", [39])  # another change meanwhile
    with pytest.raises(IndexMismatchError, match="something else was begun here"):
        append(tmp_path / "i", dataset(tmp_path, MORE[:5], "others"))
    counting = Counting()
    index = append(tmp_path / "i", more, shard_images=16, means=Means(counting))
    assert [task.number for task in counting.items] == [4, 3, 4]
    expected = np.concatenate([IMAGES[:39], MORE])
    np.testing.assert_array_equal(index.images([*range(39), *range(40, 60)]), expected)
    np.testing.assert_allclose(
        index.require_calibration().maxima, maxima(HELDOUT, expected), atol=1e-12
    )


def test_a_given_up_append_is_forgotten(tmp_path: Path) -> None:
    write_index(tmp_path / "i", IMAGES)
    with pytest.raises(Interrupted):
        append(tmp_path / "i", dataset(tmp_path, MORE), shard_images=16, means=Means(Counting(1)))
    (tmp_path / "i" / "unfinished.json").unlink()
    index = append(tmp_path / "i", dataset(tmp_path, MORE[::-1], "others"), shard_images=16)
    np.testing.assert_array_equal(index.images(range(40, 60)), MORE[::-1])


def test_the_same_dataset_is_appended_once(tmp_path: Path) -> None:
    write_index(tmp_path / "i", IMAGES)
    with pytest.raises(IndexMismatchError, match="is in the index i already"):
        append(tmp_path / "i", Dataset.open(tmp_path / "datasets" / "i-images"))
    with pytest.raises(IndexMismatchError, match="import them with the index's --size"):
        append(tmp_path / "i", dataset(tmp_path, noise(3, 1, channels=1)))


def test_a_removal_scans_again_for_those_whose_nearest_reference_goes(tmp_path: Path) -> None:
    index = write_index(tmp_path / "i", IMAGES, HELDOUT, shard_images=16)
    nearest = index.search(HELDOUT[:1], 1)[0].ids[0]
    counting = Counting()
    changed = remove(tmp_path / "i", [nearest], means=Means(counting))
    (task,) = counting.items
    assert task.number == nearest // 16
    assert 0 in task.places
    assert len(task.places) < len(HELDOUT)
    expected = maxima(HELDOUT, np.delete(IMAGES, nearest, axis=0))
    np.testing.assert_allclose(changed.require_calibration().maxima, expected, atol=1e-12)


def test_many_changes_give_the_calibration_of_a_fresh_index(tmp_path: Path) -> None:
    write_index(tmp_path / "i", IMAGES, HELDOUT, shard_images=16)
    remove(tmp_path / "i", [1, 2, 3], recalibrate=False)
    append(tmp_path / "i", dataset(tmp_path, MORE), recalibrate=False)
    remove(tmp_path / "i", [*range(16, 32), 59], recalibrate=False)  # a whole shard, too
    calibration = calibrate(tmp_path / "i").require_calibration()
    kept = np.setdiff1d(np.arange(60), [1, 2, 3, *range(16, 32), 59])
    expected = maxima(HELDOUT, np.concatenate([IMAGES, MORE])[kept])
    np.testing.assert_allclose(calibration.maxima, expected, atol=1e-12)


def test_a_stale_calibration_gives_no_verdict(tmp_path: Path) -> None:
    write_index(tmp_path / "i", IMAGES, HELDOUT)
    for change in (
        lambda: remove(tmp_path / "i", [0], recalibrate=False),
        lambda: append(tmp_path / "i", dataset(tmp_path, MORE), recalibrate=False),
    ):
        index = change()
        assert index.calibration is None
        assert index.describe()["calibration"] is None
        with pytest.raises(NotCalibratedError, match="earlier state: run `anime-gan index cal"):
            index.require_calibration()
        assert calibrate(tmp_path / "i").require_calibration().count == 6


def test_other_held_out_images_replace_the_old_ones(tmp_path: Path) -> None:
    write_index(tmp_path / "i", IMAGES, HELDOUT)
    calibration = calibrate(tmp_path / "i", dataset(tmp_path, MORE)).require_calibration()
    np.testing.assert_allclose(calibration.maxima, maxima(MORE, IMAGES), atol=1e-12)
    for kind in ("heldout-*", "nearest-*"):
        assert len(list((tmp_path / "i").glob(kind))) == 1


def test_calibrating_needs_images(tmp_path: Path) -> None:
    write_index(tmp_path / "i", IMAGES)
    with pytest.raises(NotCalibratedError, match="give held-out images"):
        calibrate(tmp_path / "i")


def test_many_held_out_images_are_searched_in_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibrating, "QUERIES", 4)
    index = write_index(tmp_path / "i", IMAGES, HELDOUT)
    expected = maxima(HELDOUT, IMAGES)
    np.testing.assert_allclose(index.require_calibration().maxima, expected, atol=1e-12)


def test_what_is_not_there_cannot_be_removed(tmp_path: Path) -> None:
    write_index(tmp_path / "i", IMAGES)
    remove(tmp_path / "i", [3])
    before = files(tmp_path / "i")
    for ids in ([40], [4, 3]):
        with pytest.raises(UnknownImageError):
            remove(tmp_path / "i", ids)
    with pytest.raises(IndexMismatchError, match="an index needs an image"):
        remove(tmp_path / "i", [0, 1, 2, *range(4, 40)])
    assert files(tmp_path / "i") == before


def test_a_removal_leaves_only_the_newest_files(tmp_path: Path) -> None:
    write_index(tmp_path / "i", IMAGES, HELDOUT)
    remove(tmp_path / "i", [3, 3])
    index = remove(tmp_path / "i", [17])
    assert list(index.shards[0].dead) == [3, 17]
    named = {file.name for file in index.manifest.files()} | {"manifest.json"}
    assert set(files(tmp_path / "i")) == named


HOLD = """
import pathlib, sys
from training.index.publishing import locked
with locked(pathlib.Path(sys.argv[1])):
    print("locked", flush=True)
    sys.stdin.read()
"""


def test_two_processes_never_change_an_index_at_a_time(tmp_path: Path) -> None:
    write_index(tmp_path / "i", IMAGES)
    command = [sys.executable, "-c", HOLD, str(tmp_path / "i")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"locked\n"
        with pytest.raises(IndexBusyError, match=r"is being written by process \d+ on"):
            remove(tmp_path / "i", [0])
        Index.open(tmp_path / "i")  # reading goes on
        holder.kill()
    assert remove(tmp_path / "i", [0]).count == 39  # the lock has ended with its process


def test_a_full_shard_is_about_a_gigabyte() -> None:
    assert default_shard_images((64, 64, 3)) == 87376
    assert default_shard_images((8192, 8192, 3)) == 16
