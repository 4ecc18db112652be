"""The exported graphs: contracts, parity with PyTorch, batches, and what must not be in them."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray

from training.export.graph import Contract, export, serve
from training.export.model import UNROUNDED, ServedModel
from training.export.parity import (
    MAX_ERROR,
    Parity,
    ParityError,
    measure,
    open_session,
    random_inputs,
)
from training.export.stylegan2 import contracts, without_noise
from training.networks.stylegan2 import Generator

Graphs = dict[str, tuple[Contract, onnx.ModelProto]]


@pytest.fixture(scope="session")
def graphs(noisy: Generator) -> Graphs:
    return {contract.name: (contract, export(noisy, contract)) for contract in contracts(noisy)}


@pytest.fixture(scope="session")
def plain_graph(plain: Generator) -> tuple[Contract, onnx.ModelProto]:
    contract = contracts(plain)[0]
    return contract, export(plain, contract)


def served(graphs: Graphs, name: str) -> ServedModel:
    return serve("tiny", *graphs[name])


def run(model: ServedModel, feed: dict[str, NDArray[np.float32]]) -> dict[str, NDArray[np.generic]]:
    names = [spec.name for spec in model.outputs]
    return dict(zip(names, open_session(model.onnx).run(names, feed), strict=True))


@pytest.mark.parametrize("name", ["generator", "mapping", "synthesis", "layers"])
def test_onnx_runtime_computes_what_pytorch_computes(
    graphs: Graphs, noisy: Generator, name: str
) -> None:
    contract, graph = graphs[name]
    parity = measure(contract.graph(noisy), graph, contract.inputs, contract.outputs, seeds=64)
    parity.check(name)
    assert parity.seeds == 64
    assert max(parity.errors.values()) < MAX_ERROR
    assert set(parity.errors) == {s.name for s in contract.outputs if s.dtype == "FP32"}


@pytest.mark.parametrize("name", ["generator", "mapping", "synthesis", "layers"])
def test_a_graph_has_the_tensors_of_its_contract(graphs: Graphs, name: str) -> None:
    model = served(graphs, name)
    session = open_session(model.onnx)
    types = {"FP32": "tensor(float)", "UINT8": "tensor(uint8)"}
    for specs, values in (
        (model.inputs, session.get_inputs()),
        (model.outputs, session.get_outputs()),
    ):
        assert [(s.name, types[s.dtype], ["batch", *s.shape]) for s in specs] == [
            (value.name, value.type, value.shape) for value in values
        ]


def test_an_image_does_not_depend_on_its_batch(graphs: Graphs) -> None:
    model = served(graphs, "generator")
    feed = random_inputs(model.inputs, range(64))
    alone = np.concatenate(
        [run(model, {k: v[i : i + 1] for k, v in feed.items()})["image"] for i in range(64)]
    )
    for size in (2, 7, 64):
        parts = [
            run(model, {k: v[i : i + size] for k, v in feed.items()})["image"]
            for i in range(0, 64, size)
        ]
        np.testing.assert_array_equal(np.concatenate(parts), alone)


def test_mapping_and_synthesis_together_are_the_generator(graphs: Graphs, noisy: Generator) -> None:
    whole = served(graphs, "generator")
    feed = random_inputs(whole.inputs, range(8))
    w = run(served(graphs, "mapping"), {"z": feed["z"]})["w"]
    w_avg = noisy.w_avg.numpy()
    truncated = w_avg + feed["truncation"] * (w - w_avg)
    styles = np.repeat(truncated[:, None], noisy.config.num_layers, axis=1).astype(np.float32)
    parts = {"w": styles, "noise": feed["noise"]}
    images = [
        run(whole, feed)["image"],
        run(served(graphs, "synthesis"), parts)["image"],
        run(served(graphs, "layers"), parts)["image"],
    ]
    for image in images[1:]:
        assert np.abs(image.astype(int) - images[0]).max() <= 1


def test_truncation_zero_is_the_same_face_for_every_seed(
    plain_graph: tuple[Contract, onnx.ModelProto],
) -> None:
    model = serve("tiny", *plain_graph)
    feed = random_inputs(model.inputs, range(8))
    faces = run(model, {**feed, "truncation": np.zeros((8, 1), np.float32)})["image"]
    assert (faces == faces[0]).all()
    assert not (run(model, feed)["image"] == faces).all()


def test_noise_is_an_input_only_where_it_has_an_effect(
    graphs: Graphs, plain_graph: tuple[Contract, onnx.ModelProto]
) -> None:
    assert [spec.name for spec in served(graphs, "generator").inputs] == [
        "z",
        "truncation",
        "noise",
    ]
    assert [spec.name for spec in serve("tiny", *plain_graph).inputs] == ["z", "truncation"]
    model = served(graphs, "generator")
    feed = random_inputs(model.inputs, range(2))
    quiet = run(model, {**feed, "noise": np.zeros_like(feed["noise"])})
    assert (quiet["image"] != run(model, feed)["image"]).any()


def test_noise_can_be_dropped(noisy: Generator) -> None:
    quiet = without_noise(noisy)
    assert [spec.name for spec in contracts(quiet)[0].inputs] == ["z", "truncation"]
    z, noise = torch.randn(2, 8), torch.randn(2, noisy.config.noise_size)
    assert torch.equal(quiet(z), noisy(z))
    assert not torch.equal(quiet(z), noisy(z, None, noise))


def test_z_zero_gives_an_image(graphs: Graphs) -> None:
    """An optimiser that takes `+ 1e-8` for nothing would divide by zero here."""
    feed = {"z": np.zeros((1, 8), np.float32)}
    assert np.isfinite(run(served(graphs, "mapping"), feed)["w"]).all()


def test_what_depends_on_weights_alone_is_folded(graphs: Graphs) -> None:
    model = onnx.load_model_from_string(served(graphs, "synthesis").onnx)
    constants = {tensor.name for tensor in model.graph.initializer}
    constants |= {node.output[0] for node in model.graph.node if node.op_type == "Constant"}
    idle = [
        node.op_type
        for node in model.graph.node
        if node.op_type != "Constant" and set(node.input) <= constants
    ]
    assert idle == []


def test_a_published_graph_has_no_debugging_notes(graphs: Graphs) -> None:
    model = served(graphs, "generator")
    assert str(Path(__file__).parents[4]).encode() not in model.onnx
    assert b"stack_trace" not in model.onnx
    assert UNROUNDED not in [spec.name for spec in model.outputs]


def test_the_same_weights_give_the_same_bytes(graphs: Graphs, noisy: Generator) -> None:
    contract, graph = graphs["mapping"]
    again = serve("tiny", contract, export(noisy, contract))
    assert again.onnx == serve("tiny", contract, graph).onnx


def test_a_graph_of_other_weights_is_refused(graphs: Graphs, noisy: Generator) -> None:
    contract, graph = graphs["mapping"]
    broken = onnx.ModelProto()
    broken.CopyFrom(graph)
    weights = next(t for t in broken.graph.initializer if len(t.dims) == 2)
    array = onnx.numpy_helper.to_array(weights)
    weights.CopyFrom(onnx.numpy_helper.from_array(array * np.float32(1.001), weights.name))
    parity = measure(contract.graph(noisy), broken, contract.inputs, contract.outputs, seeds=8)
    with pytest.raises(ParityError, match="output w is off by"):
        parity.check("tiny_mapping")


@pytest.mark.parametrize(
    ("parity", "message"),
    [
        (Parity(1, {"unrounded": float("nan")}, 0), "unrounded is off by nan"),
        (Parity(1, {"unrounded": 1.01e-4}, 0), "unrounded is off by"),
        (Parity(1, {"unrounded": 0.0}, 2), "a pixel is off by 2 levels"),
    ],
)
def test_parity_is_strict(parity: Parity, message: str) -> None:
    with pytest.raises(ParityError, match=message):
        parity.check("tiny")


def test_parity_notices_not_a_number(graphs: Graphs) -> None:
    class Broken(torch.nn.Module):
        def forward(self, z: torch.Tensor) -> tuple[torch.Tensor, ...]:
            return (torch.full_like(z, float("nan")),)

    contract, graph = graphs["mapping"]
    parity = measure(Broken(), graph, contract.inputs, contract.outputs, seeds=2)
    assert np.isnan(parity.errors["w"])
