"""The backend `onnxruntime` without a server: all that a Triton could do to it."""

import ctypes
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import psutil
import pytest
from google.protobuf import json_format, text_format
from onnx import TensorProto, helper, numpy_helper
from tritonclient.grpc import model_config_pb2

from animegan_kernels.libraries import CONVOLUTION
from tests.requires import require_library
from tests.unit.kernels.fake_triton import (
    CANCELLED,
    GPU,
    INVALID_ARGUMENT,
    TYPES,
    UNAVAILABLE,
    Failed,
    FakeTriton,
    LoadError,
    Request,
    compile_library,
    onnxruntime_library,
)

MODELS = Path(__file__).resolve().parents[3] / "models"
SHIPPED = sorted(path.parents[1].name for path in MODELS.glob("*/1/model.onnx"))
ROWS = np.arange(32, dtype=np.float32).reshape(8, 4)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    return compile_library(tmp_path_factory.mktemp("library"))


@pytest.fixture
def triton(library: ctypes.CDLL, tmp_path: Path) -> Iterator[FakeTriton]:
    """Every test gives back what it was lent, whatever went wrong in it."""
    server = FakeTriton(library, tmp_path, {"library": str(onnxruntime_library())})
    server.counts()
    yield server
    server.close()
    assert server.counts().lent == 0


def tensor(name: str, kind: str, *dims: int, **more: Any) -> dict[str, Any]:
    return {"name": name, "data_type": f"TYPE_{kind}", "dims": list(dims), **more}


def config(
    inputs: Sequence[dict[str, Any]],
    outputs: Sequence[dict[str, Any]],
    batch: int = 64,
    **parameters: str,
) -> dict[str, Any]:
    return {
        "name": "model",
        "max_batch_size": batch,
        "default_model_filename": "model.onnx",
        "input": inputs,
        "output": outputs,
        "parameters": {key: {"string_value": value} for key, value in parameters.items()},
    }


def save(folder: Path, nodes: Sequence[onnx.NodeProto], inputs: Mapping[str, tuple[int, Any]],
         outputs: Mapping[str, tuple[int, Any]], **constants: np.ndarray) -> bytes:  # fmt: skip
    """Write version 1 of a graph; tensors are element type and shape."""

    def infos(tensors: Mapping[str, tuple[int, Any]]) -> list[onnx.ValueInfoProto]:
        return [
            helper.make_tensor_value_info(n, kind, shape) for n, (kind, shape) in tensors.items()
        ]

    stored = [numpy_helper.from_array(array, name) for name, array in constants.items()]
    graph = helper.make_graph(nodes, "small", infos(inputs), infos(outputs), stored)
    opsets = [helper.make_opsetid("", 18)]
    content = helper.make_model(graph, opset_imports=opsets, ir_version=10).SerializeToString()
    (folder / "1").mkdir(exist_ok=True)
    (folder / "1" / "model.onnx").write_bytes(content)
    return bytes(content)


FLOAT = TensorProto.FLOAT
SUM = config(
    [tensor("x", "FP32", -1), tensor("bias", "FP32", 1, optional=True)], [tensor("y", "FP32", -1)]
)


def save_sum(folder: Path) -> bytes:
    """y = x + bias, which is 100 where it is left out."""
    node = helper.make_node("Add", ["x", "bias"], ["y"])
    inputs = {"x": (FLOAT, ["n", "m"]), "bias": (FLOAT, ["k", 1])}
    bias = np.array([[100]], np.float32)
    return save(folder, [node], inputs, {"y": (FLOAT, ["n", "m"])}, bias=bias)


def save_lookup(folder: Path, **parameters: str) -> dict[str, Any]:
    """Row i of a table, and its double: a number that is too large fails when it runs."""
    nodes = [
        helper.make_node("Gather", ["rows", "i"], ["row"]),
        helper.make_node("Add", ["row", "row"], ["double"]),
    ]
    outputs = {name: (FLOAT, ["n", 1, 4]) for name in ("row", "double")}
    save(folder, nodes, {"i": (TensorProto.INT64, ["n", 1])}, outputs, rows=ROWS)
    asked = [tensor("row", "FP32", 1, 4), tensor("double", "FP32", 1, 4)]
    return config([tensor("i", "INT64", 1)], asked, **parameters)


