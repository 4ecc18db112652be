"""The layers against what the papers say of them."""

import dataclasses
import itertools

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from training.networks.stylegan2 import Discriminator, Generator, NetworkConfig
from training.networks.stylegan2.layers import (
    LEAKY_GAIN,
    EqualizedConv2d,
    ModulatedConv2d,
    minibatch_deviation,
)

TINY = NetworkConfig(
    resolution=16, z_dim=8, w_dim=12, mapping_layers=2, channel_base=64, channel_max=16
)


def modulated_weights(layer: ModulatedConv2d, style: torch.Tensor) -> torch.Tensor:
    """Equations 1 and 3 of the StyleGAN2 paper, for one image: weights [O, I, kh, kw]."""
    scaled = layer.weight_OIHW * style[None, :, None, None]
    # A transposed convolution of stride 2 sums a quarter of the taps into each pixel.
    taps = 4 if layer.up else 1
    return scaled * torch.rsqrt(scaled.square().sum(dim=(1, 2, 3), keepdim=True) / taps + 1e-12)


@pytest.mark.parametrize("up", [False, True])
def test_scaling_activations_equals_scaling_weights(up: bool) -> None:
    torch.manual_seed(0)
    layer = ModulatedConv2d(6, 5, 3, w_dim=4, up=up)
    x, w = torch.randn(3, 6, 8, 8), torch.randn(3, 4)
    features, demodulation = layer(x, w)
    actual = features * demodulation
    for image in range(3):
        weight = modulated_weights(layer, layer.style(w)[image])
        if up:
            expected = F.conv_transpose2d(
                x[image : image + 1], weight.transpose(0, 1), stride=2, padding=1
            )
        else:
            expected = F.conv2d(x[image : image + 1], weight, padding=1)
        # The layer's activations carry the gain of the leaky ReLU before them.
        torch.testing.assert_close(
            actual[image : image + 1], expected * LEAKY_GAIN, rtol=1e-4, atol=1e-5
        )


def test_smooth_upsampling_doubles_pixels_and_then_convolves() -> None:
    torch.manual_seed(0)
    layer = ModulatedConv2d(6, 5, 3, w_dim=4, up=True, smooth=True)
    x, w = torch.randn(3, 6, 8, 8), torch.randn(3, 4)
    features, demodulation = layer(x, w)
    doubled = F.interpolate(x * layer.style(w)[:, :, None, None], scale_factor=2, mode="nearest")
    # A transposed convolution turns its kernel.
    expected = F.conv2d(doubled, (layer.weight_OIHW * layer.scale).flip(2, 3), padding=1)
    torch.testing.assert_close(features, expected, rtol=1e-4, atol=1e-5)
    weight = layer.weight_OIHW[None] * layer.style(w)[:, None, :, None, None]
    energy = weight.square().sum(dim=(2, 3, 4)) / (6 * 9)
    torch.testing.assert_close(demodulation[:, :, 0, 0], torch.rsqrt(energy + 1e-8))


def test_smooth_downsampling_convolves_and_then_averages() -> None:
    torch.manual_seed(0)
    layer = EqualizedConv2d(6, 5, 4, down=True, smooth=True)
    x = torch.randn(3, 6, 8, 8)
    expected = F.avg_pool2d(F.conv2d(x, layer.weight_OIHW * layer.scale, padding=1), 2)
    torch.testing.assert_close(layer(x), expected, rtol=1e-4, atol=1e-5)


def checkerboard(image: torch.Tensor) -> float:
    """Mean of a picture times +1, -1, +1 ... along rows and columns, [B, C, H, W]."""
    signs = (-1.0) ** torch.arange(image.shape[-1])
    boards = (image.detach() * signs * signs[:, None]).mean(dim=(2, 3))
    return float(boards.abs().mean())


def test_smooth_upsampling_leaves_no_checkerboard_on_plain_areas() -> None:
    plain, w = torch.ones(1, 6, 8, 8), torch.zeros(1, 4)
    boards = {}
    for smooth in (False, True):
        torch.manual_seed(0)
        layer = ModulatedConv2d(6, 5, 3, w_dim=4, up=True, smooth=smooth)
        features, _ = layer(plain, w)
        boards[smooth] = checkerboard(features[:, :, 2:-2, 2:-2])
    assert boards[True] < 1e-5 < 0.1 < boards[False]


@pytest.mark.parametrize(("resampling", "side"), [("learnt", 4), ("smooth", 3)])
def test_every_change_of_resolution_has_the_kernel_of_the_config(
    resampling: str, side: int
) -> None:
    config = dataclasses.replace(TINY, resampling=resampling)
    generator, discriminator = Generator(config), Discriminator(config)
    up = [layer.conv for layer in generator.synthesis.layers if layer.conv.up]
    down = [block.down for block in discriminator.blocks.values()]
    assert [layer.weight_OIHW.shape[-1] for layer in up] == [side, side]
    assert [layer.weight_OIHW.shape[-1] for layer in down] == [side]


