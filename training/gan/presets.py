"""The runs that are known to work, one row each: `anime-gan train --preset NAME`.

A new one is a row of this table: `python -m training.cli.train --dry-run` shows what it comes to.
"""

from __future__ import annotations

from dataclasses import replace

from training.gan.dcgan.options import DcganOptions
from training.gan.options import GanOptions
from training.gan.scaling import half_life, r1_gamma, step_size
from training.gan.stylegan2.options import Phase, StyleganOptions
from training.networks.dcgan import DcganConfig
from training.networks.stylegan2 import NetworkConfig

# Smooth kernels where the resolution changes: docs/training/ablations/README.md. The weights that
# this repository ships are older, with learnt ones.
CPU_NETWORK = NetworkConfig(
    resolution=64, channel_base=1024, channel_max=128, channel_min=32, resampling="smooth"
)
# Two CPU cores, about two hours.
CPU_64 = StyleganOptions(
    preset="stylegan-64-cpu",
    network=CPU_NETWORK,
    phases=(
        Phase(16, 80_000, r1_gamma=0.02),
        Phase(32, 100_000, r1_gamma=0.03, fade_images=12_000),
        Phase(64, 105_000, r1_gamma=0.10, fade_images=12_000),
        # By now the discriminator is ahead: a smoother one teaches more.
        Phase(64, 115_000, r1_gamma=0.20),
    ),
    ema_half_life=10_000,
    texture_from=0.75,
    augment="adaptive",
    augment_ramp_images=100_000,
)
# Two CPU cores, about an hour (estimated): a first look at new pictures.
CPU_32 = StyleganOptions(
    preset="stylegan-32-cpu",
    network=replace(CPU_NETWORK, resolution=32),
    phases=(Phase(16, 80_000, r1_gamma=0.02), Phase(32, 220_000, 0.03, fade_images=12_000)),
    ema_half_life=10_000,
    texture_from=0.75,
    augment="adaptive",
    augment_ramp_images=100_000,
)


def on_gpu(network: NetworkConfig, images: int, texture_from: float) -> StyleganOptions:
    """A run by the recipe in `training.gan.scaling`, without growing: millions of images need none.

    Args:
        network: large enough for that many images.
        images: real images in all.
        texture_from: see `StyleganOptions`.
    """
    side, batch = network.resolution, 64
    return StyleganOptions(
        preset=f"stylegan-{side}-gpu",
        network=replace(network, resampling="smooth"),
        phases=(Phase(side, images, r1_gamma(side, batch)),),
        batch=batch,
        lr_generator=step_size(side),
        lr_discriminator=step_size(side),
        path_length_weight=2.0,
        ema_half_life=half_life(batch),
        mixing_probability=0.9,
        texture_from=texture_from,
        snapshot_images=200_000,
        log_images=4_096,
    )


DCGAN_COLOR = DcganOptions(
    preset="dcgan-color",
    network=DcganConfig(
        z_dim=64,
        generator_widths=(128, 128, 64, 32),
        discriminator_widths=(32, 64, 128, 256),
        minibatch_deviation=True,
    ),
    images=100_000,
    batch=32,
    lr_generator=1e-3,
    lr_discriminator=1e-3,
    r1_gamma=0.3,
    ema_half_life=5_000,
)