def numbers(*values: int) -> dict[str, np.ndarray]:
    return {"i": np.array(values, np.int64)[:, None]}


def floats(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


# ---- requests


def test_requests_are_joined_run_in_slices_and_taken_apart(
    triton: FakeTriton, tmp_path: Path
) -> None:
    model = triton.load(tmp_path, save_lookup(tmp_path))
    wanted = [[1], [5] * 20, [2, 3], [0, 7, 6, 5, 4, 3, 2, 1]]
    answers = model.run(*(Request(numbers(*each), ["row", "double"]) for each in wanted))
    for answer, each in zip(answers, wanted, strict=True):
        assert isinstance(answer, dict)
        np.testing.assert_array_equal(answer["row"], ROWS[each][:, None])
        np.testing.assert_array_equal(answer["double"], 2 * ROWS[each][:, None])
    counts = triton.counts()
    assert (counts.reported, counts.batches, counts.rows, counts.logged) == (4, 1, 31, 0)
    model.unload()


def test_one_bad_request_fails_alone(triton: FakeTriton, tmp_path: Path) -> None:
    model = triton.load(tmp_path, save_lookup(tmp_path))
    good, bad, last = model.run(*(Request(numbers(i), ["row"]) for i in (3, 99, 4)))
    assert isinstance(good, dict) and isinstance(last, dict)
    np.testing.assert_array_equal(good["row"], ROWS[None, [3]])
    np.testing.assert_array_equal(last["row"], ROWS[None, [4]])
    assert isinstance(bad, Failed)
    assert bad.code == INVALID_ARGUMENT
    assert "out of data bounds" in bad.message
    assert "a batch of 3 failed, retrying singly: onnxruntime: " in triton.counts().last_log
    model.unload()


def test_instances_share_a_model_and_run_side_by_side(triton: FakeTriton, tmp_path: Path) -> None:
    model = triton.load(tmp_path, save_lookup(tmp_path))

    def serve(row: int) -> None:
        for _ in range(100):
            answers = model.run(*[Request(numbers(row, row), ["row"])] * 3)
            for answer in answers:
                assert isinstance(answer, dict)
                np.testing.assert_array_equal(answer["row"], ROWS[[row, row], None])

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(serve, range(8)))
    counts = triton.counts()
    assert (counts.reported, counts.batches, counts.rows) == (2400, 800, 4800)
    model.unload()


def test_only_what_is_asked_for_is_answered(triton: FakeTriton, tmp_path: Path) -> None:
    model = triton.load(tmp_path, save_lookup(tmp_path))
    one, other, none = model.run(
        Request(numbers(1), ["double"]), Request(numbers(2), ["row"]), Request(numbers(3), ["no"])
    )
    assert isinstance(one, dict) and isinstance(other, dict)
    assert (list(one), list(other), none) == (["double"], ["row"], {})
    model.unload()


@pytest.mark.parametrize("pieces", [1, 2, 7])
@pytest.mark.parametrize("shift", [0, 1])
@pytest.mark.parametrize("others", [0, 2])
def test_inputs_in_several_buffers_anywhere_in_memory(
    triton: FakeTriton, tmp_path: Path, pieces: int, shift: int, others: int
) -> None:
    save_sum(tmp_path)
    model = triton.load(tmp_path, SUM)
    arrays = [floats(3, 5, seed=seed) for seed in range(1 + others)]
    answers = model.run(*(Request({"x": x}, pieces=pieces, shift=shift) for x in arrays))
    for answer, x in zip(answers, arrays, strict=True):
        assert isinstance(answer, dict)
        np.testing.assert_array_equal(answer["y"], x + np.float32(100))
    model.unload()


