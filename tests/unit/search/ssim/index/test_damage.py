"""A damaged, foreign or newer index is refused, and the message names the file."""

import json
import pickle
import shutil
from collections.abc import Callable
from dataclasses import asdict
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from animegan_search.ssim.index import (
    DamagedIndexError,
    Index,
    IndexVersionError,
    NotAnIndexError,
    SearchIndexError,
)
from animegan_search.ssim.index import manifest as manifests
from tests.unit.search.ssim.index.material import noise, write_index
from training.index.changing import remove
from training.index.publishing import record

KINDS = ("manifest", "tiles", "ids", "dead", "heldout", "nearest")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index that has a file of every kind."""
    directory = tmp_path_factory.mktemp("whole") / "i"
    write_index(directory, noise(17, seed=1), heldout=noise(3, seed=2))
    remove(directory, [5])
    return directory


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "i"))


def file_of(directory: Path, kind: str) -> Path:
    return next(directory.glob(f"{kind}*"))


def rewrite_manifest(directory: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change the manifest as an attacker would: with a checksum that fits."""
    path = directory / "manifest.json"
    content = json.loads(path.read_text())
    del content["checksum"]
    change(content)
    path.write_text(json.dumps(content | {"checksum": manifests._sha256(content)}))


def test_the_copy_is_whole(copy: Path) -> None:
    assert Index.open(copy).count == 16
    assert {path.name.split("-")[0].removesuffix(".json") for path in copy.iterdir()} == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_file_is_named(copy: Path, kind: str) -> None:
    path = file_of(copy, kind)
    path.unlink()
    with pytest.raises(SearchIndexError, match=f"{path.name} is missing"):
        Index.open(copy, verify=False)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("change", [lambda content: content[:-1], lambda content: content + b"x"])
def test_a_file_of_another_length_is_named(
    copy: Path, kind: str, change: Callable[[bytes], bytes]
) -> None:
    path = file_of(copy, kind)
    path.write_bytes(change(path.read_bytes().rstrip()))
    with pytest.raises(DamagedIndexError, match=path.name):
        Index.open(copy, verify=False)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(KINDS), st.integers(0), st.integers(1, 255), st.booleans())
def test_any_changed_byte_is_found(
    whole: Path, kind: str, place: int, flip: int, verify: bool
) -> None:
    """Without verification damage may pass, but never as an error of another kind."""
    path = file_of(whole, kind)
    content = path.read_bytes()
    changed = bytearray(content)
    # The headers of arrays are the first 128 bytes.
    changed[place % (len(content) if verify or kind == "manifest" else 128)] ^= flip
    if kind == "manifest" and _same_json(content, changed):
        return  # white space
    path.write_bytes(changed)
    try:
        Index.open(whole, verify=verify)
    except SearchIndexError as error:
        assert path.name in str(error)
    else:
        assert not verify
    finally:
        path.write_bytes(content)


def _same_json(a: bytes, b: bytes | bytearray) -> bool:
    try:
        return bool(json.loads(a) == json.loads(b))
    except ValueError:
        return False


def test_without_verification_only_sizes_and_shapes_are_checked(copy: Path) -> None:
    path = file_of(copy, "tiles")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    Index.open(copy, verify=False)
    with pytest.raises(DamagedIndexError, match=r"tiles-00000\.npy does not match its checksum"):
        Index.open(copy)


@pytest.mark.parametrize("kind", ["tiles", "ids", "dead", "nearest"])
def test_an_array_of_another_kind_is_refused_even_with_a_fitting_record(
    copy: Path, kind: str
) -> None:
    path = file_of(copy, kind)
    np.save(path, np.zeros((2, 2), np.float32))
    _fit_record(copy, path)
    with pytest.raises(DamagedIndexError, match=f"{path.name}: expected"):
        Index.open(copy, verify=False)


@pytest.mark.parametrize("kind", ["tiles", "ids", "dead", "nearest"])
def test_pickles_are_never_loaded(copy: Path, kind: str) -> None:
    path = file_of(copy, kind)
    for content in (pickle.dumps([1]), _npy(np.array([{}], object))):
        path.write_bytes(content)
        _fit_record(copy, path)
        with pytest.raises(DamagedIndexError, match=f"{path.name} cannot be read"):
            Index.open(copy, verify=False)


def _npy(array: np.ndarray) -> bytes:
    stream = BytesIO()
    np.save(stream, array, allow_pickle=True)
    return stream.getvalue()


def _fit_record(directory: Path, path: Path) -> None:
    """Make the manifest, digests and all, say that the file is right."""
    found = record(path)

    def change(content: dict[str, Any]) -> None:
        shard, calibration = content["shards"][0], content["calibration"]
        for holder, key in (
            *((shard, key) for key in ("tiles", "ids", "dead")),
            (calibration["heldout"], "images"),
            (calibration["nearest"], 0),
        ):
            if holder[key]["name"] == found.name:
                holder[key] |= {"bytes": found.bytes, "sha256": found.sha256}
        hashed = {key: content[key] for key in ("definition", "shape", "sources", "shards")}
        content["digest"] = calibration["index_digest"] = manifests._sha256(hashed)

    rewrite_manifest(directory, change)


