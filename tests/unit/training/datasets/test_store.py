"""The dataset format: what was written is read back, and nothing else is."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.datasets import store
from training.datasets.store import (
    SHARD_IMAGES,
    DamagedDatasetError,
    Dataset,
    DatasetMismatchError,
    DatasetWriter,
    Header,
    Images,
    NotADatasetError,
)

COUNT = 2 * SHARD_IMAGES + 100


def header(**changes: object) -> Header:
    fields = {
        "name": "test",
        "resolution": 2,
        "channels": 3,
        "count": COUNT,
        "licence": "CC0-1.0",
        "source": {"kind": "test", "first": 0},
    }
    return Header(**(fields | changes))


def shard_images(index: int, of: Header) -> np.ndarray:
    shape = (len(of.shard_range(index)), *of.image_shape())
    return np.random.default_rng(index).integers(0, 256, shape, np.uint8)


def shard_labels(index: int, of: Header) -> list[store.Labels]:
    return [{"id": i, "name": f"Gesicht {i} \u2028 ü"} for i in of.shard_range(index)]


def write(directory: Path, of: Header, shards: list[int] | None = None) -> str:
    writer = DatasetWriter(directory, of)
    for index in writer.missing() if shards is None else shards:
        writer.write_shard(index, shard_images(index, of), shard_labels(index, of))
    return writer.finish()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    path = tmp_path / "dataset"
    write(path, header())
    return path


def test_round_trip(directory: Path) -> None:
    dataset = Dataset.open(directory, checksums=True)
    expected = np.concatenate([shard_images(i, header()) for i in range(3)])
    assert dataset.header == header()
    assert len(dataset) == len(dataset.images_NHWC) == COUNT
    np.testing.assert_array_equal(np.asarray(dataset.images_NHWC), expected)
    assert [label["id"] for label in dataset.labels] == list(range(COUNT))
    assert dataset.labels[3]["name"] == "Gesicht 3 \u2028 ü"


def test_only_the_finished_files_remain(directory: Path) -> None:
    names = sorted(path.name for path in directory.iterdir())
    shards = range(3)
    assert names == sorted(
        [f"images-{i:05d}.npy" for i in shards]
        + [f"labels-{i:05d}.jsonl" for i in shards]
        + ["manifest.json"]
    )


def test_images_are_mapped_and_read_only(directory: Path) -> None:
    image = Dataset.open(directory).images_NHWC[0]
    with pytest.raises(ValueError, match="read-only"):
        image[0] = 0


def test_an_open_dataset_travels_to_another_process(directory: Path) -> None:
    dataset = Dataset.open(directory)
    image = np.array(dataset.images_NHWC[5])
    stream = pickle.dumps(dataset)
    assert len(stream) < 4096
    np.testing.assert_array_equal(pickle.loads(stream).images_NHWC[5], image)


ARRAY = np.arange(11 * 4, dtype=np.uint8).reshape(11, 2, 2, 1)
IMAGES = Images([ARRAY[:4], ARRAY[4:5], ARRAY[5:]])


@given(st.lists(st.integers(-11, 10)))
def test_images_are_indexed_as_one_array(indices: list[int]) -> None:
    np.testing.assert_array_equal(IMAGES[np.array(indices, int)], ARRAY[np.array(indices, int)])
    np.testing.assert_array_equal(IMAGES[indices], ARRAY[np.array(indices, int)])


@given(st.slices(11))
def test_images_are_sliced_as_one_array(part: slice) -> None:
    np.testing.assert_array_equal(IMAGES[part], ARRAY[part])


@given(st.integers(-11, 10))
def test_one_image_is_found_in_its_shard(index: int) -> None:
    np.testing.assert_array_equal(IMAGES[index], ARRAY[index])


def test_images_can_be_walked_through() -> None:
    np.testing.assert_array_equal(np.stack(list(IMAGES)), ARRAY)
    assert IMAGES.shape == ARRAY.shape


@pytest.mark.parametrize("index", [11, -12])
def test_an_index_beyond_the_images_is_refused(index: int) -> None:
    with pytest.raises(IndexError):
        IMAGES[index]
    with pytest.raises(IndexError):
        IMAGES[[0, index]]


def test_an_index_of_another_kind_is_refused() -> None:
    with pytest.raises(TypeError, match="integers"):
        IMAGES[np.array([0.5])]


def test_an_interrupted_run_resumes_to_the_same_digest(directory: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    writer = DatasetWriter(broken, header())
    writer.write_shard(1, shard_images(1, header()), shard_labels(1, header()))
    kept = (broken / "images-00001.npy").stat().st_mtime_ns
    # A run that was killed while it wrote leaves files like these.
    (broken / "images-00000.npy").write_bytes(b"half")
    (broken / ".images-00002.npy.77.tmp").write_bytes(b"half")
    with pytest.raises(NotADatasetError):
        Dataset.open(broken)

    assert DatasetWriter(broken, header()).missing() == [0, 2]
    assert write(broken, header()) == Dataset.open(directory).digest
    assert (broken / "images-00001.npy").stat().st_mtime_ns == kept
    assert not list(broken.glob(".*"))


def test_a_finished_dataset_needs_nothing_more(directory: Path) -> None:
    assert DatasetWriter(directory, header()).missing() == []


def test_a_damaged_shard_of_a_finished_dataset_can_be_written_anew(directory: Path) -> None:
    digest = Dataset.open(directory).digest
    (directory / "labels-00001.jsonl").write_text("{}\n")
    assert DatasetWriter(directory, header()).missing() == [1]
    assert write(directory, header()) == digest
    Dataset.open(directory, checksums=True)


def test_finishing_too_early_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DamagedDatasetError, match=r"shards \[1, 2\] are not complete"):
        write(tmp_path / "early", header(), shards=[0])


def test_the_digest_names_contents_and_source_but_not_the_name(tmp_path: Path) -> None:
    one = header(count=3)
    first = write(tmp_path / "a", one)
    assert write(tmp_path / "b", header(count=3, name="other")) == first
    assert write(tmp_path / "c", header(count=3, source={"kind": "test", "first": 1})) != first
    assert write(tmp_path / "d", header(count=4)) != first


@pytest.mark.parametrize("finished", [True, False])
def test_a_directory_of_another_dataset_is_refused(tmp_path: Path, finished: bool) -> None:
    writer = DatasetWriter(tmp_path, header(count=1))
    if finished:
        writer.write_shard(0, np.zeros((1, 2, 2, 3), np.uint8), [{}])
        writer.finish()
    with pytest.raises(DatasetMismatchError, match="count: 1 there, 2 wanted"):
        DatasetWriter(tmp_path, header(count=2))


def test_a_directory_with_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(DatasetMismatchError, match="not empty"):
        DatasetWriter(tmp_path, header())
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        (np.zeros((3, 2, 2, 3), np.float32), [{}] * 3),
        (np.zeros((2, 2, 2, 3), np.uint8), [{}] * 3),
        (np.zeros((3, 2, 2, 1), np.uint8), [{}] * 3),
        (np.zeros((3, 2, 2, 3), np.uint8), [{}] * 2),
    ],
    ids=["dtype", "number of images", "channels", "number of labels"],
)
def test_a_wrong_shard_is_refused(
    tmp_path: Path, images: np.ndarray, labels: list[store.Labels]
) -> None:
    with pytest.raises(ValueError, match="shard 0 needs"):
        DatasetWriter(tmp_path, header(count=3)).write_shard(0, images, labels)


def test_an_empty_dataset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one image"):
        DatasetWriter(tmp_path, header(count=0))


@pytest.mark.parametrize("name", ["images-00001.npy", "labels-00002.jsonl"])
def test_one_flipped_bit_is_found_by_the_checksums(directory: Path, name: str) -> None:
    content = bytearray((directory / name).read_bytes())
    content[-2] ^= 1
    (directory / name).write_bytes(content)
    Dataset.open(directory)
    with pytest.raises(DamagedDatasetError, match=f"{name} does not match its checksum"):
        Dataset.open(directory, checksums=True)


def test_a_file_cut_short_is_found_at_once(directory: Path) -> None:
    path = directory / "images-00001.npy"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DamagedDatasetError, match=r"images-00001\.npy cannot be read"):
        Dataset.open(directory)


@pytest.mark.parametrize("name", ["images-00001.npy", "labels-00001.jsonl"])
def test_a_missing_file_is_found_at_once(directory: Path, name: str) -> None:
    (directory / name).unlink()
    with pytest.raises(DamagedDatasetError, match=name):
        Dataset.open(directory)


def test_an_array_of_another_shape_is_found_at_once(directory: Path) -> None:
    np.save(directory / "images-00001.npy", np.zeros((3, 2, 2, 3), np.uint8))
    with pytest.raises(DamagedDatasetError, match=r"expected uint8 \(2048, 2, 2, 3\)"):
        Dataset.open(directory)


def test_pickled_objects_are_never_loaded(directory: Path) -> None:
    np.save(directory / "images-00000.npy", np.array([{"a": 1}], object), allow_pickle=True)
    with pytest.raises(DamagedDatasetError, match="cannot be read"):
        Dataset.open(directory)


def test_labels_that_are_not_json_are_found_when_read(directory: Path) -> None:
    (directory / "labels-00000.jsonl").write_text("{\n" * SHARD_IMAGES)
    with pytest.raises(DamagedDatasetError, match=r"labels-00000.jsonl cannot be read"):
        _ = Dataset.open(directory).labels


@pytest.mark.parametrize(
    "manifest",
    ["", "[]", "{}", '{"format": "someone-elses"}', '{"format": "animegan-dataset"}'],
)
def test_a_foreign_directory_is_refused(tmp_path: Path, manifest: str) -> None:
    with pytest.raises(NotADatasetError, match=r"manifest\.json is missing"):
        Dataset.open(tmp_path)
    (tmp_path / "manifest.json").write_text(manifest)
    with pytest.raises(NotADatasetError):
        Dataset.open(tmp_path)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"format_version": 2}, NotADatasetError, "format version 2"),
        ({"digest": "0"}, DamagedDatasetError, "do not agree"),
        ({"source": {"kind": "other"}}, DamagedDatasetError, "do not agree"),
        ({"count": 7}, DamagedDatasetError, "do not agree"),
        ({"count": "many"}, DamagedDatasetError, "field missing or unknown"),
        ({"shards": [{"images": "a"}]}, DamagedDatasetError, "field missing or unknown"),
    ],
)
def test_a_changed_manifest_is_refused(
    directory: Path, change: dict[str, object], error: type[Exception], message: str
) -> None:
    path = directory / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(error, match=message):
        Dataset.open(directory)


def test_a_manifest_cannot_point_outside_its_directory(directory: Path) -> None:
    path = directory / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["shards"][0]["images"] = "../secret.npy"
    path.write_text(json.dumps(manifest))
    with pytest.raises(DamagedDatasetError, match="outside its directory"):
        Dataset.open(directory)
