"""The scan of a shard as an ONNX graph, which runs wherever ONNX Runtime does: on a GPU, too.

    query UINT8 [Q, H, W, C] -> scores FP32 [Q, N], scored UINT8 [Q, 64]

The references are a constant of the graph. `scores` are within the definition's tolerance, as those
of the engine are; `scored` is a sha256 in hexadecimal that names the references: bytes, for a GPU
has no strings.

A `Scan` takes some references at a time and computes what belongs to them alone; a `Scan` within it
takes one query at a time. So the graph is as small, and its activations are as large, whatever the
number of references and of queries, and a query scores the same alone and among others.

Let m be the weighted sum of a window's values in the reference, less the picture's rounded mean; g
that of their products with the query's values, less the query's mean; u the reference's mean there;
v its spread: the weighted sum of squares less m^2 / W. W is the sum of the weights: 49 for
`uniform7`, whose sums are whole numbers, and 1 for `gaussian`. Then, as in the engine,

    SSIM of a window = (slope u + 2 C1) (g - mean m + c) / ((u^2 + power) (v + spread))

with slope = 4 (the query's mean), power = (the query's mean)^2 + C1, mean that of its centred
values, spread = v of the query + W C2 / n and c = W C2 / (2 n), where n normalises the covariance.
Centring keeps the differences exact, or small, where an image is flat, so float32 is enough.

Windows are filtered by products with banded matrices: down the columns, then along the rows. Sums
of `uniform7` are whole numbers below 2^24, so products give them exactly in any order; cuDNN may
choose convolutions, Winograd's or by Fourier transforms, that do not. What belongs to the queries
alone is computed in float64: it is little. On a GPU, TF32 must be off: it rounds factors to eleven
bits.

Shape suffixes: Q queries, N references, K chunks of n, C channels, H, W height and width.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import GraphProto, helper

from animegan_search.ssim.definition import C1, C2, Definition
from training.index.graph_body import DOUBLE, FLOAT, Body, value
from training.index.window_filter import WindowFilter

# Bytes of one activation: a kernel then works for longer than its launch takes, and some ten of
# them leave room for other models on a small GPU.
_ACTIVATION_BYTES = 64 * 2**20
# The first with all that is used here; NVIDIA's images have had both since 2022.
_OPSET, _IR_VERSION = 17, 8
# Protobuf's limit is 2 GiB; the rest of the graph takes some kilobytes for each row and column.
_MOST_BYTES = 2**31 - 2**26

_BYTE = np.dtype(np.uint8)
# What a query brings to the inner loop: its pixels and five numbers for each window.
_TABLES = ("pixels", "whole", "rest", "slope", "power", "spread")


class TooLargeError(ValueError):
    """A shard does not fit into an ONNX file."""


def scan_graph(
    references_NCHW: NDArray[np.uint8], definition: Definition, scored: str
) -> onnx.ModelProto:
    """The graph that scores queries against these references.

    Args:
        references_NCHW: one or more, at least as large as a window.
        definition: which SSIM.
        scored: sha256 of the references as they are stored, in hexadecimal.

    Raises:
        TooLargeError: the references take more than an ONNX file can hold.
        ValueError: they are smaller than a window.
    """
    count, channels, height, width = references_NCHW.shape
    windows = definition.windows(height, width)
    if references_NCHW.nbytes > _MOST_BYTES:
        raise TooLargeError(
            f"{references_NCHW.nbytes} bytes of pixels do not fit into an ONNX file, which holds "
            f"{_MOST_BYTES}: build the index with a smaller --shard-images"
        )
    windowed = WindowFilter(definition, height, width)
    chunks_KnCHW = _chunked(references_NCHW)
    graph = Body("scan")
    planes = graph.cast(graph.op("Transpose", "query", perm=[0, 3, 1, 2]), DOUBLE)
    for name, table in zip(_TABLES, _query_tables(graph, planes, windowed), strict=True):
        graph.cast(table, FLOAT, output=name)
    scores_KQn = graph.op(
        "Scan",
        graph.constant(chunks_KnCHW),
        body=_chunk_graph(chunks_KnCHW.shape[1:], windows, windowed),
        num_scan_inputs=1,
    )
    scores_QKn = graph.op("Transpose", scores_KQn, perm=[1, 0, 2])
    scores_QN = graph.op("Reshape", scores_QKn, graph.constant(np.array([0, -1])))
    graph.slice(scores_QN, 1, 0, count, output="scores")  # without what filled the last chunk up
    queries = graph.op("Shape", "query", start=0, end=1)
    told = np.frombuffer(scored.encode(), _BYTE)
    rows = graph.op("Concat", queries, graph.constant(np.array(told.shape)), axis=0)
    graph.op("Expand", graph.constant(told), rows, output="scored")
    return helper.make_model(
        graph.graph(
            [value("query", _BYTE, ["Q", height, width, channels])],
            [
                value("scores", FLOAT, ["Q", count]),
                value("scored", _BYTE, ["Q", told.size]),
            ],
        ),
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
    )


def _chunked(references: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """[N, C, H, W] -> [K, n, C, H, W]: chunks of one size, the last one filled up."""
    count, *shape = references.shape
    at_most = max(1, _ACTIVATION_BYTES // (int(np.prod(shape)) * FLOAT.itemsize))
    chunks = -(-count // at_most)
    some = -(-count // chunks)
    padded = np.zeros((chunks * some, *shape), np.uint8)
    padded[:count] = references
    return padded.reshape(chunks, some, *shape)


def _chunk_graph(
    shape_nCHW: Sequence[int], windows: tuple[int, int], windowed: WindowFilter
) -> GraphProto:
    """Scores of all queries, which it captures, to a chunk: [n, C, H, W] -> [Q, n]."""
    some, channels, *size = shape_nCHW
    query = Body("query")
    _score(query, windowed, output="score")
    query_graph = query.graph(
        [
            value(_of_query(name), FLOAT, [channels, *(windows if name != "pixels" else size)])
            for name in _TABLES
        ],
        [value("score", FLOAT, [some])],
    )
    chunk = Body("chunk")
    _reference_statistics(chunk, chunk.cast("chunk", FLOAT), windowed)
    chunk.op(
        "Scan", *_TABLES, body=query_graph, num_scan_inputs=len(_TABLES), output="chunk_scores"
    )
    return chunk.graph(
        [value("chunk", _BYTE, shape_nCHW)], [value("chunk_scores", FLOAT, ["Q", some])]
    )


def _query_tables(body: Body, planes: str, windowed: WindowFilter) -> Sequence[str]:
    """What the scores need to know of all queries, by `_TABLES`; "mean" is whole and rest."""
    normaliser = windowed.definition.normaliser
    centred = body.op("Sub", planes, body.op("Round", body.mean(planes, [2, 3], keep=True)))
    mean, brightness = windowed.means(body, centred), windowed.means(body, planes)
    squares = windowed.means(body, body.op("Mul", centred, centred))
    variance = body.op("Sub", squares, body.op("Mul", mean, mean))
    spread = body.op("Add", variance, body.number(C2 / normaliser, DOUBLE))
    whole = body.op("Round", mean)
    return (
        centred,
        whole,
        body.op("Sub", mean, whole),
        body.op("Mul", brightness, body.number(4, DOUBLE)),
        body.op("Add", body.op("Mul", brightness, brightness), body.number(C1, DOUBLE)),
        body.op("Mul", spread, body.number(windowed.weight_sum, DOUBLE)),
    )


def _reference_statistics(body: Body, values: str, windowed: WindowFilter) -> None:
    """What belongs to the references alone; `_score` captures it by the names of the outputs."""
    weights = body.number(windowed.weight_sum)
    centre = body.op("Round", body.mean(values, [2, 3], keep=True))
    centred = body.op("Sub", values, centre, output="values")
    m = windowed.sums(body, centred, output="m")
    whole = body.op("Round", body.op("Div", m, weights))
    rest = body.op("Div", body.op("Sub", m, body.op("Mul", whole, weights)), weights)
    mean = body.op("Add", body.op("Add", whole, centre), rest, output="mean")
    body.op("Mul", mean, mean, output="mean_squared")
    squares = windowed.sums(body, body.op("Mul", centred, centred))
    _less_product(body, squares, m, whole, rest, output="spread_of_references")


def _score(body: Body, windowed: WindowFilter, output: str) -> None:
    """Mean SSIM of one query to a chunk, [n]."""
    pixels, whole, rest, slope, power, spread = map(_of_query, _TABLES)
    products = windowed.sums(body, body.op("Mul", "values", pixels))
    covariance = _less_product(body, products, "m", whole, rest)
    constant = windowed.weight_sum * C2 / (2 * windowed.definition.normaliser)
    contrast = body.op("Add", covariance, body.number(constant))
    luminance = body.op("Add", body.op("Mul", "mean", slope), body.number(2 * C1))
    brightness = body.op("Add", "mean_squared", power)
    variance = body.op("Add", "spread_of_references", spread)
    above, below = body.op("Mul", luminance, contrast), body.op("Mul", brightness, variance)
    # In two steps, whose sums are shorter: they round less.
    rows = body.mean(body.op("Div", above, below), [3])
    body.mean(rows, [1, 2], output=output)


def _less_product(body: Body, values: str, m: str, whole: str, rest: str, output: str = "") -> str:
    """values - m (whole + rest); the first difference is exact where `values` and m are."""
    difference = body.op("Sub", values, body.op("Mul", m, whole))
    return body.op("Sub", difference, body.op("Mul", m, rest), output=output)


def _of_query(table: str) -> str:
    return f"{table}_of_query"
