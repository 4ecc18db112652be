"""Zip archives of strangers: read where honest, refused as a whole where not."""

import io
import os
import stat
import struct
import warnings
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.training.datasets.pictures import encoded, pixels, write_zip
from training.datasets.importing.archive import Archive, Limits, refuse
from training.datasets.importing.source import (
    Entry,
    HostileArchiveError,
    SourceError,
    UnusablePictureError,
)

PICTURE = encoded(pixels(0))


def member(name: str, **fields: object) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.file_size = info.compress_size = 10
    info.header_offset = 0
    for field, value in fields.items():
        setattr(info, field, value)
    return info


def unix(kind: int) -> int:
    return (kind | 0o644) << 16


def test_pictures_are_listed_by_name_and_the_rest_is_reported(tmp_path: Path) -> None:
    files = {"b/2.jpg": b"22", "a.webp": b"1", "read me.txt": b"?", "b/.hidden.png": b"?"}
    found = Archive(write_zip(tmp_path / "a.zip", files)).inventory()
    assert found.entries == [Entry("a.webp", 1), Entry("b/2.jpg", 2)]
    assert [skipped.id for skipped in found.skipped] == ["b/.hidden.png", "read me.txt"]


def test_a_picture_is_read_by_its_name(tmp_path: Path) -> None:
    archive = Archive(write_zip(tmp_path / "a.zip", {"x/1.png": PICTURE}))
    assert archive.read(archive.inventory().entries[0]) == PICTURE


HOSTILE_NAMES = [
    "../up.png",
    "a/../../up.png",
    "/etc/passwd.png",
    "C:/windows.png",
    "\\\\server\\share.png",
    "a\\b.png",
    "a//b.png",
    "./a.png",
    "nul\0byte.png",
    "line\nfeed.png",
    "",
]


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_hostile_names_are_refused(name: str) -> None:
    assert refuse([member("good.png"), member(name, header_offset=100)], Limits())


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"external_attr": unix(stat.S_IFLNK)}, "symbolic link"),
        ({"external_attr": unix(stat.S_IFIFO)}, "device, a pipe"),
        ({"external_attr": unix(stat.S_IFCHR)}, "device, a pipe"),
        ({"flag_bits": 1}, "encrypted"),
        ({"compress_type": zipfile.ZIP_LZMA}, "method other than deflate"),
        ({"compress_type": 99}, "method other than deflate"),
        ({"filename": "inner.zip"}, "archive in the archive"),
        ({"file_size": 2**21, "compress_size": 2**13}, "256-fold"),
        ({"file_size": 2**21, "compress_size": 0}, "like a bomb"),
        ({"file_size": 2**50, "compress_size": 2**49}, "promise"),
    ],
)
def test_hostile_members_are_refused(fields: dict[str, object], reason: str) -> None:
    assert reason in (refuse([member("a.png", **fields)], Limits()) or "")


def test_honest_members_are_not_refused() -> None:
    honest = [
        member("folder/", external_attr=unix(stat.S_IFDIR), compress_size=0, file_size=0),
        member("folder/flat.bmp", header_offset=40, file_size=2**20 - 1, compress_size=1000),
        member("folder/..odd..name.png", header_offset=9000, external_attr=unix(stat.S_IFREG)),
    ]
    assert refuse(honest, Limits()) is None


def test_too_many_members_are_refused() -> None:
    members = [member(f"{number}.png", header_offset=100 * number) for number in range(4)]
    assert refuse(members, Limits(members=4)) is None
    assert "4 members are more than 3" in (refuse(members, Limits(members=3)) or "")


@pytest.mark.parametrize("names", [("a.png", "a.png"), ("a/", "a")])
def test_a_name_that_occurs_twice_is_refused(names: tuple[str, str]) -> None:
    members = [member(name, header_offset=100 * place) for place, name in enumerate(names)]
    assert "occurs twice" in (refuse(members, Limits()) or "")


def test_members_that_share_bytes_are_refused(tmp_path: Path) -> None:
    """The kernel of Fifield's bomb: many directory entries for one compressed member."""
    path = write_zip(tmp_path / "a.zip", {"a.png": bytes(1000), "b.png": bytes(1000)})
    content = bytearray(path.read_bytes())
    second = content.rindex(b"PK\1\2")
    content[second + 42 : second + 46] = struct.pack("<I", 0)  # its local header is the first one
    path.write_bytes(content)
    with pytest.raises(HostileArchiveError, match="overlap"):
        Archive(path).inventory()


def test_a_hostile_archive_names_itself_and_the_member(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "evil.zip", {"../../up.png": PICTURE, "good.png": PICTURE})
    with pytest.raises(HostileArchiveError, match=r"evil\.zip.*'\.\./\.\./up\.png'.*nothing"):
        Archive(path).inventory()
    assert not (tmp_path.parent.parent / "up.png").exists()


def test_a_real_bomb_is_refused_unopened(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "bomb.zip", {"flat.bmp": bytes(20 * 2**20)})
    assert path.stat().st_size < 30_000
    with pytest.raises(HostileArchiveError, match="like a bomb"):
        Archive(path).inventory()


def test_a_member_with_damaged_bytes_is_skipped_and_not_fatal(tmp_path: Path) -> None:
    path = tmp_path / "damaged.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("a.png", PICTURE)
    content = bytearray(path.read_bytes())
    content[60] ^= 0xFF
    path.write_bytes(content)
    archive = Archive(path)
    with pytest.raises(UnusablePictureError, match="Bad CRC-32"):
        archive.read(archive.inventory().entries[0])


@pytest.mark.parametrize("content", [b"", b"PK", b"not an archive at all"])
def test_what_is_no_archive_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=r"a\.zip is not a readable zip archive"):
        Archive(path).inventory()


def test_an_archive_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="does not exist"):
        Archive(tmp_path / "none.zip").inventory()


@given(st.text(alphabet="./\\:Ca\0 é", max_size=12))
def test_what_is_accepted_stays_within_a_folder(name: str) -> None:
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w") as archive:
        warnings.simplefilter("ignore")
        try:
            archive.writestr(name, b"x")
        except (IndexError, UnicodeEncodeError, ValueError):
            return  # zipfile itself cannot write it
    members = zipfile.ZipFile(buffer).infolist()
    if refuse(members, Limits()) is None:
        target = os.path.normpath(f"/inner/{members[0].filename}")
        assert target.startswith("/inner/")
