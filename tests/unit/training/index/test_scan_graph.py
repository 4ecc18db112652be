"""The scan as an ONNX graph, on ONNX Runtime's CPU provider, against the float64 reference."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from animegan_search.ssim.definition import DEFINITIONS, GAUSSIAN, UNIFORM7, Definition
from animegan_search.ssim.reference import ssim_of_each
from animegan_search.ssim.tiles import Images
from tests.unit.search.ssim.pictures import hard_pictures
from training.index import scan_graph as module
from training.index.scan_graph import TooLargeError, scan_graph

BOTH = pytest.mark.parametrize("which", DEFINITIONS.values(), ids=lambda d: d.name)

# Operators that ONNX Runtime documents kernels of its CUDA provider for, with the types that they
# have here (its docs/OperatorKernels.md).
ON_A_GPU = {
    "Add", "Cast", "Concat", "Div", "Expand", "MatMul", "Mul", "ReduceMean", "Reshape", "Round",
    "Scan", "Shape", "Slice", "Sub", "Transpose",
}  # fmt: skip


def graph(references: Images, which: Definition, scored: str = "") -> onnx.ModelProto:
    return scan_graph(references.transpose(0, 3, 1, 2), which, scored)


def session(
    references: Images, which: Definition, scored: str = ""
) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    model = graph(references, which, scored).SerializeToString()
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def scores(queries: Images, references: Images, which: Definition) -> np.ndarray:
    (result,) = session(references, which).run(["scores"], {"query": queries})
    return np.asarray(result)


def check(queries: Images, references: Images, which: Definition) -> None:
    expected = np.stack([ssim_of_each(query, references, which) for query in queries])
    found = scores(queries, references, which)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=0, atol=which.tolerance)


@BOTH
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(11, 11), (20, 17), (64, 64), (13, 131)])
def test_every_score_is_within_the_definitions_tolerance(
    which: Definition, channels: int, size: tuple[int, int]
) -> None:
    pictures = hard_pictures(*size, channels)
    check(pictures, pictures, which)


@BOTH
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_any_pictures_score_within_the_tolerance(which: Definition, data: st.DataObject) -> None:
    shape = tuple(data.draw(st.integers(which.window, 20)) for _ in range(2))
    channels = data.draw(st.sampled_from([1, 3]))
    references = data.draw(arrays(np.uint8, (data.draw(st.integers(1, 5)), *shape, channels)))
    queries = data.draw(arrays(np.uint8, (data.draw(st.integers(1, 3)), *shape, channels)))
    check(queries, references, which)


@BOTH
@pytest.mark.parametrize("count", [1, 4, 5, 8, 9, 19])
def test_chunks_and_what_fills_the_last_one_up_change_nothing(
    which: Definition, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = hard_pictures(12, 13, 3)
    whole = scores(pictures[:3], pictures[:count], which)
    monkeypatch.setattr(module, "_ACTIVATION_BYTES", 4 * pictures[0].size * 4)
    chunks = [
        constant.dims[0]
        for constant in graph(pictures[:count], which).graph.initializer
        if len(constant.dims) == 5
    ]
    assert chunks == [-(-count // 4)]
    np.testing.assert_array_equal(scores(pictures[:3], pictures[:count], which), whole)


@BOTH
def test_a_query_scores_the_same_alone_and_among_others(which: Definition) -> None:
    pictures = hard_pictures(20, 17, 3)
    together = scores(pictures, pictures, which)
    alone = np.concatenate([scores(query[None], pictures, which) for query in pictures[::6]])
    np.testing.assert_array_equal(together[::6], alone)


def test_every_query_is_told_what_it_was_scored_against() -> None:
    pictures = hard_pictures(11, 11, 1)
    (found,) = session(pictures, UNIFORM7, "a digest").run(["scored"], {"query": pictures[:3]})
    assert [bytes(row) for row in found] == [b"a digest"] * 3


def nodes(body: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    for node in body.node:
        yield node
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                yield from nodes(attribute.g)


@BOTH
def test_the_graph_is_sound_and_a_gpu_can_run_all_of_it(which: Definition) -> None:
    model = graph(hard_pictures(20, 17, 3), which)
    onnx.checker.check_model(model, full_check=True)
    assert {node.op_type for node in nodes(model.graph)} <= ON_A_GPU
    assert {node.domain for node in nodes(model.graph)} == {""}


@BOTH
def test_the_graph_does_not_grow_with_the_index(which: Definition) -> None:
    few, many = (graph(np.zeros((n, 64, 64, 3), np.uint8), which) for n in (1, 3000))
    assert len(list(nodes(many.graph))) == len(list(nodes(few.graph)))
    assert many.ByteSize() - few.ByteSize() < 3001 * 64 * 64 * 3


def test_what_does_not_fit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="gaussian needs images of at least 11x11"):
        graph(np.zeros((1, 8, 8, 3), np.uint8), GAUSSIAN)
    monkeypatch.setattr(module, "_MOST_BYTES", 1000)
    with pytest.raises(TooLargeError, match=r"1200 bytes of pixels .* smaller --shard-images"):
        graph(np.zeros((1, 20, 20, 3), np.uint8), UNIFORM7)
