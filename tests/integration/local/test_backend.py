"""Our ONNX backend: errors stay with the request that made them, outputs with those who asked."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import tritonclient.grpc as triton_grpc
from onnx import TensorProto, helper
from tritonclient.utils import InferenceServerException

from deploy.local.triton import LocalTriton
from tests.integration.local.inference import infer
from tests.integration.onnx_files import config_text, onnx_model

ROWS = np.arange(32, dtype=np.float32).reshape(8, 4)
GOOD, BAD = 3, 99
INPUTS = {"index": ("FP32", [1])}
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
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[triton_grpc.InferenceServerClient]:
    """A client of a Triton that serves the lookup model."""
    folder = tmp_path_factory.mktemp("lookup")
    write_lookup(folder / "models")
    with (
        LocalTriton(folder / "models", log=folder / "triton.log") as server,
        triton_grpc.InferenceServerClient(server.grpc_url) as connection,
    ):
        yield connection


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