def test_optional_inputs_that_differ_are_run_singly(triton: FakeTriton, tmp_path: Path) -> None:
    save_sum(tmp_path)
    model = triton.load(tmp_path, SUM)
    x, bias = floats(1, 4), np.array([[7]], np.float32)
    answers = model.run(Request({"x": x}), Request({"x": x, "bias": bias}))
    for answer, wanted in zip(answers, (x + np.float32(100), x + np.float32(7)), strict=True):
        assert isinstance(answer, dict)
        np.testing.assert_array_equal(answer["y"], wanted)
    assert "optional inputs differ" in triton.counts().last_log
    together = model.run(*[Request({"x": x, "bias": bias})] * 2)
    assert triton.counts().logged == 0
    assert all(isinstance(each, dict) for each in together)
    model.unload()


def test_sizes_that_differ_are_run_singly(triton: FakeTriton, tmp_path: Path) -> None:
    save_sum(tmp_path)
    model = triton.load(tmp_path, SUM)
    answers = model.run(*(Request({"x": floats(2, width)}) for width in (3, 4, 3)))
    for answer, width in zip(answers, (3, 4, 3), strict=True):
        assert isinstance(answer, dict)
        np.testing.assert_array_equal(answer["y"], floats(2, width) + np.float32(100))
    assert "sizes of requests differ" in triton.counts().last_log
    model.unload()


def test_cancelled_requests_are_not_run(triton: FakeTriton, tmp_path: Path) -> None:
    model = triton.load(tmp_path, save_lookup(tmp_path))
    cancelled, served = model.run(
        Request(numbers(99), ["row"], cancelled=True), Request(numbers(2), ["row"])
    )
    assert isinstance(cancelled, Failed)
    assert cancelled.code == CANCELLED
    assert isinstance(served, dict)
    counts = triton.counts()
    assert (counts.reported, counts.batches, counts.rows, counts.logged) == (2, 1, 1, 0)
    model.run(Request(numbers(1), ["row"], cancelled=True))
    assert triton.counts().batches == 0
    model.unload()


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        (Request({}), INVALID_ARGUMENT, "unknown request input name"),
        (Request({"x": floats(2, 3)}, memory=GPU), INVALID_ARGUMENT, "memory of a GPU"),
        (Request({"x": floats(2, 3)}, shapes={"x": [2, 4]}), INVALID_ARGUMENT, "do not fit"),
        (Request({"x": floats(2, 3)}, shapes={"x": [-2, -3]}), INVALID_ARGUMENT, "do not fit"),
        (
            Request({"x": floats(2, 3)}, shapes={"x": [2**62, 2**62]}),
            INVALID_ARGUMENT,
            "do not fit",
        ),
        (Request({"x": floats(1)}, shapes={"x": [1] * 17}), INVALID_ARGUMENT, "16 dimensions"),
        (Request({"x": floats(1)}, shapes={"x": []}), INVALID_ARGUMENT, "no batch dimension"),
        (Request({"x": floats(0, 3)}), INVALID_ARGUMENT, "an empty one"),
        (Request({"x": floats(0)}, shapes={"x": [2**31, 0]}), INVALID_ARGUMENT, "2^31 rows"),
        (
            Request({"x": floats(2, 3), "bias": floats(1, 1)}),
            INVALID_ARGUMENT,
            "differ in their batch sizes",
        ),
        (Request({"x": np.zeros((1, 3))}), INVALID_ARGUMENT, "another type"),
        (Request({"x": floats(1, 3)}, refuses_buffers=True), UNAVAILABLE, "no buffer for you"),
    ],
)
def test_what_cannot_be_run_is_refused_and_harms_nobody(
    triton: FakeTriton, tmp_path: Path, request_: Request, code: int, message: str
) -> None:
    save_sum(tmp_path)
    model = triton.load(tmp_path, SUM)
    [alone] = model.run(request_)
    assert isinstance(alone, Failed)
    assert (alone.code, message in alone.message) == (code, True), alone
    good = Request({"x": floats(1, 3)})
    first, again, last = model.run(good, request_, good)
    assert again == alone
    assert isinstance(first, dict) and isinstance(last, dict)
    model.unload()


