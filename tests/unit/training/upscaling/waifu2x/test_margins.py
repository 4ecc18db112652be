"""The margin is what a tile needs: with it a tile equals the whole, with less it would not."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from training.upscaling.export import UpscalerGraph
from training.upscaling.network import Upscaler
from training.upscaling.waifu2x.cunet import CUNet, UNetConv
from training.upscaling.waifu2x.networks import (
    VGG7,
    DenoisingVGG7,
    ResBlock,
    SqueezeExcitation,
    UpConv7,
    UpResNet10,
)

NETWORKS = {
    "upconv7": UpConv7,
    "upresnet10": UpResNet10,
    "vgg7 1x": lambda: VGG7(scale=1),
    "vgg7 2x": lambda: VGG7(scale=2),
    "vgg7 2x with noise": DenoisingVGG7,
    "cunet 1x": lambda: CUNet(scale=1),
    "cunet 2x": lambda: CUNet(scale=2),
}


class _Still(nn.Module):
    """Stands where channels are weighed by their means: what is left depends on places alone."""

    def forward(self, h_BCHW: torch.Tensor) -> torch.Tensor:
        return h_BCHW


@pytest.fixture(params=NETWORKS.values(), ids=NETWORKS.keys())
def network(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Upscaler:
    torch.manual_seed(0)
    made = request.param()
    for module in made.modules():
        if isinstance(module, UNetConv):
            module.weigh = _Still()
    monkeypatch.setattr(SqueezeExcitation, "forward", lambda _, h: h)
    assert not any(type(module) is SqueezeExcitation for module in made.modules())
    # Every layer takes weighted means: each input has an effect, and no value leaves [0, 1].
    for name, parameter in made.named_parameters():
        positive = parameter.data.abs()
        parameter.data = positive / positive[:1].sum() if name.endswith("weight") else 0 * positive
    return made.eval()


def test_a_tile_with_its_margin_equals_the_whole(network: Upscaler) -> None:
    torch.manual_seed(1)
    graph, margin, multiple = UpscalerGraph(network), network.margin, network.multiple
    picture = torch.randint(0, 256, (1, 2 * margin + 12, 2 * margin + 20, 3), dtype=torch.uint8)
    first, last = margin + -margin % multiple, 20 + margin
    start = (first - margin) // multiple * multiple
    with torch.no_grad():
        _, whole = graph(picture)
        _, tile = graph(picture[:, :, start : last + margin])
    inside = slice(network.scale * first, network.scale * last)
    shifted = slice(network.scale * (first - start), network.scale * (last - start))
    torch.testing.assert_close(whole[..., inside], tile[..., shifted], rtol=1e-5, atol=1e-6)


def test_no_smaller_margin_would_do(network: Upscaler) -> None:
    margin, multiple = network.margin, network.multiple
    height, width = (size + -(size + 2 * margin) % multiple for size in (4, 8))
    rgb = torch.rand(1, 3, height + 2 * margin, width + 2 * margin, requires_grad=True)
    enlarged = network(rgb)
    assert enlarged.shape == (1, 3, network.scale * height, network.scale * width)
    enlarged.sum().backward()
    slope = rgb.grad.abs().sum((0, 1))
    for name, border in (("top", slope[0]), ("left", slope[:, 0])):
        assert border.max() > 0, f"the outermost pixels at the {name} have no effect"


@pytest.mark.parametrize("make", [UpResNet10, lambda: CUNet(scale=2)])
def test_weighed_channels_depend_on_the_whole_picture(make: type[Upscaler]) -> None:
    torch.manual_seed(0)
    network = make().eval()
    assert network.pools_globally
    margin = network.margin
    near = np.zeros((1, 2, 2 * margin + 40, 3), np.uint8)
    far = near.copy()
    far[:, :, -4:] = 255  # further from the left edge than the margin
    graph = UpscalerGraph(network)
    with torch.no_grad():
        difference = graph(torch.from_numpy(near))[1] - graph(torch.from_numpy(far))[1]
    assert difference[..., :8].abs().max() > 0


def test_what_pools_globally_says_so() -> None:
    for make in NETWORKS.values():
        network = make()
        weighs = any(isinstance(m, SqueezeExcitation | ResBlock) for m in network.modules())
        assert network.pools_globally == weighs
