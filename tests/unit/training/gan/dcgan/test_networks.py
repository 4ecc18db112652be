"""The DCGAN's networks: the seed's shape, and images that do not depend on their batch."""

import dataclasses

import pytest
import torch
from torch import nn

from training.gan.presets import PRESETS
from training.networks.dcgan import DcganConfig, Discriminator, Generator

TINY = PRESETS["dcgan-16-tiny"].network
PRESETS_64 = ["dcgan-seed", "dcgan-gray", "dcgan-color"]


def parameters(network: nn.Module) -> int:
    return sum(weights.numel() for weights in network.parameters())


@pytest.mark.parametrize("preset", PRESETS_64)
def test_every_generator_has_the_seeds_shape(preset: str) -> None:
    config = PRESETS[preset].network
    generator = Generator(config)
    sides: list[int] = []
    for convolution in generator.convolutions:
        assert isinstance(convolution, nn.ConvTranspose2d)
        convolution.register_forward_hook(lambda *call: sides.append(call[2].shape[-1]))
    assert generator.dense.out_features == 8 * 8 * config.generator_widths[0]
    image = generator(torch.randn(2, config.z_dim))
    assert sides == [8, 16, 32, 64]  # one of stride 1, three of stride 2
    assert image.shape == (2, config.image_channels, 64, 64)
    assert image.abs().max() <= 1
    assert Discriminator(config)(image).shape == (2,)


def test_the_seeds_networks_have_the_sizes_that_arithmetic_gives() -> None:
    config = PRESETS["dcgan-seed"].network
    convolutions = 25 * (256 * 128 + 128 * 64 + 64 * 32 + 32 * 3) + 3
    norms = 2 * (256 + 128 + 64 + 32)
    # 256 maps after the dense layer, of which the first transposed convolution makes 128.
    assert config.generator_widths == (256, 128, 64, 32)
    assert parameters(Generator(config)) == 100 * 64 * 256 + convolutions + norms
    assert len(Discriminator(config).convolutions) == 2
    expected = 25 * (3 * 64 + 64 * 128) + 64 + 128 + 16 * 16 * 128 + 1
    assert parameters(Discriminator(config)) == expected


@pytest.mark.parametrize("norm", ["batch", "none"])
@pytest.mark.parametrize("kernel", [4, 5])
def test_every_kernel_doubles_the_side(norm: str, kernel: int) -> None:
    config = dataclasses.replace(TINY, generator_kernel=kernel, generator_norm=norm)
    assert Generator(config)(torch.randn(2, config.z_dim)).shape == (2, 3, 16, 16)


@pytest.mark.parametrize("norm", ["batch", "spectral", "none"])
def test_every_discriminator_learns_from_a_batch(norm: str) -> None:
    config = dataclasses.replace(TINY, discriminator_norm=norm, minibatch_deviation=True)
    discriminator = Discriminator(config)
    discriminator(torch.randn(4, 3, 16, 16)).sum().backward()
    assert all(weights.grad is not None for weights in discriminator.parameters())


def test_weights_begin_as_the_options_say() -> None:
    config = DcganConfig(init="normal")
    weights = Generator(config).convolutions[1].weight
    assert weights.std().item() == pytest.approx(0.02, rel=0.05)
    bound = (6 / (4 * 4 * (config.generator_widths[1] + config.generator_widths[2]))) ** 0.5
    glorot = Generator(dataclasses.replace(config, init="glorot")).convolutions[1].weight
    assert glorot.abs().max().item() == pytest.approx(bound, rel=0.01)


def test_an_image_does_not_depend_on_its_batch() -> None:
    torch.manual_seed(0)
    generator = Generator(TINY).eval()
    generator.calibrate(samples=512)
    z = torch.randn(16, TINY.z_dim)
    together = generator.sample(z)
    alone = torch.cat([generator.sample(row[None]) for row in z])
    assert together.std() > 0.01
    torch.testing.assert_close(alone, together, rtol=0, atol=1e-6)


def test_calibration_measures_the_statistics_of_many_latents() -> None:
    torch.manual_seed(0)
    generator = Generator(TINY).eval()
    generator.calibrate(samples=4096)
    first = generator.norms[0]
    # The first layer is linear in a standard normal z: its variance is the sum of squared weights.
    expected = (
        generator.dense.weight.square().sum(dim=1).unflatten(0, (TINY.generator_widths[0], -1))
    )
    torch.testing.assert_close(first.running_var, expected.mean(dim=1), rtol=0.1, atol=0)
    assert not any(module.training for module in generator.modules())
    again = [value.clone() for value in generator.buffers()]
    generator.calibrate(samples=4096)
    assert all(torch.equal(*pair) for pair in zip(again, generator.buffers(), strict=True))


def test_a_truncation_is_refused() -> None:
    with pytest.raises(ValueError, match="truncation: a DCGAN has none"):
        Generator(TINY).sample(torch.zeros(1, TINY.z_dim), 0.7)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("resolution", 60),
        ("resolution", 20),
        ("image_channels", 2),
        ("z_dim", 0),
        ("generator_widths", (8, 8)),
        ("discriminator_widths", ()),
        ("generator_kernel", 3),
        ("discriminator_norm", "layer"),
        ("dropout", 1.0),
        ("init", "zeros"),
    ],
)
def test_networks_that_cannot_be_built_are_refused(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=field):
        dataclasses.replace(TINY, **{field: value})