@pytest.mark.parametrize("resampling", ["learnt", "smooth"])
def test_generator_keeps_its_signal_at_unit_scale(resampling: str) -> None:
    torch.manual_seed(0)
    generator = Generator(NetworkConfig(resampling=resampling))
    w = generator.styles(generator.mapping(torch.randn(16, 128)))
    _, activations = generator.synthesis.draw(w)
    assert len(activations) == generator.config.num_layers - 1
    assert all(0.3 < layer.std() < 3 for layer in activations)


def test_each_image_depends_on_its_own_latent_only() -> None:
    torch.manual_seed(0)
    generator = Generator(TINY).eval()
    torch.nn.init.normal_(generator.synthesis.to_rgb[-1].conv.weight_OIHW)
    z = torch.randn(5, TINY.z_dim)
    together = generator(z)
    alone = torch.cat([generator(z[index : index + 1]) for index in range(5)])
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-5)


def test_truncation_pulls_towards_the_mean() -> None:
    torch.manual_seed(0)
    generator = Generator(TINY)
    generator.estimate_w_avg(4096)
    w = generator.mapping(torch.randn(9, TINY.z_dim))
    psi = torch.full((9, 1), 0.25)
    styles = generator.styles(w, psi)
    assert styles.shape == (9, TINY.num_layers, TINY.w_dim)
    expected = generator.w_avg + 0.25 * (w - generator.w_avg)
    torch.testing.assert_close(styles[:, 0], expected)
    torch.testing.assert_close(generator.styles(w, torch.ones(9, 1))[:, 0], w)


def test_noise_moves_only_where_its_strength_is_not_zero() -> None:
    torch.manual_seed(0)
    generator = Generator(TINY)
    torch.nn.init.normal_(generator.synthesis.to_rgb[-1].conv.weight_OIHW)
    z, noise = torch.randn(2, TINY.z_dim), torch.randn(2, TINY.noise_size)
    torch.testing.assert_close(generator(z, None, noise), generator(z))
    torch.nn.init.constant_(generator.synthesis.layers[1].noise_strength, 0.5)
    assert (generator(z, None, noise) - generator(z)).abs().max() > 1e-3


def test_a_new_resolution_starts_as_the_upsampled_picture() -> None:
    torch.manual_seed(0)
    generator = Generator(TINY)
    torch.nn.init.normal_(generator.synthesis.to_rgb[1].conv.weight_OIHW)
    w = generator.styles(generator.mapping(torch.randn(2, TINY.z_dim)))
    small = generator.synthesis(w, None, 8)
    large = generator.synthesis(w, None, 16)
    upsampled = F.interpolate(small, scale_factor=2, mode="bilinear", align_corners=False)
    torch.testing.assert_close(large, upsampled)


@pytest.mark.parametrize("side", [8, 16, 32])
def test_discriminator_judges_every_resolution(side: int) -> None:
    config = NetworkConfig(resolution=32, channel_base=64, channel_max=16)
    discriminator = Discriminator(config)
    logits = discriminator(torch.randn(4, 3, side, side))
    assert logits.shape == (4,)
    assert logits.std() > 0


def test_a_block_that_fades_in_starts_without_effect() -> None:
    torch.manual_seed(0)
    config = NetworkConfig(resolution=32, channel_base=64, channel_max=16)
    discriminator = Discriminator(config)
    image = torch.randn(4, 3, 32, 32)
    coarse = discriminator(F.avg_pool2d(image, 2))
    torch.testing.assert_close(discriminator(image, fade=0.0), coarse, rtol=1e-4, atol=1e-5)


def test_minibatch_deviation_is_the_mean_deviation_of_the_group() -> None:
    x = torch.randn(8, 3, 4, 4)
    plane = minibatch_deviation(x)[:, 3]
    groups = [[0, 2, 4, 6], [1, 3, 5, 7]]
    for group in groups:
        expected = x[group].std(dim=0, correction=0).mean()
        torch.testing.assert_close(plane[group], expected.expand(4, 4, 4), rtol=1e-4, atol=1e-5)


@given(st.integers(-4, 1100))
@settings(max_examples=60)
def test_only_powers_of_two_are_resolutions(resolution: int) -> None:
    if resolution in {2**power for power in range(3, 11)}:
        config = NetworkConfig(resolution=resolution)
        assert config.resolutions[-1] == resolution
        assert config.num_layers == len(config.noise_sizes) + 1
        pairs = itertools.pairwise(config.resolutions)
        assert all(fine == 2 * coarse for coarse, fine in pairs)
    else:
        with pytest.raises(ValueError, match="resolution"):
            NetworkConfig(resolution=resolution)