@pytest.mark.parametrize("pieces", [0, 1, 2])
def test_a_tensor_without_elements_is_served(
    triton: FakeTriton, tmp_path: Path, pieces: int
) -> None:
    save_sum(tmp_path)
    model = triton.load(tmp_path, SUM)
    assert model.one(Request({"x": floats(3, 0)}, pieces=pieces))["y"].shape == (3, 0)
    first, second = model.run(*[Request({"x": floats(3, 0)}, pieces=pieces)] * 2)
    assert isinstance(first, dict) and isinstance(second, dict)
    assert first["y"].shape == second["y"].shape == (3, 0)
    model.unload()


def test_every_type_that_both_have(triton: FakeTriton, tmp_path: Path) -> None:
    names = TYPES[1:]
    kinds = {name: helper.np_dtype_to_tensor_dtype(np.dtype(name)) for name in names}
    nodes = [helper.make_node("Identity", [name], [f"{name}_out"]) for name in names]
    shape = ["n", 3]
    save(tmp_path, nodes, {n: (k, shape) for n, k in kinds.items()},
         {f"{n}_out": (k, shape) for n, k in kinds.items()})  # fmt: skip
    called = [n.upper().replace("FLOAT", "FP") for n in names]
    inputs = [tensor(n, kind, 3) for n, kind in zip(names, called, strict=True)]
    outputs = [tensor(f"{n}_out", kind, 3) for n, kind in zip(names, called, strict=True)]
    model = triton.load(tmp_path, config(inputs, outputs))
    sent = {name: np.array([[0, 1, 1], [1, 0, 1]]).astype(name) for name in names}
    request = Request(sent, [f"{name}_out" for name in names])
    for answer in model.run(request, request):
        assert isinstance(answer, dict)
        for name in names:
            assert answer[f"{name}_out"].dtype == name
            np.testing.assert_array_equal(answer[f"{name}_out"], sent[name])
    model.unload()


def test_a_model_that_does_not_batch(triton: FakeTriton, tmp_path: Path) -> None:
    node = helper.make_node("ReduceSum", ["x"], ["y"], keepdims=0)
    save(tmp_path, [node], {"x": (FLOAT, ["n"])}, {"y": (FLOAT, [])})
    text = config([tensor("x", "FP32", -1)], [tensor("y", "FP32")], batch=0)
    model = triton.load(tmp_path, text)
    answers = model.run(*(Request({"x": np.ones(n, np.float32)}) for n in (1, 20)))
    assert [a["y"].tolist() for a in answers if isinstance(a, dict)] == [1, 20]
    model.unload()


def test_an_output_without_the_batch_cannot_be_taken_apart(
    triton: FakeTriton, tmp_path: Path
) -> None:
    node = helper.make_node("ReduceSum", ["x", "axes"], ["y"], keepdims=1)
    axes = np.array([0])
    save(tmp_path, [node], {"x": (FLOAT, ["n", 2])}, {"y": (FLOAT, [1, 2])}, axes=axes)
    model = triton.load(tmp_path, config([tensor("x", "FP32", 2)], [tensor("y", "FP32", 2)]))
    assert model.one(Request({"x": np.ones((3, 2), np.float32)}))["y"].tolist() == [[3, 3]]
    first, second = model.run(*[Request({"x": np.ones((2, 2), np.float32)})] * 2)
    assert isinstance(first, dict) and isinstance(second, dict)
    assert first["y"].tolist() == second["y"].tolist() == [[2, 2]]
    [sliced] = model.run(Request({"x": np.ones((9, 2), np.float32)}))
    assert isinstance(sliced, Failed)
    assert "cannot be taken apart" in sliced.message
    model.unload()


