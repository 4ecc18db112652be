"""Reads ncnn's weights: a .param file with the layers, a .bin file with their numbers.

A .param file is text: a magic number, a line of counts, then a line per layer:

    type name inputs outputs [names of inputs] [names of outputs] [key=value ...]

The .bin file holds the numbers of the layers that have any, in the same order: a tag of 4 bytes
(0: float32 follows, 0x01306B47: float16), the weights, zeros up to a multiple of 4 bytes, and the
bias in float32. Source: ncnn's documentation, "param and model file structure" and "operators".

Shape suffixes: O outputs, I inputs, K rows and columns of a kernel.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import nn

from training.networks.tensor_file import WeightsError

MAGIC = "7767517"
FLOAT32 = 0
FLOAT16 = 0x01306B47

# Keys of the parameters that change how the numbers are to be used.
_OUTPUTS, _KERNEL, _STRIDE, _PAD, _HAS_BIAS, _COUNT = 0, 1, 3, 4, 5, 6
_DENSE_HAS_BIAS, _DENSE_COUNT = 1, 2

Tensors = dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Layer:
    """One line of a .param file.

    Attributes:
        kind: such as "Convolution".
        name: for messages.
        parameters: by their number; arrays, whose numbers are negative, are left out.
    """

    kind: str
    name: str
    parameters: Mapping[int, float]

    def integer(self, key: int, default: int = 0) -> int:
        """A parameter as a whole number."""
        return int(self.parameters.get(key, default))


def read_layers(param: str) -> list[Layer]:
    """Parse a .param file.

    Raises:
        WeightsError: it is not one, or has another number of layers than it says.
    """
    lines = [line for line in param.splitlines() if line.strip()]
    if len(lines) < 2 or lines[0].strip() != MAGIC:
        raise WeightsError(f"a .param file starts with {MAGIC} and a line of counts")
    layers = [_layer(line) for line in lines[2:]]
    promised = lines[1].split()[0]
    if promised != str(len(layers)):
        raise WeightsError(f"the .param file promises {promised} layers and has {len(layers)}")
    return layers


def _layer(line: str) -> Layer:
    try:
        kind, name, inputs, outputs, *rest = line.split()
        pairs = [item.split("=") for item in rest[int(inputs) + int(outputs) :]]
        parameters = {int(key): float(value) for key, value in pairs if int(key) >= 0}
    except ValueError as error:
        raise WeightsError(f"not a layer of a .param file: {line!r}") from error
    return Layer(kind, name, parameters)


class Numbers:
    """Takes arrays off the front of a .bin file."""

    def __init__(self, content: bytes) -> None:
        self._content, self._position = content, 0

    def tagged(self, count: int) -> NDArray[np.float32]:
        """`count` weights in the format that their tag names."""
        tag = int(self._take("<u4", 1)[0])
        if tag not in (FLOAT32, FLOAT16):
            raise WeightsError(f"tag {tag:#x} is neither float32 nor float16")
        array = self._take("<f2" if tag == FLOAT16 else "<f4", count)
        self._position += -self._position % 4
        return array.astype(np.float32)

    def plain(self, count: int) -> NDArray[np.float32]:
        """`count` numbers in float32."""
        return self._take("<f4", count).astype(np.float32)

    def finish(self) -> None:
        """Refuse a file of which something is left."""
        left = len(self._content) - self._position
        if left:
            raise WeightsError(f"{left} bytes of the .bin file belong to no layer")

    def _take(self, dtype: str, count: int) -> NDArray[np.generic]:
        size = np.dtype(dtype).itemsize * count
        if self._position + size > len(self._content):
            raise WeightsError(
                f"the .bin file ends at byte {len(self._content)}, "
                f"{size} more are wanted from {self._position} on"
            )
        array = np.frombuffer(self._content, dtype, count, self._position)
        self._position += size
        return array


def read_network(param: str, content: bytes, network: nn.Module) -> Tensors:
    """Read the numbers of a network whose modules are declared in the file's order.

    Args:
        param: text of the .param file.
        content: the .bin file.
        network: tells what is expected; stays as it is.

    Returns:
        A state for `network.load_state_dict`.

    Raises:
        WeightsError: the files are broken, or describe another network.
    """
    layers = [layer for layer in read_layers(param) if layer.kind in _READERS]
    modules = [(name, each) for name, each in network.named_modules() if _expected(each)]
    if len(layers) != len(modules):
        raise WeightsError(f"{len(layers)} layers have weights, the network has {len(modules)}")
    numbers, state = Numbers(content), Tensors()
    for layer, (name, module) in zip(layers, modules, strict=True):
        if _expected(module) != _found(layer):
            raise WeightsError(
                f"layer {layer.name} is {_found(layer)}, the network's {name} {_expected(module)}"
            )
        state |= {f"{name}.{key}": array for key, array in _READERS[layer.kind](layer, numbers)}
    numbers.finish()
    return state


def _expected(module: nn.Module) -> tuple[str | int, ...]:
    """What a module is in ncnn's words; nothing if it has no numbers of its own."""
    match module:
        case nn.Conv2d() | nn.ConvTranspose2d():
            kind = "Convolution" if isinstance(module, nn.Conv2d) else "Deconvolution"
            sizes = (module.out_channels, module.kernel_size[0], module.stride[0])
            has_bias = int(module.bias is not None)
            return (kind, *sizes, int(module.padding[0]), has_bias, module.weight.numel())
        case nn.Linear():
            return ("InnerProduct", module.out_features, 1, module.weight.numel())
    return ()


def _found(layer: Layer) -> tuple[str | int, ...]:
    """The same of a layer."""
    get = layer.integer
    if layer.kind == "InnerProduct":
        return (layer.kind, get(_OUTPUTS), get(_DENSE_HAS_BIAS), get(_DENSE_COUNT))
    sizes = (get(_OUTPUTS), get(_KERNEL), get(_STRIDE, 1), get(_PAD))
    return (layer.kind, *sizes, get(_HAS_BIAS), get(_COUNT))


def _convolution(layer: Layer, numbers: Numbers) -> Iterator[tuple[str, NDArray[np.float32]]]:
    outputs, kernel = layer.integer(_OUTPUTS), layer.integer(_KERNEL)
    weight_OIKK = numbers.tagged(layer.integer(_COUNT)).reshape(outputs, -1, kernel, kernel)
    # PyTorch has the inputs of a transposed convolution first.
    yield "weight", weight_OIKK if layer.kind == "Convolution" else weight_OIKK.swapaxes(0, 1)
    if layer.integer(_HAS_BIAS):
        yield "bias", numbers.plain(outputs)


def _dense(layer: Layer, numbers: Numbers) -> Iterator[tuple[str, NDArray[np.float32]]]:
    outputs = layer.integer(_OUTPUTS)
    yield "weight", numbers.tagged(layer.integer(_DENSE_COUNT)).reshape(outputs, -1)
    if layer.integer(_DENSE_HAS_BIAS):
        yield "bias", numbers.plain(outputs)


_READERS = {"Convolution": _convolution, "Deconvolution": _convolution, "InnerProduct": _dense}
