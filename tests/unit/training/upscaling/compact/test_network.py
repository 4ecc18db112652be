"""The compact network: collapsed it is the one that learnt; it sees its margin, keeps colours."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from training.upscaling.compact.network import (
    SLOPE,
    CompactConfig,
    LearningUpscaler,
    LinearBlock,
    bicubic_kernels,
    blended,
    deepened,
)
from training.upscaling.compact.trainer import with_border
from training.upscaling.export import UpscalerGraph

SIZES = st.integers(1, 9)
CONFIGS = st.builds(
    CompactConfig, width=st.integers(2, 9), depth=st.integers(1, 3), expansion=st.integers(1, 3)
)


def network(config: CompactConfig, seed: int = 0) -> LearningUpscaler:
    """Weights of which none is zero, as after training."""
    torch.manual_seed(seed)
    result = LearningUpscaler(config).requires_grad_(False)
    torch.nn.init.normal_(result.last.squeeze, std=0.1)
    torch.nn.init.normal_(result.biases, std=0.3)
    torch.nn.init.normal_(result.linear, std=0.05)
    return result.eval()


def in_branches(block: LinearBlock, x: Tensor) -> Tensor:
    """The block as drawn in the papers: wide convolution, 1x1 convolution, identity beside both."""
    y = F.conv2d(F.conv2d(x, block.expand), block.squeeze[..., None, None])
    crop = block.expand.shape[-1] // 2
    return y + x[..., crop:-crop, crop:-crop] if block.residual else y


@settings(max_examples=25, deadline=None)
@given(CONFIGS, SIZES, SIZES)
def test_the_collapsed_network_is_the_one_that_learnt(
    config: CompactConfig, height: int, width: int
) -> None:
    learnt = network(config)
    rgb = with_border(torch.rand(2, 3, height, width), config.margin)
    x = rgb - rgb.mean()  # the first kernels do not see a constant
    for block, bias in zip([learnt.first, *learnt.body], learnt.biases, strict=True):
        x = in_branches(block, x)
        if block is learnt.first:
            x = x - F.conv2d(rgb - rgb.mean(), flat_part(block))
        x = F.leaky_relu(x + bias[:, None, None], SLOPE)
    flat = learnt.tensors()[-2][:, None, None]
    crop = config.depth + 1
    base = F.conv2d(rgb[..., crop:-crop, crop:-crop], learnt.tensors()[-1])
    wanted = F.pixel_shuffle(in_branches(learnt.last, x) + flat + base, 2)
    got = learnt.collapse()(rgb)
    assert got.shape == (2, 3, 2 * height, 2 * width)
    torch.testing.assert_close(got, wanted, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(got, learnt(rgb), atol=0, rtol=0)


def flat_part(block: LinearBlock) -> Tensor:
    """What the zero-sum projection takes away: every kernel's mean."""
    kernel = block.kernel()
    return kernel.mean(dim=(2, 3), keepdim=True).expand_as(kernel)


@settings(max_examples=25, deadline=None)
@given(CONFIGS, st.tuples(*[st.integers(0, 255)] * 3), SIZES, SIZES)
def test_flat_colours_stay_flat(
    config: CompactConfig, colour: tuple[int, int, int], height: int, width: int
) -> None:
    flat = torch.tensor(colour, dtype=torch.uint8).expand(1, height, width, 3)
    enlarged, _ = UpscalerGraph(network(config).collapse())(flat)
    assert torch.equal(enlarged, flat[:, :1, :1].expand(1, 2 * height, 2 * width, 3))


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_the_margin_is_exact(depth: int) -> None:
    learnt = network(CompactConfig(width=4, depth=depth))
    margin = learnt.margin
    side = 2 * margin + 1
    rgb = torch.rand(1, 3, side, side, dtype=torch.float64, requires_grad=True)
    learnt.double()(rgb).square().sum().backward()  # the four pixels in the middle
    reached = rgb.grad.abs().sum(dim=(0, 1)) > 0  # type: ignore[union-attr]
    assert reached[0].any() and reached[-1].any() and reached[:, 0].any() and reached[:, -1].any()
    with pytest.raises(RuntimeError):  # with less of a border there is nothing to compute
        learnt(rgb[..., 1:, :])


def test_before_training_it_is_bicubic() -> None:
    rgb = torch.rand(1, 3, 12, 10)
    untrained = LearningUpscaler(CompactConfig(width=4, depth=1)).collapse()
    got = untrained(with_border(rgb, untrained.margin))
    # PyTorch's bicubic has a = -3/4; the antialiased one has Keys' -1/2, as Pillow.
    wanted = F.interpolate(rgb, scale_factor=2, mode="bicubic", antialias=True)
    inner = (..., slice(4, -4), slice(4, -4))  # their borders differ
    torch.testing.assert_close(got[inner], wanted[inner], atol=1e-6, rtol=0)
    torch.testing.assert_close(bicubic_kernels().sum(dim=(1, 2, 3)), torch.ones(12))


def test_deeper_networks_begin_with_the_weights_of_shallower_ones() -> None:
    shallow = network(CompactConfig(width=4, depth=2))
    same = deepened(shallow, shallow.config)
    rgb = torch.rand(1, 3, 20, 20)
    assert torch.equal(same(rgb), shallow(rgb))
    deep = deepened(shallow, CompactConfig(width=4, depth=4))
    kernels = deep.collapse().layers
    for old, new in ((0, 0), (1, 1), (2, 3), (3, 5)):
        assert torch.equal(kernels[new].weight, shallow.collapse().layers[old].weight)
    for added in (2, 4):
        assert torch.equal(kernels[added].weight.sum(dim=(2, 3)), torch.eye(4))
    with pytest.raises(ValueError, match="cannot begin"):
        deepened(deep, shallow.config)
    with pytest.raises(ValueError, match="cannot begin"):
        deepened(shallow, CompactConfig(width=8, depth=4))


def test_blends_lie_between_two_networks() -> None:
    config = CompactConfig(width=4, depth=1)
    initial, final = network(config, seed=1), network(config, seed=2)
    rgb = torch.rand(1, 3, 12, 12)
    assert torch.equal(blended(initial, final, 0)(rgb), initial(rgb))
    assert torch.equal(blended(initial, final, 1)(rgb), final(rgb))
    quarter = blended(initial, final, 0.25).biases
    torch.testing.assert_close(quarter, 0.75 * initial.biases + 0.25 * final.biases)
    with pytest.raises(ValueError, match="share"):
        blended(initial, final, 1.5)
    with pytest.raises(ValueError, match="cannot be blended"):
        blended(initial, network(CompactConfig(width=4, depth=2)), 0.5)


@pytest.mark.parametrize("field", ["width", "depth", "expansion"])
def test_impossible_networks_are_refused(field: str) -> None:
    with pytest.raises(ValueError, match=field):
        CompactConfig(**{field: 0})