def test_ids_of_a_later_shard_go_on(tmp_path: Path) -> None:
    directory = write_index(tmp_path / "i", noise(33, seed=1), shard_images=16).directory
    path = directory / "ids-00001.npy"
    np.save(path, np.arange(15, 31))
    found = record(path)

    def change(content: dict[str, Any]) -> None:
        content["shards"][1]["ids"] = asdict(found)
        hashed = {key: content[key] for key in ("definition", "shape", "sources", "shards")}
        content["digest"] = manifests._sha256(hashed)

    rewrite_manifest(directory, change)
    with pytest.raises(DamagedIndexError, match=r"ids-00001\.npy: .* ascend within 16 to 32"):
        Index.open(directory)


def test_ids_and_dead_rows_must_ascend_within_bounds(copy: Path) -> None:
    ids = file_of(copy, "ids")
    np.save(ids, np.arange(17)[::-1])
    _fit_record(copy, ids)
    with pytest.raises(DamagedIndexError, match=r"ids-00000\.npy: its numbers must ascend"):
        Index.open(copy)
    dead = file_of(copy, "dead")
    for wrong in ([17], [-1], [3, 3], []):
        np.save(dead, np.array(wrong, np.int64))
        _fit_record(copy, dead)
        with pytest.raises(DamagedIndexError, match=r"dead-.*: .* must ascend within 0 to 16"):
            Index.open(copy, verify=False)


def test_a_foreign_directory_is_no_index(tmp_path: Path, copy: Path) -> None:
    with pytest.raises(NotAnIndexError, match="make one with `anime-gan index build`"):
        Index.open(tmp_path)
    (copy / "manifest.json").write_text('{"format": "animegan-dataset"}')
    with pytest.raises(NotAnIndexError, match="is not the manifest of an animegan-ssim-index"):
        Index.open(copy)
    (copy / "manifest.json").write_text("[]")
    with pytest.raises(NotAnIndexError):
        Index.open(copy)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 100_000])
def test_a_manifest_that_is_no_json_is_damaged(copy: Path, content: bytes) -> None:
    (copy / "manifest.json").write_bytes(content)
    with pytest.raises(DamagedIndexError, match=r"manifest\.json cannot be read"):
        Index.open(copy)


def test_an_index_of_another_version_is_refused(copy: Path) -> None:
    rewrite_manifest(copy, lambda content: content.update(format_version=2))
    with pytest.raises(IndexVersionError, match="format version 2, this program reads version 1"):
        Index.open(copy)


def test_an_edited_manifest_is_refused(copy: Path) -> None:
    path = copy / "manifest.json"
    path.write_text(path.read_text().replace('"name": "i"', '"name": "j"'))
    with pytest.raises(DamagedIndexError, match="does not match its own checksum"):
        Index.open(copy)


def _set(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(content: dict[str, Any]) -> None:
        *holders, last = path.split(".")
        for name in holders:
            content = content[int(name) if name.isdecimal() else name]
        content[last] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_set("digest", "0"), "digest and its files do not agree"),
        (_set("shards.0.tiles.name", "../tiles-00000.npy"), "names files that no index has"),
        (_set("shards.0.tiles.name", "/etc/passwd"), "names files that no index has"),
        (_set("calibration.heldout.images.name", "a-/../b.npy"), "names files that no index has"),
        (_set("shards.0.count", "17"), r"manifest\.shards\[0\]\.count must be int, got str"),
        (_set("shards.0.count", True), "must be int, got bool"),
        (_set("shards.0.count", -1), "must hold images"),
        (_set("shards.0.name", "a/b"), "must have names of their own"),
        (_set("shards", []), "must have names of their own"),
        (_set("shards", {}), "must be a list, got dict"),
        (_set("shards.0.tiles", None), "must be an object, got NoneType"),
        (_set("shape", [12, 12]), "must have 3 items, got 2"),
        (_set("shape", [6, 12, 3]), "too small for uniform7"),
        (_set("shape", [12, 12, 0]), "too small"),
        (_set("definition", "uniform8"), "no SSIM is called 'uniform8'"),
        (_set("name", "../i"), "is not a name"),
        (_set("sources", []), "sources must not be empty"),
        (_set("extra", 1), "fields missing or unknown: extra"),
        (_set("calibration.nearest", [{"name": "a-0.npy", "bytes": 1, "sha256": ""}] * 2), "more"),
    ],
)
def test_a_manifest_that_makes_no_sense_is_refused(
    copy: Path, change: Callable[[dict[str, Any]], None], message: str
) -> None:
    rewrite_manifest(copy, change)
    with pytest.raises(DamagedIndexError, match=message):
        Index.open(copy)
