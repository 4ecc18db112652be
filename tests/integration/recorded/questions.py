"""Indexes and requests to the search models whose answers were recorded, byte by byte.

The answers in `answers.npz` are those of the search models that Triton's Python backend ran, with
NumPy: they were recorded before the models were written in C.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tritonclient.grpc as triton_grpc
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from animegan_search.ssim.definition import GAUSSIAN
from tests.unit.search.copies.material import COUNT, embed, unit
from tests.unit.search.ssim.index.material import noise, write_index
from training.index.changing import remove

COLOUR = noise(100, seed=1, size=16)
HELDOUT = noise(120, seed=2, size=16)
GREY = noise(20, seed=3, channels=1, size=16)
FACES = noise(300, seed=4, size=64)
WIDE = noise(70, seed=5, size=72)  # more windows across than one strip of the scan has
EMBEDDED = noise(COUNT, seed=6, size=16)


@dataclass(frozen=True)
class Question:
    """A request to a model, by name."""

    name: str
    model: str
    inputs: Mapping[str, np.ndarray]
    outputs: tuple[str, ...] = ()


def write_indexes(folder: Path) -> Path:
    """What is searched: both definitions, several shards, removed images, ties, embeddings."""
    write_index(folder / "colour", COLOUR, HELDOUT, shard_images=16)
    write_index(folder / "grey", GREY, definition=GAUSSIAN)
    # Every image of `twins` is there twice: ranks are decided by ids.
    write_index(folder / "twins", np.concatenate([COLOUR[:24], COLOUR[:24]]), HELDOUT)
    write_index(folder / "faces", FACES)
    remove(folder / "faces", [0, 7, 8, 150, 299])
    write_index(folder / "faces-gaussian", FACES[:90], definition=GAUSSIAN)
    write_index(folder / "wide", WIDE)
    write_index(folder / "wide-gaussian", WIDE[:40], definition=GAUSSIAN)
    write_index(folder / "embedded", EMBEDDED, HELDOUT)
    embed(folder / "embedded")
    return folder


def questions() -> Iterator[Question]:
    """All requests, in the order in which they are sent."""
    yield Question("canary", "ssim_search", _search("", HELDOUT[:1], 1))
    for shard in range(7):
        queries = np.concatenate([HELDOUT[:3], COLOUR[shard * 16 : shard * 16 + 1]])
        name = f"colour/{shard:05}"
        yield Question(name, "ssim_search", _search(name, queries, 5))
    yield Question("all scores", "ssim_search", _search("colour/00003", HELDOUT[:2], 2, every=True))
    yield Question("k of 0", "ssim_search", _search("colour/00001", HELDOUT[:1], 0))
    yield Question("k too large", "ssim_search", _search("colour/00006", HELDOUT[:1], 1000))
    yield Question("k negative", "ssim_search", _search("colour/00001", HELDOUT[:1], -1))
    yield Question("other shape", "ssim_search", _search("colour/00001", FACES[:1], 1))
    yield Question("unknown index", "ssim_search", _search("none/00000", HELDOUT[:1], 1))
    yield Question("unknown shard", "ssim_search", _search("colour/00099", HELDOUT[:1], 1))
    grey = np.concatenate([noise(3, seed=7, channels=1, size=16), GREY[:2], _hard(16, 1)])
    yield Question("grey", "ssim_search", _search("grey/00000", grey, 20, every=True))
    twins = np.concatenate([COLOUR[:3], HELDOUT[:2]])
    yield Question("twins", "ssim_search", _search("twins/00000", twins, 9))
    faces = np.concatenate([noise(5, seed=8, size=64), FACES[7:9], FACES[40:41] ^ 1, _hard(64, 3)])
    for name, images in (("faces", faces), ("wide", np.concatenate([WIDE[:2], _hard(72, 3)]))):
        for index in (name, f"{name}-gaussian"):
            for count in (1, 2, 3, len(images)):
                inputs = _search(f"{index}/00000", images[:count], 10, every=count == 2)
                yield Question(f"{index} {count}", "ssim_search", inputs)
    yield Question("manifest", "ssim_index", _images("", []))
    yield Question("images", "ssim_index", _images("colour", [99, 0, 41, 41]))
    yield Question("images of a shard", "ssim_index", _images("colour/00002", [5]))
    yield Question("no images", "ssim_index", _images("colour", []))
    yield Question("unknown image", "ssim_index", _images("colour", [3, 100]))
    yield Question("removed image", "ssim_index", _images("faces", [7]))
    yield Question("images of nothing", "ssim_index", _images("none", [0]))
    for place, vector in enumerate([*unit(2, 9), unit(COUNT, 0)[17]]):
        for k in (1, 7, 1000):
            yield Question(f"copies {place} {k}", "copy_search", _copies("embedded", vector, k))
    vector = unit(1, 9)[0]
    yield Question("copies, k of 0", "copy_search", _copies("embedded", vector, 0))
    yield Question("copies, a rate of 1", "copy_search", _copies("embedded", vector, 1, 1.0))
    yield Question("copies, rare", "copy_search", _copies("embedded", vector, 1, 1e-6))
    yield Question("copies, too long", "copy_search", _copies("embedded", vector * 2, 1))
    yield Question("copies, other size", "copy_search", _copies("embedded", vector[:5], 1))
    yield Question("copies, not embedded", "copy_search", _copies("colour", vector, 1))
    yield Question("copies, no index", "copy_search", _copies("none", vector, 1))


def ask(url: str) -> dict[str, np.ndarray]:
    """Every answer of a Triton, as "question / output"; a refusal as "question / refused"."""
    answers: dict[str, np.ndarray] = {}
    with triton_grpc.InferenceServerClient(url) as client:
        for question in questions():
            tensors = [
                triton_grpc.InferInput(
                    name, array.shape, np_to_triton_dtype(array.dtype)
                ).set_data_from_numpy(array)
                for name, array in question.inputs.items()
            ]
            try:
                result = client.infer(question.model, tensors)
            except InferenceServerException as error:
                refusal = f"{error.status()}: {error.message()}"
                answers[f"{question.name} / refused"] = np.array(refusal)
                continue
            for output in result.get_response().outputs:
                array = result.as_numpy(output.name)
                if array.dtype == np.object_:
                    array = np.array([text.decode() for text in array.ravel()]).reshape(array.shape)
                answers[f"{question.name} / {output.name}"] = array
    return answers


def _search(shard: str, queries: np.ndarray, k: int, *, every: bool = False) -> dict:
    rows = len(queries)
    return {
        "query": queries,
        "k": np.full((rows, 1), k, np.int32),
        "shard": np.full((rows, 1), shard.encode(), np.object_),
        "all_scores": np.full((rows, 1), every),
    }


def _images(shard: str, ids: list[int]) -> dict:
    return {"shard": np.array([shard.encode()], np.object_), "ids": np.array(ids, np.int64)}


def _copies(index: str, vector: np.ndarray, k: int, rate: float = 0.05) -> dict:
    return {
        "index": np.array([index.encode()], np.object_),
        "embedding": vector,
        "k": np.array([k], np.int32),
        "false_alarm_rate": np.array([rate]),
    }


def _hard(size: int, channels: int) -> np.ndarray:
    """Flat pictures, halves and a chessboard: where sums round worst."""
    y, x = np.mgrid[:size, :size]
    planes = [np.zeros((size, size)), np.full((size, size), 255), (x < size // 2) * 255]
    planes.append((x + y) % 2 * 255)
    return np.stack(planes).astype(np.uint8)[..., None].repeat(channels, axis=3)