@pytest.mark.parametrize("name", SHIPPED)
def test_the_models_that_ship_answer_what_onnxruntime_does_in_process(
    library: ctypes.CDLL, tmp_path: Path, name: str
) -> None:
    """Upscalers on our convolutions, which lie beside the backend."""
    convolutions = require_library(CONVOLUTION)
    shutil.copy(convolutions, tmp_path / CONVOLUTION.file_name)
    triton = FakeTriton(library, tmp_path, {"library": str(onnxruntime_library())})
    triton.counts()
    text = json.loads(configuration(MODELS / name))
    model = triton.load(MODELS / name, text)
    assert triton.counts().logged == 0
    options = ort.SessionOptions()
    options.register_custom_ops_library(str(convolutions))
    native = MODELS / name / "1" / "model.native.onnx"
    path = native if native.is_file() else native.with_name("model.onnx")
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    inputs = {each["name"]: drawn(each) for each in text["input"]}
    outputs = [each["name"] for each in text["output"]]
    answer = model.one(Request(inputs, outputs))
    # One after the other: where sizes are free, ONNX Runtime's own rounding depends on company.
    alone = [session.run(outputs, {n: a[i : i + 1] for n, a in inputs.items()}) for i in range(3)]
    together = session.run(outputs, inputs)
    free = any(-1 in each["dims"] for each in text["input"])
    for place, output in enumerate(outputs):
        wanted = np.concatenate([each[place] for each in alone]) if free else together[place]
        np.testing.assert_array_equal(answer[output], wanted)
    model.unload()
    triton.close()


def drawn(described: Mapping[str, Any]) -> np.ndarray:
    """Three rows for an input of a configuration."""
    shape = [3, *(size if size > 0 else 17 + axis for axis, size in enumerate(described["dims"]))]
    random = np.random.default_rng(0)
    if described["data_type"] == "TYPE_UINT8":
        return random.integers(0, 256, shape, np.uint8)
    assert described["data_type"] == "TYPE_FP32"
    return random.standard_normal(shape).astype(np.float32)


def test_native_files_are_checked_and_what_lacks_them_is_served_without(
    library: ctypes.CDLL, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(MODELS / "upscale_compact_2x", folder)
    shutil.copy(require_library(CONVOLUTION), tmp_path / CONVOLUTION.file_name)
    triton = FakeTriton(library, tmp_path, {"library": str(onnxruntime_library())})
    triton.counts()
    text = json.loads(configuration(folder))
    native = folder / "1" / "model.native.onnx"
    content = native.read_bytes()
    native.write_bytes(content[:-1])
    with pytest.raises(LoadError, match=r"model.native.onnx: its sha256 is not the one in its"):
        triton.load(folder, text)
    native.unlink()
    with pytest.raises(LoadError, match=r"model.native.onnx: No such file"):
        triton.load(folder, text)
    told = json.loads(text["parameters"]["model_card_1"]["string_value"])
    del told["files"][native.name]  # as versions are that were exported before
    text["parameters"]["model_card_1"]["string_value"] = json.dumps(told)
    triton.load(folder, text).unload()
    counts = triton.counts()
    assert counts.logged == 1
    assert "without the native convolutions" in counts.last_log
    assert "the model's card does not know it" in counts.last_log
    triton.close()
    assert triton.counts().lent == 0


def configuration(folder: Path) -> str:
    """As Triton gives it to backends."""
    parsed = text_format.Parse(
        (folder / "config.pbtxt").read_text(), model_config_pb2.ModelConfig()
    )
    told = json_format.MessageToDict(parsed, preserving_proto_field_name=True)
    for each in [*told["input"], *told["output"]]:
        each["dims"] = [int(size) for size in each["dims"]]
    return json.dumps(told)


# ---- loading


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"input": []}, "1 to 256 inputs"),
        ({"input": [tensor("i", "INT64", 1)] * 257}, "1 to 256 inputs"),
        ({"input": [tensor("i", "STRING", 1)]}, "TYPE_STRING is not served.*: i"),
        ({"input": [tensor("i", "FP8", 1)]}, "an unknown data_type: i"),
        ({"input": [{"name": "i", "data_type": "TYPE_INT64"}]}, "without dims: i"),
        ({"input": [{"data_type": "TYPE_INT64", "dims": [1]}]}, "without a name"),
        ({"input": [tensor("i\0i", "INT64", 1)]}, "without a name"),
        ({"input": [tensor("i", "INT32", 1)]}, "i is TYPE_INT32, in the graph it is TYPE_INT64"),
        ({"input": [tensor("j", "INT64", 1)]}, "lacks inputs that the graph needs: i"),
        (
            {"input": [tensor(name, "INT64", 1) for name in "ijk"]},
            "names tensors that the graph lacks: j, k",
        ),
        ({"output": [tensor("triple", "FP32", 1)]}, "names tensors that the graph lacks: triple"),
        ({"default_model_filename": "../1/model.onnx"}, "must lie in the version's folder"),
        ({"default_model_filename": "other.onnx"}, "other.onnx: No such file"),
        ({"default_model_filename": "."}, "no regular file"),
        (
            {"parameters": {"intra_op_thread_count": {"string_value": "-1"}}},
            "intra_op_thread_count must be 0 to 1024: -1",
        ),
        (
            {"parameters": {"intra_op_thread_count": {"string_value": "two"}}},
            "intra_op_thread_count must be 0 to 1024: two",
        ),
        ({"parameters": {"model_card_1": {"string_value": "{"}}}, "card cannot be read"),
        ({"parameters": {"model_card_1": {"string_value": "{}"}}}, "card does not know it"),
    ],
)
def test_a_configuration_that_does_not_fit_is_refused(
    triton: FakeTriton, tmp_path: Path, change: dict[str, Any], complaint: str
) -> None:
    text = save_lookup(tmp_path) | change
    with pytest.raises(LoadError, match=complaint):
        triton.load(tmp_path, text)


