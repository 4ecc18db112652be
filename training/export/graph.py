"""From a contract to an ONNX graph with a dynamic batch, whatever the architecture."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import onnx
import torch
from onnxscript import ir, optimizer
from torch import nn

from training.export.model import ANY, UNROUNDED, ServedModel, TensorSpec
from training.export.native import native

OPSET = 18
_ANY_SIZE = 2**31  # bytes


@dataclass(frozen=True)
class Contract:
    """One graph to export.

    Attributes:
        name: "generator" (z -> image), "mapping", "synthesis", "layers", "embedding" or "upscaler".
        suffix: what the model's name gets appended.
        graph: the module, given the network.
        inputs: without the batch; `noise` only where it has an effect.
        outputs: without the batch; `unrounded` is not published.
        instances: two where traffic is, so that batches form while another runs.
        threads: of each; 0, as many as there are cores, where one run is much work.
        mem_arena: where activations are so large that fresh memory for them costs time.
        native_convolutions: where 3x3 convolutions take most of the time: a second file has ours.
        folded_bytes: constants up to this size are computed here; the rest, when a graph is loaded,
            from what is smaller in the file.
    """

    name: str
    suffix: str
    graph: Callable[[Any], nn.Module]
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    instances: int = 1
    threads: int = 1
    mem_arena: bool = False
    native_convolutions: bool = False
    folded_bytes: int = _ANY_SIZE


def export(network: nn.Module, contract: Contract) -> onnx.ModelProto:
    """Trace one contract into a checked ONNX graph that still has the `unrounded` output."""
    # A batch of 2: the exporter takes sizes 0 and 1 for constants.
    arguments = tuple(
        torch.from_numpy(np.zeros((2, *spec.example_shape), spec.numpy_dtype))
        for spec in contract.inputs
    )
    with _quiet_exporter():
        exported = torch.onnx.export(
            contract.graph(network).eval(),
            arguments,
            input_names=[spec.name for spec in contract.inputs],
            output_names=[spec.name for spec in contract.outputs],
            dynamic_shapes=tuple(_dynamic_axes(spec) for spec in contract.inputs),
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
            optimize=False,
            verbose=False,
        )
        program = cast(torch.onnx.ONNXProgram, exported)  # None is for the old exporter
        _fold_constants(program.model, contract.folded_bytes)
    graph = _without_traces(program.model_proto)
    onnx.checker.check_model(graph, full_check=True)
    return graph


def serve(name: str, contract: Contract, graph: onnx.ModelProto) -> ServedModel:
    """Make the published model of an exported graph: the same nodes without `unrounded`."""
    published = onnx.ModelProto()
    published.CopyFrom(graph)
    outputs = tuple(spec for spec in contract.outputs if spec.name != UNROUNDED)
    kept = [value for value in published.graph.output if value.name != UNROUNDED]
    del published.graph.output[:]
    published.graph.output.extend(kept)
    onnx.checker.check_model(published, full_check=True)
    serialised = published.SerializeToString(deterministic=True)
    return ServedModel(
        name=name + contract.suffix,
        contract=contract.name,
        onnx=serialised,
        inputs=contract.inputs,
        outputs=outputs,
        instances=contract.instances,
        threads=contract.threads,
        mem_arena=contract.mem_arena,
        native=native(serialised) if contract.native_convolutions else None,
    )


def _dynamic_axes(spec: TensorSpec) -> dict[int, Any]:
    """The axes whose sizes the graph must not fix, named; the batch is common to all inputs."""
    axes = {
        1 + axis: torch.export.Dim(f"{spec.name}_{axis}", min=1)
        for axis, size in enumerate(spec.shape)
        if size == ANY
    }
    return {0: torch.export.Dim("batch"), **axes}


@contextmanager
def _quiet_exporter() -> Iterator[None]:
    """Hide what torch's exporter says about its own libraries: none of it is ours to mend."""
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)  # "torchvision is not installed", four times
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            warnings.simplefilter("ignore", FutureWarning)
            # Both inputs have the batch: that is the point, and the exporter warns about it.
            warnings.filterwarnings("ignore", "# The axis name: batch", UserWarning)
            yield
    finally:
        log.setLevel(level)


def _fold_constants(model: ir.Model, size: int) -> None:
    """Compute once what depends on weights alone: scaled weights, the energies of demodulation.

    The exporter's own `optimize` does more, and one thing too much: it takes `x + 1e-8` for `x`, so
    z = 0 would give NaN.
    """
    optimizer.fold_constants(model, input_size_limit=_ANY_SIZE, output_size_limit=size)
    optimizer.remove_unused_nodes(model)


def _without_traces(model: onnx.ModelProto) -> onnx.ModelProto:
    """Drop the exporter's debugging notes: they hold source lines and this machine's paths."""
    del model.metadata_props[:]
    del model.graph.metadata_props[:]
    model.graph.doc_string = ""
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for value in [*model.graph.value_info, *model.graph.input, *model.graph.output]:
        del value.metadata_props[:]
    return model