PRESETS: dict[str, GanOptions] = {
    "stylegan-64-cpu": CPU_64,
    # Two CPU cores, about a day: as above, and then on at 64 px.
    "stylegan-64-long": replace(
        CPU_64,
        preset="stylegan-64-long",
        phases=(*CPU_64.phases[:-1], Phase(64, 3_895_000, r1_gamma=0.20)),
        lr_decay_from=0.9,
        snapshot_images=65_536,
    ),
    # The same networks go on from a checkpoint: other pictures, or more of the same ones.
    "stylegan-64-cpu-transfer": replace(
        CPU_64,
        preset="stylegan-64-cpu-transfer",
        phases=(Phase(64, 300_000, r1_gamma=0.10),),
        texture_from=0.0,
    ),
    "stylegan-32-cpu": CPU_32,
    # A quarter of an hour: what options are compared with, see docs/training/stylegan.md.
    "stylegan-32-ablation": replace(
        CPU_32,
        preset="stylegan-32-ablation",
        phases=(Phase(16, 40_000, r1_gamma=0.02), Phase(32, 110_000, 0.03, fade_images=12_000)),
    ),
    # One GPU, minutes to hours (not tried).
    "stylegan-64-gpu": on_gpu(
        NetworkConfig(resolution=64, z_dim=256, w_dim=256, channel_base=4096, channel_max=256),
        images=4_000_000,
        texture_from=0.5,
    ),
    # One GPU or several, a day on one (estimated, not tried). Karras et al. 2020 ask for
    # augmentation below some 100,000 pictures.
    "stylegan-128-gpu": replace(
        on_gpu(
            NetworkConfig(resolution=128, z_dim=512, w_dim=512, channel_base=8192, channel_max=512),
            images=8_000_000,
            texture_from=0.0,
        ),
        augment="adaptive",
    ),
    "stylegan-256-gpu": replace(
        on_gpu(
            NetworkConfig(
                resolution=256, z_dim=512, w_dim=512, channel_base=16384, channel_max=512
            ),
            images=16_000_000,
            texture_from=0.0,
        ),
        augment="adaptive",
        snapshot_images=400_000,
    ),
    # Seconds: every branch of the loop, for the tests.
    "stylegan-16-tiny": StyleganOptions(
        preset="stylegan-16-tiny",
        network=NetworkConfig(
            resolution=16,
            z_dim=16,
            w_dim=16,
            mapping_layers=2,
            channel_base=64,
            channel_max=16,
            resampling="smooth",
        ),
        phases=(Phase(8, 64, r1_gamma=0.02), Phase(16, 128, r1_gamma=0.05, fade_images=32)),
        batch=8,
        r1_interval=4,
        path_length_weight=2.0,
        ema_half_life=100,
        texture_from=0.5,
        precision="fp32",
        snapshot_images=64,
        log_images=32,
    ),
    # What makes the seed's generator work, by the experiments in docs/training/dcgan.md: half an
    # hour on one thread of a busy machine.
    "dcgan-color": DCGAN_COLOR,
    # The same in grey; a colour dataset is seen in grey.
    "dcgan-gray": replace(
        DCGAN_COLOR, preset="dcgan-gray", network=replace(DCGAN_COLOR.network, image_channels=1)
    ),
    # The seed's. Known is the shape of both networks; widths, kernels, noise, dropout, optimiser
    # and batch are assumed to follow TensorFlow's DCGAN tutorial. 50 epochs of 20,000 images.
    "dcgan-seed": DcganOptions(
        preset="dcgan-seed",
        network=DcganConfig(
            z_dim=100,
            generator_widths=(256, 128, 64, 32),
            generator_kernel=5,
            discriminator_widths=(64, 128),
            discriminator_kernel=5,
            dropout=0.3,
            init="glorot",
        ),
        images=1_000_000,
        batch=256,
        lr_generator=1e-4,
        lr_discriminator=1e-4,
        lr_decay_from=1.0,
        beta1=0.9,
        ema_half_life=0,
        mirror=False,
        snapshot_images=20_000,
    ),
    # Seconds: every branch of the loop, for the tests.
    "dcgan-16-tiny": DcganOptions(
        preset="dcgan-16-tiny",
        network=DcganConfig(
            resolution=16,
            z_dim=8,
            generator_widths=(8, 8, 8, 4),
            discriminator_widths=(8, 16),
        ),
        images=192,
        batch=8,
        r1_gamma=0.1,
        r1_interval=4,
        real_label=0.9,
        ema_half_life=100,
        precision="fp32",
        snapshot_images=64,
        log_images=32,
    ),
}
