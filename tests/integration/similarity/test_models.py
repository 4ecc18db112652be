"""The search models behind Triton: what changes on the disk, and what is asked wrongly."""

import gc
import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest
import tritonclient.grpc as triton_grpc
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from animegan_search.ssim.definition import UNIFORM7
from animegan_search.ssim.engine import Engine
from animegan_search.ssim.index import Index
from animegan_search.ssim.tiles import pack
from deploy.local.triton import LocalTriton
from deploy.triton_admin import AdminError
from tests.integration.generator.service import PROJECT
from tests.unit.search.copies.material import IDS, embed, unit
from tests.unit.search.copies.material import write_index as write_embedded
from tests.unit.search.ssim.index.material import noise, write_dataset, write_index
from training.index.building import append
from training.index.changing import remove

MODELS = ("ssim_search", "ssim_index", "copy_search")
IMAGES = noise(50, seed=4)
UNAVAILABLE, NOT_FOUND, INVALID = (
    f"StatusCode.{name}" for name in ("UNAVAILABLE", "NOT_FOUND", "INVALID_ARGUMENT")
)
RELOADS = 200


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of four shards."""
    folder = tmp_path_factory.mktemp("built")
    write_index(folder / "faces", IMAGES, noise(20, seed=5), shard_images=16)
    return folder / "faces"


@pytest.fixture(scope="module")
def triton(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalTriton]:
    """A Triton with all three models, over a folder that does not exist yet."""
    folder = tmp_path_factory.mktemp("models")
    for model in MODELS:
        shutil.copytree(PROJECT / "models" / model, folder / "models" / model)
    indexes = folder / "indexes"
    with LocalTriton(folder / "models", indexes=indexes, log=folder / "log") as server:
        indexes.mkdir()
        yield server


@pytest.fixture
def folder(triton: LocalTriton) -> Iterator[Path]:
    """The folder of its indexes, empty."""
    indexes = triton.settings.indexes
    assert indexes
    yield indexes
    for index in indexes.iterdir():
        shutil.rmtree(index)


@pytest.fixture
def faces(folder: Path, built: Path) -> Path:
    """The index, to be changed."""
    shutil.copytree(built, folder / "faces")
    return folder / "faces"


@pytest.fixture
def client(triton: LocalTriton) -> Iterator[triton_grpc.InferenceServerClient]:
    with triton_grpc.InferenceServerClient(triton.grpc_url) as client:
        yield client


def ask(client, model: str, inputs: dict[str, np.ndarray], outputs=()) -> dict[str, np.ndarray]:
    tensors = []
    for name, array in inputs.items():
        tensor = triton_grpc.InferInput(name, array.shape, np_to_triton_dtype(array.dtype))
        tensors.append(tensor.set_data_from_numpy(array))
    wanted = [triton_grpc.InferRequestedOutput(name) for name in outputs]
    result = client.infer(model, tensors, outputs=wanted or None)
    return {o.name: result.as_numpy(o.name) for o in result.get_response().outputs}


def refusal(client, model: str, inputs: dict[str, np.ndarray]) -> tuple[str, str]:
    with pytest.raises(InferenceServerException) as caught:
        ask(client, model, inputs)
    return caught.value.status(), caught.value.message()


def text(value: str) -> np.ndarray:
    return np.array([value.encode()], np.object_)


def query(shard: str, images: np.ndarray, k: int = 1, **others: np.ndarray) -> dict:
    rows = len(images)
    return {
        "query": images,
        "k": np.full((rows, 1), k, np.int32),
        "shard": np.full((rows, 1), shard.encode(), np.object_),
        "all_scores": np.zeros((rows, 1), np.bool_),
    } | others


def manifest(client) -> dict:
    asked = {"shard": text(""), "ids": np.empty(0, np.int64)}
    return json.loads(ask(client, "ssim_index", asked)["manifest"].item())


def images(client, index: str, ids: list[int]) -> np.ndarray:
    asked = {"shard": text(index), "ids": np.array(ids, np.int64)}
    return ask(client, "ssim_index", asked)["images"]


def copies(index: str, vector: np.ndarray, k: int = 1) -> dict:
    rate = {"false_alarm_rate": np.array([0.05])}
    return {"index": text(index), "embedding": vector, "k": np.array([k], np.int32)} | rate


def test_a_folder_without_indexes(client, folder: Path) -> None:
    assert manifest(client) == {"indexes": [], "refused": {}}
    (folder.parent / "manifest.json").write_text("{}")
    for name in ("faces", "..", ".", "../x", "x" * 300, "\x00", "a\nb"):
        status, message = refusal(client, "ssim_search", query(f"{name}/00000", IMAGES[:1]))
        assert status == NOT_FOUND
        assert message == f"there is no index {name.partition('/')[0][:200]!r} here"


def test_an_index_that_appears_is_found_and_one_that_goes_is_not(client, folder, built) -> None:
    shutil.copytree(built, folder / "other-name")
    (described,) = manifest(client)["indexes"]
    assert described == Index.open(built).describe() | {"name": "other-name"} | {
        "shards": [shard | {"served": True} for shard in Index.open(built).describe()["shards"]]
    }
    np.testing.assert_array_equal(images(client, "other-name", [49, 0]), IMAGES[[49, 0]])
    shutil.rmtree(folder / "other-name")
    asked = {"shard": text("other-name"), "ids": np.array([0])}
    assert refusal(client, "ssim_index", asked)[0] == NOT_FOUND


def test_an_index_is_opened_anew_when_it_has_changed(client, faces: Path, tmp_path: Path) -> None:
    assert ask(client, "ssim_search", query("faces/00001", IMAGES[17:18]))["id"] == [[17]]
    remove(faces, [17, 20])
    found = ask(client, "ssim_search", query("faces/00001", IMAGES[17:18], 100))
    assert found["count"] == [[14]]
    assert found["id"].shape == (1, 14)
    assert not {17, 20} & set(found["id"][0].tolist())
    assert refusal(client, "ssim_index", {"shard": text("faces"), "ids": np.array([3, 20])}) == (
        NOT_FOUND,
        "faces holds no image 20",
    )
    append(faces, write_dataset(tmp_path / "more", noise(5, seed=6)))
    assert manifest(client)["indexes"][0]["count"] == 53


def test_a_damaged_index_is_refused_until_it_is_replaced(client, faces: Path, built: Path) -> None:
    tiles = next(faces.glob("tiles-00002.npy"))
    tiles.write_bytes(tiles.read_bytes()[:-1] + b"\x07")
    for _ in range(2):
        status, message = refusal(client, "ssim_search", query("faces/00000", IMAGES[:1]))
        assert (status, tiles.name in message) == (UNAVAILABLE, True)
    tiles.write_bytes(b"")
    (faces / "manifest.json").touch()
    refused = manifest(client)["refused"]  # its sizes are checked by both models
    assert f"{tiles.name} has 0 bytes" in refused["faces"]
    shutil.rmtree(faces)
    shutil.copytree(built, faces)
    assert ask(client, "ssim_search", query("faces/00000", IMAGES[:1]))["id"] == [[0]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot be read"),
        (b"[1]", "is not the manifest"),
        (b'{"format": "animegan-ssim-index", "format_version": 2}', "version 2, this program"),
        (b'{"format": "animegan-ssim-index", "format_version": 1}', "its own checksum"),
    ],
)
def test_manifests_that_are_none(client, faces: Path, content: bytes, message: str) -> None:
    (faces / "manifest.json").write_bytes(content)
    assert message in manifest(client)["refused"]["faces"]


def test_each_server_serves_its_part(tritons) -> None:
    for part, triton in enumerate(tritons):
        with triton_grpc.InferenceServerClient(triton.grpc_url) as client:
            described = {index["name"]: index for index in manifest(client)["indexes"]}
            served = [shard["served"] for shard in described["colour"]["shards"]]
            assert served == [place % 2 == part for place in range(7)]
            other = query(f"colour/{1 - part:05}", noise(1, seed=0, size=16))
            status, message = refusal(client, "ssim_search", other)
            assert (status, "is not served here" in message) == (NOT_FOUND, True)


def test_joined_questions_get_their_own_answers(client, faces: Path) -> None:
    questions = [
        query("faces/00001", IMAGES[17:18]),
        query("faces/00000", IMAGES[2:3], 2),
        query("faces/00001", IMAGES[20:23], 3),
        query("faces/00001", IMAGES[17:18], -1),
        query("faces/99999", IMAGES[17:18]),
        query("", IMAGES[17:19]),
    ] * 8

    def answer(asked: dict) -> list[int] | str:
        try:
            return ask(client, "ssim_search", asked)["id"][:, 0].tolist()
        except InferenceServerException as error:
            return error.status()

    with ThreadPoolExecutor(len(questions)) as callers:
        answers = list(callers.map(answer, questions))
    assert answers == [[17], [2], [20, 21, 22], INVALID, NOT_FOUND, [0, 0]] * 8


def test_questions_that_wait_share_the_next_pass(
    triton: LocalTriton, client, folder: Path, tmp_path: Path
) -> None:
    """32 callers of an index that takes some milliseconds to scan."""
    large = noise(1500, seed=6, size=64)
    write_index(tmp_path / "large", large)
    shutil.copytree(tmp_path / "large", folder / "large")
    ask(client, "ssim_search", query("large/00000", large[:1]))  # it is open now
    with triton.admin() as admin, ThreadPoolExecutor(32) as callers:
        before = admin.executions("ssim_search")
        asked = [query("large/00000", large[i : i + 1]) for i in range(32)]
        found = list(callers.map(lambda one: ask(client, "ssim_search", one), asked))
        passes = admin.executions("ssim_search") - before
    assert [answer["id"].item() for answer in found] == list(range(32))
    assert passes <= 16


def test_a_scan_done_elsewhere_is_ranked_exactly(client, faces: Path) -> None:
    queries = np.concatenate([IMAGES[18:19], noise(2, seed=9)])
    plain = ask(client, "ssim_search", query("faces/00001", queries, 5))
    rows = slice(16, 32)
    scores = Engine(pack(IMAGES[rows]), 16, UNIFORM7).scores(queries)
    near = scores + np.float32(0.9 * UNIFORM7.tolerance) * np.resize([1, -1], 16).astype(np.float32)
    digest = Index.open(faces).manifest.shards[1].tiles.sha256
    scored = np.tile(np.frombuffer(digest.encode(), np.uint8), (3, 1))
    given = ask(client, "ssim_search", query("faces/00001", queries, 5, scores=near, scored=scored))
    for name in ("id", "ssim", "count", "digest"):
        np.testing.assert_array_equal(given[name], plain[name])
    np.testing.assert_allclose(given["total"], near.sum(axis=1, keepdims=True), rtol=1e-5)

    other = query("faces/00002", queries, 5, scores=near, scored=scored)
    status, message = refusal(client, "ssim_search", other)
    assert (status, "must be exported again" in message) == (UNAVAILABLE, True)
    short = query("faces/00001", queries, 5, scores=near[:, 1:].copy(), scored=scored)
    assert refusal(client, "ssim_search", short)[0] == UNAVAILABLE
    nan = query("faces/00001", queries, 5, scores=near * np.nan, scored=scored)
    assert refusal(client, "ssim_search", nan)[0] == INVALID
    alone = query("faces/00001", queries, 5, scores=near)
    assert refusal(client, "ssim_search", alone)[0] == INVALID


def test_questions_that_contradict_themselves(client, faces: Path) -> None:
    two = query("faces/00000", IMAGES[:2])
    for other in (
        {"k": np.array([[1], [2]], np.int32)},
        {"shard": np.array([[b"faces/00000"], [b"faces/00001"]], np.object_)},
    ):
        assert refusal(client, "ssim_search", two | other) == (
            INVALID,
            "the queries of a request share one shard and one k",
        )


def test_only_what_is_asked_for_is_answered(client, faces: Path) -> None:
    found = ask(client, "ssim_search", query("faces/00000", IMAGES[:1]), ("total", "id"))
    assert sorted(found) == ["id", "total"]
    asked = {"shard": text("faces"), "ids": np.array([1])}
    assert list(ask(client, "ssim_index", asked, ("images",))) == ["images"]


def test_embeddings_are_opened_anew_when_they_change(client, folder: Path) -> None:
    directory = write_embedded(folder / "squares")
    for k in (1, 1000):
        found = ask(client, "copy_search", copies("squares", unit(40, 0)[11], k))
        assert found["id"][0] == IDS[11]
        assert len(found["id"]) == min(k, 40)
    (directory / "copies" / "ids.npy").write_bytes(b"")
    embed(directory, version=4)
    assert ask(client, "copy_search", copies("squares", unit(1, 3)[0]))["detector"] == [b"abc"]
    (directory / "copies" / "ids.npy").write_bytes(b"")
    (directory / "copies" / "manifest.json").touch()
    for _ in range(2):
        status, message = refusal(client, "copy_search", copies("squares", unit(1, 3)[0]))
        assert (status, "ids.npy does not match" in message) == (UNAVAILABLE, True)
    embed(directory, version=5)
    remove(directory, [0])
    status, message = refusal(client, "copy_search", copies("squares", unit(1, 3)[0]))
    assert (status, "an earlier state of its index" in message) == (UNAVAILABLE, True)


@pytest.mark.parametrize("name", ["", "..", "faces/copies", "none", "faces", "\udcff"])
def test_what_is_not_embedded_is_refused(client, faces: Path, name: str) -> None:
    asked = copies("", unit(1, 3)[0])
    asked["index"] = np.array([name.encode(errors="surrogateescape")], np.object_)
    status, message = refusal(client, "copy_search", asked)
    assert (status, "anime-gan copies index" in message) == (NOT_FOUND, True)


def test_a_model_of_no_kind_is_refused(triton: LocalTriton) -> None:
    model = triton.settings.model_repository / "unknown"
    shutil.copytree(model.with_name("ssim_index"), model)
    config = (model / "config.pbtxt").read_text().replace("ssim_index", "unknown")
    (model / "config.pbtxt").write_text(config)
    with (
        triton.admin() as admin,
        pytest.raises(AdminError, match="must be ssim_search, ssim_index or copy_search"),
    ):
        admin.load("unknown")
    shutil.rmtree(model)


def test_loading_again_and_again_costs_nothing(triton: LocalTriton, client, faces: Path) -> None:
    server = psutil.Process(triton.pid)

    def cost() -> tuple[int, int, int]:
        return server.memory_info().rss, server.num_fds(), len(server.memory_maps(grouped=False))

    with triton.admin() as admin:
        for reload in range(RELOADS):
            if reload == 20:  # Triton's own caches are warm
                gc.collect()
                memory, files, maps = cost()
            admin.unload("ssim_search")
            admin.load("ssim_search")
            assert ask(client, "ssim_search", query("faces/00000", IMAGES[:1]))["id"] == [[0]]
    memory_now, files_now, maps_now = cost()
    assert files_now <= files + 2
    assert maps_now <= maps + 8
    assert memory_now <= memory + 8 * 2**20
