"""Folders and the Anime Face Dataset."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.training.datasets.pictures import write_zip
from training.datasets.importing.anime_faces import STRAY, AnimeFaces, parse_name
from training.datasets.importing.archive import Archive
from training.datasets.importing.folder import Folder
from training.datasets.importing.source import Entry, SourceError, UnusablePictureError


def write_files(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode())
    return root


def test_a_folder_lists_its_pictures_in_the_order_of_their_paths(tmp_path: Path) -> None:
    write_files(tmp_path, "b/1.PNG", "a.jpeg", "b.webp", "b/c/d.gif")
    entries = Folder(tmp_path).inventory().entries
    assert [entry.id for entry in entries] == ["a.jpeg", "b.webp", "b/1.PNG", "b/c/d.gif"]
    assert Folder(tmp_path).read(entries[2]) == b"b/1.PNG"


def test_a_folder_reports_what_it_does_not_read(tmp_path: Path) -> None:
    outside = write_files(tmp_path / "outside", "secret.png")
    inside = write_files(tmp_path / "inside", "good.png", "notes.txt")
    (inside / "link.png").symlink_to(outside / "secret.png")
    (inside / "folder").symlink_to(outside)
    os.mkfifo(inside / "pipe.png")
    (inside / os.fsdecode(b"caf\xe9.png")).write_bytes(b"")
    found = Folder(inside).inventory()
    assert [entry.id for entry in found.entries] == ["good.png"]
    assert {skipped.id: skipped.reason for skipped in found.skipped} == {
        "link.png": "symbolic link",
        "folder": "symbolic link",
        "pipe.png": "not a regular file",
        "caf\\xe9.png": "its name is not UTF-8",
        "notes.txt": "not a picture, by its name",
    }


def test_a_picture_that_vanished_is_unusable(tmp_path: Path) -> None:
    with pytest.raises(UnusablePictureError, match="cannot be read: No such file"):
        Folder(tmp_path).read(Entry("gone.png", 1))


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="nowhere is not a folder"):
        Folder(tmp_path / "nowhere").inventory()


def test_the_digest_of_an_inventory_changes_with_its_files(tmp_path: Path) -> None:
    write_files(tmp_path, "a.png", "b.png")
    before = Folder(tmp_path).inventory().digest()
    assert Folder(tmp_path).inventory().digest() == before
    (tmp_path / "b.png").write_bytes(b"longer than it was")
    assert Folder(tmp_path).inventory().digest() != before


KAGGLE = ("images/46651_2010.jpg", "images/2_2001.jpg", "images/10_2019.jpg")


@pytest.mark.parametrize("prefix", ["", "data/"])
def test_the_anime_face_dataset_is_read_out_of_an_archive(tmp_path: Path, prefix: str) -> None:
    names = [prefix + name for name in KAGGLE]
    path = write_zip(tmp_path / "archive.zip", dict.fromkeys(names, b"x"))
    entries = AnimeFaces(Archive(path)).inventory().entries
    assert [entry.facts for entry in entries] == [
        {"number": 2, "year": 2001},
        {"number": 10, "year": 2019},
        {"number": 46651, "year": 2010},
    ]


def test_the_anime_face_dataset_is_read_out_of_a_folder(tmp_path: Path) -> None:
    root = write_files(tmp_path, *KAGGLE, "images/thumbnail.jpg")
    found = AnimeFaces(Folder(root)).inventory()
    assert len(found.entries) == 3
    assert [(one.id, one.reason) for one in found.skipped] == [("images/thumbnail.jpg", STRAY)]


def test_another_layout_is_refused_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="import other layouts as `folder` or `zip`"):
        AnimeFaces(Folder(write_files(tmp_path, "1_2010.jpg"))).inventory()


@given(st.integers(0, 999_999_999), st.integers(0, 9999))
def test_names_of_the_anime_face_dataset_are_parsed(number: int, year: int) -> None:
    parsed = parse_name(f"images/{number}_{year:04d}.jpg")
    assert parsed == {"number": number, "year": year}


@given(st.text(max_size=30))
def test_other_names_are_not_taken_for_it(name: str) -> None:
    parsed = parse_name(name)
    if parsed is not None:
        assert name.endswith(f"_{parsed['year']:04d}.jpg")
        assert "images/" in name
