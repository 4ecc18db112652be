"""Streams of searches, by both clients and the command: one failure of many, a broken stream."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import aclosing, closing, contextmanager
from pathlib import Path

import pytest

from animegan_cli import main as cli
from animegan_client import (
    AsyncSimilarityClient,
    Failure,
    InvalidArgumentError,
    NotFoundError,
    ServerError,
    SimilarityClient,
    UnavailableError,
)
from animegan_client.similarity import messages
from tests.unit.client.scripted import searching


@pytest.fixture(scope="module")
def target() -> Iterator[str]:
    with searching() as address:
        yield address


def search_sync(target, pictures, taken, **options):
    with (
        SimilarityClient(target) as client,
        closing(client.search_stream(pictures, **options)) as stream,
    ):
        for answer in stream:
            taken.append(answer)


def search_asyncio(target, pictures, taken, **options):
    async def call():
        async with (
            AsyncSimilarityClient(target) as client,
            aclosing(client.search_stream(pictures, **options)) as stream,
        ):
            async for answer in stream:
                taken.append(answer)

    asyncio.run(call())


both = pytest.mark.parametrize("search", [search_sync, search_asyncio])


def told(answers) -> list[int | type]:
    """The ids that were found, and what came in place of others."""
    return [
        type(answer.error) if isinstance(answer, Failure) else answer.matches[0].id
        for answer in answers
    ]


@both
def test_what_is_wrong_with_one_does_not_touch_the_others(search, target):
    taken = []
    search(target, [b"1", b"broken", b"2", b"index", b"odd", b"3"], taken)
    assert told(taken) == [1, InvalidArgumentError, 2, NotFoundError, ServerError, 3]
    assert taken[1].error.violations[0].field == "query.image.data"


@both
@pytest.mark.parametrize(
    "order", [[0, 1], [1, 0], [1, 1, 0, 0, 1], [0, 0, 1, 1], [1, 1], [0, 1, 0, 1, 0]]
)
def test_a_picture_that_is_too_large_to_be_sent_fails_in_its_turn(
    search, target, order, monkeypatch, tmp_path
):
    monkeypatch.setattr(messages, "_MAX_PICTURE_BYTES", 10)
    (tmp_path / "large").write_bytes(b"x" * 11)
    pictures = [
        (b"7" * 11 if number % 2 else tmp_path / "large") if large else b"%d" % number
        for number, large in enumerate(order)
    ]
    taken = []
    search(target, pictures, taken)
    expected = [InvalidArgumentError if large else number for number, large in enumerate(order)]
    assert told(taken) == expected
    assert all(
        "11 bytes are over the limit of 10 for a request" in str(answer.error)
        for answer in taken
        if isinstance(answer, Failure)
    )


@both
@pytest.mark.parametrize(
    ("bad", "kind"), [(b"away", UnavailableError), (b"strange", ServerError), (3, TypeError),
                      (Path("/nowhere"), FileNotFoundError)],
)  # fmt: skip
def test_what_ends_the_stream_comes_after_the_answers_before_it(search, target, bad, kind):
    taken = []
    with pytest.raises(kind):
        search(target, [b"1", b"broken", bad, b"3"], taken)
    assert told(taken) == [1, InvalidArgumentError]


@both
def test_wrong_options_are_told_before_anything_is_sent(search, target):
    taken = []
    with pytest.raises(InvalidArgumentError, match="k: -1 does not fit"):
        search(target, [b"1"], taken, k=-1)
    assert taken == []


def test_a_pair_that_is_too_large_is_refused(monkeypatch):
    monkeypatch.setattr(messages, "MAX_REQUEST_BYTES", 20)
    with (
        SimilarityClient("127.0.0.1:1") as client,
        pytest.raises(InvalidArgumentError, match=r"^other_image.data: .* limit of 20 "),
    ):
        client.explain(b"x" * 9, b"y" * 9)


@contextmanager
def pictures(folder: Path, *contents: bytes | None) -> Iterator[list[str]]:
    """Files with these contents; None: it is missing."""
    paths = [folder / f"{number}.png" for number in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        if content is not None:
            path.write_bytes(content)
    yield [str(path) for path in paths]


@pytest.mark.parametrize(
    ("contents", "code", "found", "failed"),
    [
        ((b"1", b"broken", b"3"), 1, [0, 2], {1: "FILE: cannot be decoded"}),
        ((None, b"2", b"3"), 1, [1, 2], {0: "No such file or directory"}),
        ((b"1", None, b"broken"), 1, [0], {1: "No such file", 2: "FILE: cannot be decoded"}),
        ((None, None), 1, [], {0: "No such file", 1: "No such file"}),
        ((None, b"2"), 1, [1], {0: "No such file"}),
        ((b"1", b"2"), 0, [0, 1], {}),
    ],
)
def test_the_command_shows_what_was_found_and_names_what_was_not(
    target, tmp_path, capsys, contents, code, found, failed
):
    with pictures(tmp_path, *contents) as files:
        command = ["search", *files, "--target", target, "--quiet"]
        assert cli.main(command) == code
        shown = capsys.readouterr()
        assert [file in shown.out for file in files] == [i in found for i in range(len(files))]
        lines = shown.err.splitlines()
        assert len(lines) == len(failed)
        for line, (place, reason) in zip(lines, failed.items(), strict=True):
            assert line.startswith(f"anime-gan search: {files[place]}: {reason}")

        assert cli.main([*command, "--json"]) == code
        records = json.loads(capsys.readouterr().out)
        assert [record["file"] for record in records] == files
        for place, record in enumerate(records):
            assert record.get("error", "").startswith(failed.get(place, ""))
            assert ("matches" in record) == (place in found)


@pytest.mark.parametrize(
    ("last", "code", "reason"),
    [
        (b"away", 1, "the shard noise/00001 is away; is the service up"),
        (b"index", 1, "no such index"),
    ],
)
def test_the_command_shows_what_came_before_the_stream_broke(
    target, tmp_path, capsys, last, code, reason
):
    with pictures(tmp_path, b"1", b"2", last, b"4") as files:
        assert cli.main(["search", *files, "--target", target, "--quiet"]) == code
    shown = capsys.readouterr()
    assert [file in shown.out for file in files] == [True, True, False, False]
    assert reason in shown.err
    assert shown.err.count("\n") == 1


def test_a_sheet_must_be_an_image_file(target, tmp_path, capsys):
    with pictures(tmp_path, b"1") as files:
        assert cli.main(["search", *files, "--save", "sheet.txt", "--target", target]) == 2
    assert "--save: sheet.txt is no image file" in capsys.readouterr().err