@pytest.mark.parametrize("text", ["", "[", "[]", "{}", '{"input": [1], "output": 2}'])
def test_what_is_no_configuration_is_refused(triton: FakeTriton, tmp_path: Path, text: str) -> None:
    with pytest.raises(LoadError, match="the model's configuration: "):
        triton.load(tmp_path, text)


def card(**files: bytes) -> str:
    digests = {name: {"sha256": hashlib.sha256(data).hexdigest()} for name, data in files.items()}
    return json.dumps({"files": digests})


def test_a_file_that_is_not_the_cards_is_refused(triton: FakeTriton, tmp_path: Path) -> None:
    path = tmp_path / "1" / "model.onnx"
    save_lookup(tmp_path)
    content = path.read_bytes()
    text = save_lookup(tmp_path, model_card_1=card(**{"model.onnx": content}))
    triton.load(tmp_path, text).unload()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(LoadError, match=r"model.onnx: its sha256 is not the one in its card"):
        triton.load(tmp_path, text)
    path.write_bytes(b"")
    with pytest.raises(LoadError, match="it is empty, or has 2 GiB"):
        triton.load(tmp_path, text)
    with path.open("wb") as file:
        file.truncate(2**31)  # takes no room
    with pytest.raises(LoadError, match="it is empty, or has 2 GiB"):
        triton.load(tmp_path, text)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(LoadError, match="no regular file"):
        triton.load(tmp_path, text)


def test_without_the_library_of_convolutions_the_plain_file_is_served(
    triton: FakeTriton, tmp_path: Path
) -> None:
    model = triton.load(tmp_path, save_lookup(tmp_path, native_convolutions="1"))
    counts = triton.counts()
    assert counts.logged == 1
    assert "without the native convolutions" in counts.last_log
    assert isinstance(model.one(Request(numbers(1), ["row"])), dict)
    model.unload()


def test_loading_and_unloading_leaves_nothing(triton: FakeTriton, tmp_path: Path) -> None:
    text, process = save_lookup(tmp_path), psutil.Process()
    sizes, descriptors = [], []
    for round_ in range(200):
        model = triton.load(tmp_path, text)
        model.one(Request(numbers(1, 2), ["row"]))
        model.unload()
        if round_ in (19, 199):
            sizes.append(process.memory_info().rss)
            descriptors.append(process.num_fds())
    assert descriptors[1] == descriptors[0]
    assert sizes[1] - sizes[0] < 2 * 2**20


# ---- the runtime


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({}, "it is not given"),
        ({"library": "/nowhere/libonnxruntime.so"}, "cannot open shared object file"),
        ({"library": "libm.so.6"}, "libm.so.6: it lacks OrtGetApiBase"),
    ],
)
def test_without_onnxruntime_the_backend_says_what_is_missing(
    library: ctypes.CDLL, tmp_path: Path, options: dict[str, str], complaint: str
) -> None:
    with pytest.raises(LoadError, match=f"onnxruntime,library=FILE must name .*{complaint}"):
        FakeTriton(library, tmp_path, options)
