"""Our ONNX backend in a real Triton: whose error is whose, what is refused, what reloads leave.

Everything that takes no server is in tests/unit/kernels/test_onnxruntime_backend.py."""

import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest
import tritonclient.grpc as triton_grpc
from onnx import TensorProto, helper
from tritonclient.utils import InferenceServerException

from deploy.local.triton import LocalTriton
from deploy.triton_admin import AdminError
from tests.integration.local.inference import infer
from tests.integration.onnx_files import Tensors, config_text, onnx_model

ROWS = np.arange(32, dtype=np.float32).reshape(8, 4)
GOOD, BAD = 3, 99
INPUTS = {"index": ("FP32", [1])}
ANY: Tensors = {"x": ("FP32", [-1])}
ANY_OUT: Tensors = {"y": ("FP32", [-1])}
OUTPUTS = {"row": ("FP32", [1, 4]), "double": ("FP32", [1, 4])}


def write_lookup(repository: Path) -> None:
    """A model that looks a row up by its number: a number that is too large fails at run time."""
    nodes = [
        helper.make_node("Cast", ["index"], ["integer"], to=TensorProto.INT64),
        helper.make_node("Gather", ["rows", "integer"], ["row"]),
        helper.make_node("Add", ["row", "row"], ["double"]),
    ]
    graph = onnx_model(nodes, INPUTS, OUTPUTS, {"rows": ROWS})
    folder = repository / "lookup"
    (folder / "1").mkdir(parents=True)
    (folder / "1" / "model.onnx").write_bytes(graph.SerializeToString())
    # A long delay, so that requests of several callers meet in one batch.
    config = config_text(
        "lookup", INPUTS, OUTPUTS, parameters={}, instances=1, queue_delay_us=200_000
    )
    (folder / "config.pbtxt").write_text(config)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalTriton]:
    """A Triton that serves the lookup model."""
    folder = tmp_path_factory.mktemp("lookup")
    write_lookup(folder / "models")
    with LocalTriton(folder / "models", log=folder / "triton.log") as running:
        yield running


@pytest.fixture(scope="module")
def client(server: LocalTriton) -> Iterator[triton_grpc.InferenceServerClient]:
    with triton_grpc.InferenceServerClient(server.grpc_url) as connection:
        yield connection


def write_doubling(server: LocalTriton, name: str, inputs: Tensors, card: bytes | None) -> None:
    """A model with an input "x" of any length; its config may say otherwise."""
    graph = onnx_model([helper.make_node("Add", ["x", "x"], ["y"])], ANY, ANY_OUT, {})
    content, parameters = graph.SerializeToString(), {}
    if card is not None:
        digest = hashlib.sha256(card).hexdigest()
        told = {"files": {"model.onnx": {"sha256": digest}}}
        parameters["model_card_1"] = json.dumps(told)
    folder = server.settings.model_repository / name
    (folder / "1").mkdir(parents=True)
    (folder / "1" / "model.onnx").write_bytes(content)
    config = config_text(name, inputs, ANY_OUT, parameters=parameters, instances=1)
    (folder / "config.pbtxt").write_text(config)


def index(number: int) -> dict[str, np.ndarray]:
    return {"index": np.array([[number]], np.float32)}


def test_one_bad_request_does_not_fail_its_batch(client: triton_grpc.InferenceServerClient) -> None:
    def outcome(number: int) -> str:
        try:
            row = infer(client, "lookup", index(number)).as_numpy("row")
        except InferenceServerException as error:
            return error.status() + error.message()
        assert row.tolist() == [[ROWS[number].tolist()]]
        return "served"

    before = client.get_inference_statistics("lookup").model_stats[0].execution_count
    with ThreadPoolExecutor(max_workers=16) as callers:
        outcomes = list(callers.map(outcome, [*[GOOD] * 15, BAD]))
    executed = client.get_inference_statistics("lookup").model_stats[0].execution_count - before

    assert executed < 16, "they met in a batch"
    assert outcomes[:15] == ["served"] * 15
    assert "INVALID_ARGUMENT" in outcomes[15]
    assert "out of data bounds" in outcomes[15]


def test_only_the_requested_output_is_sent(client: triton_grpc.InferenceServerClient) -> None:
    result = infer(client, "lookup", index(GOOD), "double")

    assert result.as_numpy("double").tolist() == [[(2 * ROWS[GOOD]).tolist()]]
    assert result.as_numpy("row") is None


def test_all_outputs_are_sent_if_none_is_named(client: triton_grpc.InferenceServerClient) -> None:
    result = infer(client, "lookup", index(GOOD))

    assert result.as_numpy("double").tolist() == (2 * result.as_numpy("row")).tolist()


@pytest.mark.parametrize(
    ("name", "inputs", "card", "complaint"),
    [
        ("damaged", ANY, b"another file", "its sha256 is not the one in its card"),
        ("lacking", {**ANY, "z": ("FP32", [1])}, None, "tensors that the graph lacks: z"),
        ("unlike", {"x": ("UINT8", [-1])}, None, "x is TYPE_UINT8, in the graph it is TYPE_FP32"),
        ("text", {"x": ("STRING", [-1])}, None, "TYPE_STRING is not served"),
    ],
)
def test_what_would_fail_at_every_request_is_not_loaded(
    server: LocalTriton, name: str, inputs: Tensors, card: bytes | None, complaint: str
) -> None:
    write_doubling(server, name, inputs, card)
    with server.admin() as admin, pytest.raises(AdminError, match=complaint):
        admin.load(name)


def test_reloads_leave_neither_memory_nor_files(
    server: LocalTriton, client: triton_grpc.InferenceServerClient
) -> None:
    write_doubling(server, "reloaded", ANY, None)
    process = psutil.Process(server.pid)
    memory, files = [], []
    x = np.ones((1, 1000), np.float32)
    with server.admin() as admin:
        for number in range(1, 201):
            admin.load("reloaded")
            infer(client, "reloaded", {"x": x})
            admin.unload("reloaded")
            if number in (20, 200):
                memory.append(process.memory_info().rss)
                files.append(process.num_fds())
    assert files[1] <= files[0] + 1, "a connection of Triton's own may come or go"
    assert memory[1] - memory[0] < 4 * 2**20
