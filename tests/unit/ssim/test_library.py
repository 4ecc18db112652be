"""The indexes in a folder: found, opened anew when they change, refused when they are damaged."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from animegan_ssim.index import DamagedIndexError, UnknownImageError
from animegan_ssim.joined import CANARY, Question, Reply, Searcher, WrongQuestionError
from animegan_ssim.library import (
    INDEXES_VARIABLE,
    SHARDS_VARIABLE,
    Library,
    NotServedError,
    Part,
)
from tests.unit.ssim.index.material import noise, write_dataset, write_index
from training.index.building import append
from training.index.changing import remove

IMAGES = noise(50, seed=4)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one index of four shards."""
    folder = tmp_path_factory.mktemp("indexes")
    write_index(folder / "faces", IMAGES, shard_images=16)
    return folder


@pytest.fixture
def folder(built: Path, tmp_path: Path) -> Path:
    """A copy of it, to be changed."""
    shutil.copytree(built / "faces", tmp_path / "indexes" / "faces")
    return tmp_path / "indexes"


def test_a_folder_that_is_missing_holds_no_index(tmp_path: Path) -> None:
    library = Library(tmp_path / "nothing")
    assert library.names() == []
    assert library.describe() == {"indexes": [], "refused": {}}
    for name in ("faces", "", "../x"):
        with pytest.raises(NotServedError):
            library.index(name)


def test_an_index_that_appears_is_found_and_one_that_goes_is_not(built: Path, tmp_path: Path):
    library = Library(tmp_path)
    assert library.names() == []
    shutil.copytree(built / "faces", tmp_path / "other-name")
    assert library.names() == ["other-name"]
    (description,) = library.describe()["indexes"]
    assert description["name"] == "other-name"  # an index is called after its directory
    shutil.rmtree(tmp_path / "other-name")
    with pytest.raises(NotServedError):
        library.index("other-name")


def test_an_index_is_opened_once_and_again_when_it_has_changed(folder: Path) -> None:
    library = Library(folder)
    first = library.index("faces")
    assert library.index("faces") is first
    remove(folder / "faces", [0])
    second = library.index("faces")
    assert (first.count, second.count) == (50, 49)
    append(folder / "faces", write_dataset(folder.parent / "more", noise(5, seed=6)))
    assert library.index("faces").count == 54
    with pytest.raises(UnknownImageError):
        library.index("faces").images([0])


def test_a_damaged_index_is_refused_and_the_others_are_not(built: Path, folder: Path) -> None:
    shutil.copytree(built / "faces", folder / "broken")
    tiles = next((folder / "broken").glob("tiles-*.npy"))
    tiles.write_bytes(tiles.read_bytes()[:-1] + b"\x07")
    library = Library(folder)
    with pytest.raises(DamagedIndexError):
        library.index("broken")
    description = library.describe()
    assert [index["name"] for index in description["indexes"]] == ["faces"]
    assert tiles.name in description["refused"]["broken"]
    assert Library(folder, verify=False).index("broken")  # by its sizes alone it is whole


@pytest.mark.parametrize(
    ("text", "held"), [("", [0, 1, 2, 3]), ("0/1", [0, 1, 2, 3]), ("0/2", [0, 2]), ("2/3", [2])]
)
def test_parts(built: Path, text: str, held: list[int]) -> None:
    library = Library(built, Part.parse(text))
    shards = library.describe()["indexes"][0]["shards"]
    assert [i for i, shard in enumerate(shards) if shard["served"]] == held
    for i, shard in enumerate(shards):
        name = f"faces/{shard['name']}"
        if i in held:
            assert library.shard(name).shard.name == shard["name"]
        else:
            with pytest.raises(NotServedError, match=name):
                library.shard(name)


@pytest.mark.parametrize("text", ["2/2", "1", "-1/2", "0/0", "a/b", "1/2/3"])
def test_parts_that_make_no_sense(text: str) -> None:
    with pytest.raises(ValueError, match="such as 0/2"):
        Part.parse(text)


def test_the_environment_says_where_and_which(built: Path, monkeypatch) -> None:
    monkeypatch.delenv(INDEXES_VARIABLE, raising=False)
    assert Library.from_environment().names() == []
    monkeypatch.setenv(INDEXES_VARIABLE, str(built))
    monkeypatch.setenv(SHARDS_VARIABLE, "1/4")
    with pytest.raises(NotServedError):
        Library.from_environment().shard("faces/00000")


def test_questions_share_a_pass_and_get_their_own_answers(built: Path, monkeypatch) -> None:
    searcher = Searcher(Library(built))
    engine = searcher._library.shard("faces/00001").engine
    passes = []
    search = engine.search
    monkeypatch.setattr(engine, "search", lambda *arguments: passes.append(1) or search(*arguments))
    questions = [
        Question("faces/00001", IMAGES[17:18], 1),
        Question("faces/00000", IMAGES[2:3], 2),
        Question("faces/00001", IMAGES[20:23], 3),
        Question("faces/00001", noise(1, seed=0, size=16), 3),
        Question("faces/00001", IMAGES[17:18], -1),
        Question("faces/99999", IMAGES[17:18], 1),
        Question(CANARY, noise(2, seed=0, size=4), 0),
    ]
    one, two, three, shape, negative, missing, canary = searcher.answer(questions)

    assert len(passes) == 1
    assert one.ids[one.found[0].rows].tolist() == [17]
    assert two.ids[two.found[0].rows][0] == 2
    assert len(two.found[0].rows) == 2
    assert [three.ids[found.rows[0]] for found in three.found] == [20, 21, 22]
    assert {len(found.rows) for found in three.found} == {3}
    assert {type(shape), type(negative)} == {WrongQuestionError}
    assert isinstance(missing, NotServedError)
    assert isinstance(canary, Reply)
    assert [found.rows.tolist() for found in canary.found] == [[0], [0]]


def test_removed_images_are_not_found(folder: Path) -> None:
    remove(folder / "faces", [17, 20])
    (reply,) = Searcher(Library(folder)).answer([Question("faces/00001", IMAGES[17:18], 100)])
    found = reply.found[0]
    assert found.count == 14
    assert not {17, 20} & set(reply.ids[found.rows].tolist())
    assert np.isnan(found.scores).sum() == 2
