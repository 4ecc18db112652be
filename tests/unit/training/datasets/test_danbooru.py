"""Danbooru2018: its metadata, its layout and the choice by tags."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.datasets.importing.danbooru import Danbooru, Filter, parse_record, picture_id
from training.datasets.importing.source import SourceError, UnusablePictureError

# As in Danbooru2018, where even numbers are strings.
LINE: dict[str, Any] = {
    "id": "1042",
    "created_at": "2005-06-02 01:18:47 UTC",
    "rating": "s",
    "image_width": "850",
    "image_height": "1200",
    "file_ext": "jpg",
    "tags": [
        {"id": "470575", "name": "1girl", "category": "0"},
        {"id": "13197", "name": "long_hair", "category": "0"},
    ],
}


def parse(**changes: object) -> Any:
    return parse_record(json.dumps(LINE | changes).encode(), "here")


def test_a_line_of_2018_is_read() -> None:
    record = parse()
    assert (record.id, record.rating, record.tags) == (1042, "s", ("1girl", "long_hair"))


def test_later_spellings_are_read() -> None:
    assert parse(id=7).id == 7
    assert parse(tags=["b", "a", "b"]).tags == ("a", "b")
    without = {k: v for k, v in LINE.items() if k != "tags"} | {"tag_string": "b a"}
    assert parse_record(json.dumps(without).encode(), "here").tags == ("a", "b")


@pytest.mark.parametrize(
    "change",
    [
        {"id": None},
        {"id": "x"},
        {"id": -1},
        {"rating": 5},
        {"tags": 5},
        {"tags": [5]},
        {"tags": [{"id": "1"}]},
        {"tags": [{"name": 5}]},
        {"tags": [None]},
    ],
)
def test_a_field_of_another_type_is_named_with_its_place(change: dict[str, object]) -> None:
    with pytest.raises(SourceError, match=r"here is no metadata of Danbooru"):
        parse(**change)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@settings(max_examples=50)
@given(st.fixed_dictionaries({}, optional={"id": JSON, "rating": JSON, "tags": JSON}) | JSON)
def test_metadata_of_any_shape_are_read_or_refused(line: object) -> None:
    try:
        record = parse_record(json.dumps(line).encode(), "here")
    except SourceError:
        return
    assert record.id >= 0
    assert all(isinstance(tag, str) for tag in record.tags)


@given(st.binary(max_size=50))
def test_lines_that_are_no_json_are_refused(line: bytes) -> None:
    with pytest.raises(SourceError):
        parse_record(b"{" + line, "here")


@given(st.integers(0, 10**11), st.sampled_from(["jpg", "png", "tar.gz"]))
def test_an_id_is_found_in_its_bucket_and_in_no_other(number: int, ending: str) -> None:
    assert picture_id(f"{number % 1000:04d}/{number}.{ending}") == number
    assert picture_id(f"{(number + 1) % 1000:04d}/{number}.{ending}") is None


@given(st.text(max_size=20))
def test_other_paths_have_no_id(path: str) -> None:
    number = picture_id(path)
    assert number is None or path.startswith(f"{number % 1000:04d}/")


@pytest.mark.parametrize(
    "path", ["0001/1/1.jpg", "1/1.jpg", "0001/٣.jpg", "0001/-999.jpg", "1.jpg"]
)
def test_near_misses_have_no_id(path: str) -> None:
    assert picture_id(path) is None


def test_a_filter_takes_all_tags_to_include_and_none_to_exclude() -> None:
    wanted = Filter(frozenset({"1girl", "solo"}), frozenset({"comic"}))
    tags = [["1girl"], ["1girl", "solo"], ["1girl", "solo", "hat"], ["1girl", "solo", "comic"]]
    assert [wanted.accepts(parse(tags=names)) for names in tags] == [False, True, True, False]
    assert not wanted.accepts(parse(tags=["1girl", "solo"], rating="q"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Four pictures; one is rated otherwise, one has no metadata, one lies in the wrong bucket."""
    for path in ("0042/1042.jpg", "0007/7.jpg", "0009/9.jpg", "0005/5.jpg", "0001/6.jpg"):
        (tmp_path / "512px" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "512px" / path).write_bytes(path.encode())
    (tmp_path / "metadata").mkdir()
    lines = [LINE | {"id": str(number)} for number in (1042, 8, 7)]
    lines += [LINE | {"id": "9", "rating": "e"}, LINE]
    texts = [json.dumps(line) for line in lines]
    (tmp_path / "metadata" / "2018000000000000").write_text("\n".join(texts[:2]) + "\n\n")
    (tmp_path / "metadata" / "2018000000000001").write_text("\n".join(texts[2:]))
    return tmp_path


def test_pictures_on_the_disk_are_joined_with_their_metadata(root: Path) -> None:
    source = Danbooru(root)
    found = source.inventory()
    assert [entry.id for entry in found.entries] == ["0007/7.jpg", "0042/1042.jpg"]
    facts = {"danbooru": 1042, "rating": "s", "tags": ["1girl", "long_hair"]}
    assert found.entries[1].facts == facts
    assert {one.id: one.reason for one in found.skipped} == {
        "0001/6.jpg": "not named BUCKET/ID.EXTENSION",
        "0005/5.jpg": "no metadata",
    }
    assert source.read(found.entries[0]) == b"0007/7.jpg"


def test_a_second_file_for_an_id_is_reported(root: Path) -> None:
    (root / "512px/0007/7.png").write_bytes(b"other")
    found = Danbooru(root).inventory()
    assert ("0007/7.png", "a second file for the id 7") in [
        (one.id, one.reason) for one in found.skipped
    ]


def test_a_broken_line_of_metadata_is_named(root: Path) -> None:
    with (root / "metadata/2018000000000001").open("a") as file:
        file.write("\n{broken")
    with pytest.raises(SourceError, match=r"2018000000000001, line 4 is no metadata"):
        Danbooru(root).inventory()


def test_missing_metadata_and_folders_are_named(root: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="original is not a folder"):
        Danbooru(root, "original").inventory()
    for path in (root / "metadata").iterdir():
        path.unlink()
    with pytest.raises(SourceError, match=r"unpack metadata\.json\.tar\.xz"):
        Danbooru(root).inventory()


def test_a_picture_that_vanished_is_unusable(root: Path) -> None:
    source = Danbooru(root)
    entry = source.inventory().entries[0]
    (root / "512px" / entry.id).unlink()
    with pytest.raises(UnusablePictureError):
        source.read(entry)
