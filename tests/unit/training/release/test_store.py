"""Repositories on a disk and in a bucket behave alike."""

import pytest

from training.release.store import Store

FILES = {"model.onnx": b"graph", "model_card.json": b"{}"}


def test_an_empty_repository_has_nothing(target):
    assert target.models() == []
    assert target.versions("stylegan") == []
    with pytest.raises(FileNotFoundError):
        target.read("stylegan/config.pbtxt")


def test_versions_are_added_and_read_again(target):
    for version in (10, 9):
        target.add_version("stylegan", version, FILES)
    assert target.versions("stylegan") == [9, 10]
    assert target.read("stylegan/10/model.onnx") == b"graph"
    assert target.models() == []  # nothing is announced yet
    target.replace("stylegan/config.pbtxt", b"one")
    target.replace("stylegan/config.pbtxt", b"two")
    assert target.read("stylegan/config.pbtxt") == b"two"
    assert target.models() == ["stylegan"]


def test_a_version_is_never_overwritten(target):
    target.add_version("stylegan", 1, FILES)
    with pytest.raises(OSError):
        target.add_version("stylegan", 1, {"model.onnx": b"other"})
    assert target.read("stylegan/1/model.onnx") == b"graph"


def test_what_others_write_is_seen_at_once(target):
    other = Store(target.url)
    assert target.versions("stylegan") == []
    other.add_version("stylegan", 1, FILES)
    assert target.versions("stylegan") == [1]


def test_an_unknown_scheme_is_refused():
    with pytest.raises(ValueError, match="nowhere"):
        Store("nowhere://bucket/models")
