"""What `--dry-run` tells: the run as it would be, before anything is computed or written."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from training.gan.options import GanOptions
from training.gan.stylegan2.options import StyleganOptions
from training.gan.trainer import GanTrainer
from training.run.compute import Compute
from training.run.disk import checkpoint_bytes, snapshot_bytes


def describe_plan(trainer: GanTrainer) -> str:
    """Describe a run in lines for people, its options as JSON at the end."""
    options, compute = trainer.options, trainer.compute
    sizes = [
        sum(value.numel() for value in network.parameters()) / 1e6
        for network in (trainer.generator, trainer.discriminator)
    ]
    checkpoint, snapshot = checkpoint_bytes(trainer), snapshot_bytes(trainer)
    share = options.batch // (compute.world.size * compute.accumulate)
    activations = share * activation_bytes(trainer)
    total, every = options.total_images, options.snapshot_images
    lines = {
        "preset": f"{options.preset} ({options.kind}, {options.network.resolution} px)",
        "networks": f"generator {sizes[0]:.2f} M parameters, discriminator {sizes[1]:.2f} M",
        "images": f"{total / 1000:,.0f} kimg in {-(-total // options.batch):,} steps",
        "batch": batch_line(options, compute),
        "step sizes": rates_line(options),
        "average": f"half-life {options.ema_half_life / 1000:g} kimg",
        "computes": f"on {trainer.device} in {'bfloat16' if trainer.use_bf16 else 'float32'}"
        f"{', compiled' if compute.compiled else ''}",
        "memory": f"{checkpoint / 1e6:.0f} MB of weights and optimiser states, about "
        f"{activations / 1e6:.0f} MB of activations in each process; penalties take more",
        "disk": f"{-(-total // every)} snapshots, one each {every / 1000:g} kimg; "
        f"{snapshot / 1e6:.0f} MB at most for one, {checkpoint / 1e6:.0f} MB of it the checkpoint",
    }
    if isinstance(options, StyleganOptions):
        lines |= stylegan_lines(options)
    width = max(len(name) for name in lines)
    table = "\n".join(f"{name:<{width}}  {text}" for name, text in lines.items())
    return f"{table}\n\noptions\n{options.to_json()}\n"


def activation_bytes(trainer: GanTrainer, images: int = 4) -> int:
    """What the backward pass keeps of one image's way through both networks, measured on a few.

    The images are drawn, judged, and judged beside real ones, at the full resolution.
    """
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        kept[tensor.data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    z = torch.randn(images, trainer.options.network.z_dim).to(trainer.device)
    with saved_tensors_hooks(keep, lambda tensor: tensor), trainer.autocast():
        fake = trainer.generator.sample(z).float()
        graphs = [trainer.discriminator(shown) for shown in (fake, fake.detach(), fake.detach())]
    networks = (trainer.generator, trainer.discriminator)
    weights = {value.data_ptr() for network in networks for value in network.parameters()}
    del graphs  # until here, so that no storage is used twice
    return sum(size for place, size in kept.items() if place not in weights) // images


def batch_line(options: GanOptions, compute: Compute) -> str:
    """Who computes what of a batch."""
    parts = compute.world.size * compute.accumulate
    if parts == 1:
        return f"{options.batch} images at once"
    return (
        f"{options.batch} images: {compute.world.size} processes x {compute.accumulate} passes x "
        f"{options.batch // parts} images"
    )


def rates_line(options: GanOptions) -> str:
    """Both step sizes and what becomes of them."""
    warmup, decay = options.lr_warmup_images / 1000, options.switch_at("lr_decay_from") / 1000
    alone = options.discriminator_first_images / 1000
    return (
        f"generator {options.lr_generator:g}, discriminator {options.lr_discriminator:g}"
        f"{f', rising over {warmup:g} kimg' if warmup else ''}, halved from {decay:g} kimg"
        f"{f'; the discriminator learns first, for {alone:g} kimg' if alone else ''}"
    )


def stylegan_lines(options: StyleganOptions) -> dict[str, str]:
    """What a StyleGAN2's schedule holds, in the order of the run."""
    lines, start = {}, 0
    for position, phase in enumerate(options.phases, start=1):
        fade = f", fades in over {phase.fade_images / 1000:g} kimg" if phase.fade_images else ""
        lines[f"phase {position}"] = (
            f"{start / 1000:g} to {(start + phase.images) / 1000:g} kimg: {phase.resolution} px, "
            f"R1 {phase.r1_gamma:g}{fade}"
        )
        start += phase.images
    texture = options.switch_at("texture_from") / 1000
    lines["schedule"] = f"noise and mixing from {texture:g} kimg"
    lines["loss"] = f"{options.loss}, penalties every {options.r1_interval} steps"
    chance = f", p = {options.augment_p:g}" if options.augment == "fixed" else ""
    lines["augment"] = f"{options.augment}{chance}"
    return lines
