"""What one index's files become does not stop a Triton, nor the searches of other indexes."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tritonclient.grpc as triton_grpc
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from deploy.local.triton import LocalTriton
from tests.integration.generator.service import PROJECT
from tests.unit.search.copies.material import COUNT, embed, unit
from tests.unit.search.ssim.index.material import noise, write_index

IMAGES = noise(COUNT, seed=6, size=16)
HELDOUT = noise(120, seed=2, size=16)


@pytest.fixture
def indexes(tmp_path: Path) -> Path:
    """`whole` and `cut`, with embeddings; `pipe`, where nobody writes to the ids."""
    for name in ("whole", "cut"):
        write_index(tmp_path / "indexes" / name, IMAGES, HELDOUT)
        embed(tmp_path / "indexes" / name)
    write_index(tmp_path / "indexes" / "pipe", IMAGES, HELDOUT)
    [ids] = (tmp_path / "indexes" / "pipe").glob("ids-*.npy")
    ids.unlink()
    os.mkfifo(ids)
    return tmp_path / "indexes"


@pytest.fixture
def client(indexes: Path, tmp_path: Path) -> Iterator[triton_grpc.InferenceServerClient]:
    for model in ("ssim_search", "ssim_index", "copy_search"):
        shutil.copytree(PROJECT / "models" / model, tmp_path / "models" / model)
    with (
        LocalTriton(tmp_path / "models", indexes=indexes, log=tmp_path / "triton.log") as triton,
        triton_grpc.InferenceServerClient(triton.grpc_url) as connection,
    ):
        yield connection


def ask(client: triton_grpc.InferenceServerClient, model: str, **inputs: object) -> str:
    """ "answered", or the error."""
    tensors = []
    for name, value in inputs.items():
        array = np.asarray(value)
        if array.dtype.kind == "U":
            array = array.astype(np.object_)
        kind = np_to_triton_dtype(array.dtype)
        tensor = triton_grpc.InferInput(name, array.shape, kind)
        tensors.append(tensor.set_data_from_numpy(array))
    try:
        client.infer(model, tensors, client_timeout=30)
    except InferenceServerException as error:
        return f"{error.status()}: {error.message()}"
    return "answered"


def ask_all(client: triton_grpc.InferenceServerClient, index: str) -> list[str]:
    """Of each model."""
    k = np.array([3], np.int32)
    query = {"query": IMAGES[:1], "k": k[None], "all_scores": np.array([[False]])}
    vector = unit(COUNT, 0)[17]
    return [
        ask(client, "ssim_search", shard=[[f"{index}/00000"]], **query),
        ask(client, "ssim_index", shard=[index], ids=np.array([5], np.int64)),
        ask(client, "copy_search", index=[index], embedding=vector, k=k, false_alarm_rate=[0.05]),
    ]


def test_files_that_are_cut_while_they_are_searched(
    client: triton_grpc.InferenceServerClient, indexes: Path
) -> None:
    assert ask_all(client, "cut") == ask_all(client, "whole") == ["answered"] * 3
    for file in (indexes / "cut").rglob("*.npy"):
        os.truncate(file, 64)
    for outcome in ask_all(client, "cut"):
        assert "UNAVAILABLE" in outcome
        assert "became shorter while it was searched" in outcome
    assert ask_all(client, "whole") == ["answered"] * 3


def test_files_that_are_replaced_while_they_are_searched(
    client: triton_grpc.InferenceServerClient, indexes: Path
) -> None:
    """What is mapped stays; whoever replaces files replaces the manifest, too."""
    assert ask_all(client, "cut") == ["answered"] * 3
    for file in (indexes / "cut").rglob("*.npy"):
        file.unlink()
        file.write_bytes(b"")
    assert ask_all(client, "cut") == ["answered"] * 3


def test_a_pipe_holds_nobody_up(client: triton_grpc.InferenceServerClient) -> None:
    search, images, _ = ask_all(client, "pipe")
    assert "UNAVAILABLE" in search
    assert "ids-00000" in images
    assert "is missing" in images
    assert ask_all(client, "whole") == ["answered"] * 3
