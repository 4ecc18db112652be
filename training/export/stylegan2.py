"""The four tensor contracts of a StyleGAN2 as ONNX graphs with a dynamic batch.

| contract  | inputs                  | outputs                                                    |
|-----------|-------------------------|------------------------------------------------------------|
| generator | z, truncation [, noise] | image                                                      |
| mapping   | z                       | w                                                          |
| synthesis | w [, noise]             | image                                                      |
| layers    | w [, noise]             | image, layer_00, layer_01, ... (coarse to fine)            |

`noise` is the flat noise of all layers. It is an input only if some layer learnt a noise strength
other than zero; without it there would be nothing to vary.

`image` is uint8 [H, W, C], rounded inside the graph: a quarter of the bytes of floats leave it.

Shape suffixes: B batch, Z and W latent dimensions, L styles, N flat noise.
"""

from __future__ import annotations

import copy
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

import onnx
import torch
from onnxscript import ir, optimizer
from torch import Tensor, nn

from training.export.model import UNROUNDED, ServedModel, TensorSpec
from training.networks.pixels import to_uint8
from training.networks.stylegan2 import Generator

OPSET = 18
_ANY_SIZE = 2**31  # bytes, up to which constants are folded


class GeneratorGraph(nn.Module):
    """z [B, Z], truncation [B, 1] [, noise [B, N]] -> image, unrounded."""

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.generator = generator

    def forward(
        self, z: Tensor, truncation: Tensor, noise: Tensor | None = None
    ) -> tuple[Tensor, ...]:
        """Draw one image per z."""
        image = self.generator(z, truncation, noise)
        return to_uint8(image), image


class MappingGraph(nn.Module):
    """z [B, Z] -> w [B, W], not truncated."""

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.mapping = generator.mapping

    def forward(self, z: Tensor) -> tuple[Tensor, ...]:
        """Map latents."""
        return (self.mapping(z),)


class SynthesisGraph(nn.Module):
    """w [B, L, W] [, noise [B, N]] -> image, unrounded."""

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.synthesis = generator.synthesis

    def forward(self, w: Tensor, noise: Tensor | None = None) -> tuple[Tensor, ...]:
        """Draw one image per stack of styles."""
        image = self.synthesis(w, noise)
        return to_uint8(image), image


class LayersGraph(nn.Module):
    """w [B, L, W] [, noise [B, N]] -> image, unrounded, activations of every layer [B, C, H, W]."""

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.synthesis = generator.synthesis

    def forward(self, w: Tensor, noise: Tensor | None = None) -> tuple[Tensor, ...]:
        """Draw and show the work."""
        image, activations = self.synthesis.draw(w, noise)
        return to_uint8(image), image, *activations


@dataclass(frozen=True)
class Contract:
    """One graph to export.

    Attributes:
        name: "generator", "mapping", "synthesis" or "layers".
        suffix: what the model's name gets appended.
        graph: the module, given the generator.
        inputs: without the batch; `noise` only where it has an effect.
        outputs: without the batch; `unrounded` is not published.
        instances: two where traffic is, so that batches form while another runs.
    """

    name: str
    suffix: str
    graph: Callable[[Generator], nn.Module]
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    instances: int = 1


def contracts(generator: Generator) -> list[Contract]:
    """List the four graphs that serve this generator."""
    config = generator.config
    z = TensorSpec("z", "FP32", (config.z_dim,))
    w = TensorSpec("w", "FP32", (config.num_layers, config.w_dim))
    truncation = TensorSpec("truncation", "FP32", (1,))
    noise = (TensorSpec("noise", "FP32", (config.noise_size,)),) if uses_noise(generator) else ()
    side, channels = config.resolution, config.image_channels
    image = (
        TensorSpec("image", "UINT8", (side, side, channels)),
        TensorSpec(UNROUNDED, "FP32", (channels, side, side)),
    )
    mapped = (TensorSpec("w", "FP32", (config.w_dim,)),)
    activations = tuple(
        TensorSpec(f"layer_{index:02d}", "FP32", (config.channels(side), side, side))
        for index, side in enumerate(config.noise_sizes)
    )
    return [
        Contract("generator", "", GeneratorGraph, (z, truncation, *noise), image, instances=2),
        Contract("mapping", "_mapping", MappingGraph, (z,), mapped),
        Contract("synthesis", "_synthesis", SynthesisGraph, (w, *noise), image),
        Contract("layers", "_layers", LayersGraph, (w, *noise), image + activations),
    ]


def uses_noise(generator: Generator) -> bool:
    """Whether any layer gives the noise a strength other than exactly zero."""
    return any(bool(layer.noise_strength != 0) for layer in generator.synthesis.layers)


def without_noise(generator: Generator) -> Generator:
    """Copy a generator and set its noise strengths to zero: its graphs have no noise input."""
    quiet = copy.deepcopy(generator)
    for layer in quiet.synthesis.layers:
        nn.init.zeros_(layer.noise_strength)
    return quiet


def export(generator: Generator, contract: Contract) -> onnx.ModelProto:
    """Trace one contract into a checked ONNX graph that still has the `unrounded` output."""
    batch = torch.export.Dim("batch")
    # A batch of 2: the exporter takes sizes 0 and 1 for constants.
    arguments = tuple(torch.zeros(2, *spec.shape) for spec in contract.inputs)
    with _quiet_exporter():
        exported = torch.onnx.export(
            contract.graph(generator).eval(),
            arguments,
            input_names=[spec.name for spec in contract.inputs],
            output_names=[spec.name for spec in contract.outputs],
            dynamic_shapes=tuple({0: batch} for _ in arguments),
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
            optimize=False,
            verbose=False,
        )
        program = cast(torch.onnx.ONNXProgram, exported)  # None is for the old exporter
        _fold_constants(program.model)
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
    return ServedModel(
        name=name + contract.suffix,
        contract=contract.name,
        onnx=published.SerializeToString(deterministic=True),
        inputs=contract.inputs,
        outputs=outputs,
        instances=contract.instances,
    )


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


def _fold_constants(model: ir.Model) -> None:
    """Compute once what depends on weights alone: scaled weights, the energies of demodulation.

    The exporter's own `optimize` does more, and one thing too much: it takes `x + 1e-8` for `x`, so
    z = 0 would give NaN.
    """
    optimizer.fold_constants(model, input_size_limit=_ANY_SIZE, output_size_limit=_ANY_SIZE)
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
