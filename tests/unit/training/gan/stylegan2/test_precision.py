"""What stays in float32 where the networks run in bfloat16, and what that is good for."""

from contextlib import nullcontext

import pytest
import torch
from torch import Tensor

from training.gan.losses import discriminator_loss, generator_loss
from training.networks.stylegan2 import Discriminator, Generator, NetworkConfig
from training.networks.stylegan2 import discriminator as discriminator_module
from training.networks.stylegan2 import generator as generator_module
from training.networks.stylegan2 import layers as layers_module
from training.networks.stylegan2.layers import ModulatedConv2d

CONFIG = NetworkConfig(
    resolution=64, z_dim=32, w_dim=32, mapping_layers=4, channel_base=512, channel_max=64
)


def networks() -> tuple[Generator, Discriminator]:
    torch.manual_seed(0)
    generator, discriminator = Generator(CONFIG), Discriminator(CONFIG)
    for layer in generator.synthesis.to_rgb:
        torch.nn.init.normal_(layer.conv.weight_OIHW, std=0.3)
    return generator, discriminator


def bf16() -> torch.autocast:
    return torch.autocast("cpu", dtype=torch.bfloat16)


def test_the_small_and_the_last_are_float32() -> None:
    generator, discriminator = networks()
    seen: dict[str, torch.dtype] = {}

    def note(name: str):
        def hook(_module: object, _inputs: object, output: Tensor) -> None:
            seen[name] = output.dtype

        return hook

    for prefix, network in (("g.", generator), ("d.", discriminator)):
        for name, module in network.named_modules():
            if not isinstance(module, ModulatedConv2d):  # it returns two tensors
                module.register_forward_hook(note(prefix + name))
    with bf16():
        w = generator.styles(generator.mapping(torch.randn(4, CONFIG.z_dim)))
        image, activations = generator.synthesis.draw(w)
        logits = discriminator(image)
    assert w.dtype == image.dtype == logits.dtype == torch.float32
    float32 = [
        "g.mapping.layers.0",
        "g.synthesis.layers.8.conv.style",  # 64 px, where the convolutions are not
        "g.synthesis.to_rgb.0",
        "g.synthesis.to_rgb.4",
        "d.from_rgb.64",
        "d.blocks.8",
        "d.conv",
        "d.dense",
        "d.logit",
    ]
    assert {name: seen[name] for name in float32} == dict.fromkeys(float32, torch.float32)
    assert {value.shape[-1]: value.dtype for value in activations} == {
        4: torch.float32,
        8: torch.float32,
        16: torch.float32,
        32: torch.bfloat16,
        64: torch.bfloat16,
    }
    assert seen["d.blocks.32.skip"] == seen["d.blocks.16.down"] == torch.bfloat16


def test_without_autocast_nothing_changes() -> None:
    """The networks as they are exported and as penalties see them."""
    generator, discriminator = networks()
    z = torch.randn(4, CONFIG.z_dim)
    with torch.autocast("cpu", enabled=False):
        expected = generator(z)
    assert torch.equal(generator(z), expected)
    assert generator(z).dtype == discriminator(expected).dtype == torch.float32


def test_gradients_are_nearer_to_those_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where bfloat16 is emulated, which rounds as the hardware does."""
    exact = gradients(nullcontext())
    mixed = [error(ours, true) for ours, true in zip(gradients(bf16()), exact, strict=True)]
    for module in (layers_module, generator_module, discriminator_module):
        monkeypatch.setattr(module, "in_float32", lambda _: nullcontext())
    plain = [error(ours, true) for ours, true in zip(gradients(bf16()), exact, strict=True)]
    for ours, theirs, bound in zip(mixed, plain, (0.045, 0.044), strict=True):
        assert ours < bound < theirs


def gradients(context: torch.autocast | nullcontext[None]) -> tuple[Tensor, Tensor]:
    """Of both networks' losses, each as one vector."""
    generator, discriminator = networks()
    torch.manual_seed(1)
    z, real = torch.randn(16, CONFIG.z_dim), torch.rand(16, 3, 64, 64) * 2 - 1
    with context:
        fake = generator(z)
        loss_d = discriminator_loss(discriminator(real), discriminator(fake.detach()))
        loss_g = generator_loss(discriminator(fake))
    of_d = torch.autograd.grad(loss_d, list(discriminator.parameters()), allow_unused=True)
    of_g = torch.autograd.grad(loss_g, list(generator.parameters()), allow_unused=True)
    return flat(of_g), flat(of_d)


def flat(gradients: tuple[Tensor | None, ...]) -> Tensor:
    return torch.cat([value.flatten() for value in gradients if value is not None])


def error(ours: Tensor, true: Tensor) -> float:
    return float((ours - true).norm() / true.norm())
