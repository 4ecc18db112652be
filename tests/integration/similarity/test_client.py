"""Both clients and the verbs of `anime-gan`, against the real service."""

import json
import subprocess
import sys
from contextlib import aclosing, closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from animegan_client import (
    AsyncSimilarityClient,
    EncodedImage,
    Failure,
    InvalidArgumentError,
    NotFoundError,
    SimilarityClient,
)
from tests.integration.similarity.material import COLOUR, HELDOUT, png


@pytest.fixture
def client(service):
    with SimilarityClient(service.target) as client:
        yield client


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Two training images and an unseen one."""
    for name, image in (("a", COLOUR[11]), ("b", COLOUR[22]), ("new", HELDOUT[5])):
        (tmp_path / f"{name}.png").write_bytes(png(image))
    return [tmp_path / name for name in ("a.png", "b.png", "new.png")]


def forms(image: np.ndarray, folder: Path) -> dict[str, object]:
    """One picture in every form that a client takes."""
    path = folder / "picture.png"
    path.write_bytes(png(image))
    height, width, channels = image.shape
    return {
        "bytes": png(image),
        "path": path,
        "str": str(path),
        "pillow": Image.fromarray(image),
        "raw": EncodedImage("raw", width, height, channels, image.tobytes()),
    }


def test_every_form_of_a_picture_gives_the_same_answer(client, tmp_path):
    pictures = forms(HELDOUT[9], tmp_path)
    results = {name: client.search(picture) for name, picture in pictures.items()}
    plain = {
        replace(result, preparation=None, scores=(), quantiles=()) for result in results.values()
    }
    assert len(plain) == 1
    assert results["raw"].preparation.source_format == "RAW"
    with pytest.raises(TypeError, match="int is no picture"):
        client.search(3)


async def test_the_twins_agree(client, service):
    options = {"k": 3, "include_scores": True, "thumbnail_format": "webp"}
    async with AsyncSimilarityClient(service.target) as twin:
        result = await twin.search(png(HELDOUT[4]), **options)
        assert result == client.search(png(HELDOUT[4]), **options)
        assert len(result.scores) == result.count == 100
        assert result.matches[0].ssim == pytest.approx(result.scores[result.matches[0].id])
        pair = (png(HELDOUT[4]), result.matches[0].id)
        assert await twin.explain(*pair) == client.explain(*pair)
        assert await twin.list_indexes() == client.list_indexes()
        assert await twin.get_image(7) == client.get_image(7)
        assert np.array_equal(np.asarray(client.get_image(7).to_pil()), COLOUR[7])

        async def pictures():
            for i in range(10):
                yield png(COLOUR[i])

        for source in (pictures(), [png(image) for image in COLOUR[:10]]):
            async with aclosing(twin.search_stream(source, k=1)) as stream:
                assert [one.matches[0].id async for one in stream] == list(range(10))


async def test_a_file_that_is_missing_comes_after_the_results_before_it(client, service, files):
    pictures = [files[0], files[1], files[0].with_name("missing.png"), files[2]]
    found = []
    with pytest.raises(FileNotFoundError), closing(client.search_stream(pictures)) as stream:
        found.extend(result.matches[0].id for result in stream)
    assert found == [11, 22]
    async with AsyncSimilarityClient(service.target) as twin:
        with pytest.raises(FileNotFoundError):
            async for result in twin.search_stream(pictures):
                found.append(result.matches[0].id)
    assert found == [11, 22, 11, 22]


async def test_a_broken_picture_is_told_and_the_others_are_answered(client, service):
    pictures = [png(COLOUR[1]), png(COLOUR[2])[:-100], b"no picture", png(COLOUR[3])]
    with closing(client.search_stream(pictures)) as stream:
        answers = list(stream)
    async with AsyncSimilarityClient(service.target) as twin:
        twins = [answer async for answer in twin.search_stream(pictures)]
    for one in (answers, twins):
        assert [one[place].matches[0].id for place in (0, 3)] == [1, 3]
        for failure in one[1:3]:
            assert isinstance(failure, Failure)
            assert failure.error.violations[0].field == "query.image.data"


def test_refusals(client):
    with pytest.raises(NotFoundError, match="there are: colour, grey"):
        client.search(png(COLOUR[0]), index="nobody")
    with pytest.raises(InvalidArgumentError) as refused:
        client.search(png(COLOUR[0]), k=0)
    assert refused.value.violations[0].field == "query.k"
    with pytest.raises(InvalidArgumentError, match="k: -1 does not fit"):
        client.search(png(COLOUR[0]), k=-1)
    with pytest.raises(TypeError, match="unknown options: kk"):
        client.search(png(COLOUR[0]), kk=1)


@pytest.fixture
def anime_gan(service, tmp_path):
    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "animegan_cli.main", *map(str, arguments)],
            cwd=tmp_path,
            env={"ANIMEGAN_SIMILARITY_TARGET": service.target, "PATH": ""}
            | ({"PYTHONPATH": ":".join(sys.path)}),
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run


def test_search_prints_a_table_and_draws_a_sheet(anime_gan, files, tmp_path):
    done = anime_gan("search", *files, "--save", "new/sheet.png")
    assert (done.returncode, done.stderr) == (0, "")
    head, *rows = done.stdout.splitlines()[:4]
    assert head.split() == ["FILE", "NEAREST", "SSIM", *["SSIM"] * 3, "MEAN", "P", "VERDICT"]
    assert [row.split()[1:3] for row in rows[:2]] == [["11", "1.0000"], ["22", "1.0000"]]
    assert [row.split()[-1] for row in rows[:2]] == ["copy", "copy"]
    assert "colour: 100 images, uniform7, all compared" in done.stdout
    with Image.open(tmp_path / "new" / "sheet.png") as sheet:
        assert sheet.height == 3 * (128 + 34 + 8) + 8


def test_a_sheet_shows_what_was_found(anime_gan, files, tmp_path):
    files[1].write_bytes(files[1].read_bytes()[:-100])
    done = anime_gan("search", *files, "missing.png", "--save", "sheet.png")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"anime-gan search: {files[1]}: FILE: cannot be decoded: image file is truncated",
        "anime-gan search: missing.png: No such file or directory",
    ]
    assert "1 of 2 original" in done.stdout
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.height == 2 * (128 + 34 + 8) + 8


def test_search_and_explain_for_programs(anime_gan, files, client):
    (record,) = json.loads(anime_gan("search", files[2], "--k", "2", "--json").stdout)
    result = client.search(files[2], k=2)
    assert record["file"] == str(files[2])
    assert [match["id"] for match in record["matches"]] == [match.id for match in result.matches]
    assert record["verdict"]["p_value"] == result.verdict.p_value
    explained = json.loads(anime_gan("explain", files[2], "--json").stdout)
    assert explained["ssim"] == pytest.approx(result.matches[0].ssim)
    assert len(explained["values"]) == 16 * 16 * 3


def test_explain_draws_the_pair_and_the_map(anime_gan, files, tmp_path):
    done = anime_gan("explain", files[0], "--other", files[1], "--out", "map.png")
    assert done.returncode == 0, done.stderr
    assert "uniform7" in done.stdout
    with Image.open(tmp_path / "map.png") as picture:
        assert picture.size == (3 * (256 + 8) + 8, 256 + 16)


def test_indexes_for_people_and_for_programs(anime_gan):
    table = anime_gan("indexes").stdout.splitlines()
    assert table[1].split()[:5] == ["*", "colour", "100", "16x16x3", "uniform7"]
    assert "not calibrated" in table[2]
    names = [index["name"] for index in json.loads(anime_gan("indexes", "--json").stdout)]
    assert names == ["colour", "grey"]


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["missing.png"], 1, "missing.png"),
        (["a.png", "--k", "0"], 2, "--k: "),
        (["a.png", "--index", "nobody"], 1, "`anime-gan indexes` lists those there are"),
        (["a.png", "--false-alarm-rate", "2"], 2, "--false-alarm-rate: "),
        (["a.png", "--definition", "gaussian"], 2, "--definition: "),
    ],
)
def test_a_refusal_is_one_line_that_names_the_flag(anime_gan, files, arguments, code, told):
    done = anime_gan("search", *arguments)
    assert done.returncode == code
    assert told in done.stderr
    assert done.stderr.count("\n") == 1
