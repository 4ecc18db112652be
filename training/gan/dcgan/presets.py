"""The DCGANs that are known to work, one row each: `anime-gan train --preset NAME`."""

from __future__ import annotations

from dataclasses import replace

from training.gan.dcgan.options import DcganOptions
from training.networks.dcgan import DcganConfig

COLOR = DcganOptions(
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

DCGAN: dict[str, DcganOptions] = {
    # What makes the seed's generator work, by the experiments in docs/training/dcgan.md: half an
    # hour on one thread of a busy machine.
    "dcgan-color": COLOR,
    # The same in grey; a colour dataset is seen in grey.
    "dcgan-gray": replace(
        COLOR, preset="dcgan-gray", network=replace(COLOR.network, image_channels=1)
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
