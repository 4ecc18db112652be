"""The StyleGAN2s that are known to work, one row each: `anime-gan train --preset NAME`."""

from __future__ import annotations

from training.networks.stylegan2 import NetworkConfig
from training.stylegan2.options import Phase, StyleganOptions

STYLEGAN: dict[str, StyleganOptions] = {
    # Two CPU cores, about two hours: the weights that this repository ships.
    "stylegan-64-cpu": StyleganOptions(
        preset="stylegan-64-cpu",
        network=NetworkConfig(resolution=64, channel_base=1024, channel_max=128, channel_min=32),
        phases=(
            Phase(16, 80_000, r1_gamma=0.02),
            Phase(32, 100_000, r1_gamma=0.03, fade_images=12_000),
            Phase(64, 105_000, r1_gamma=0.10, fade_images=12_000),
            # By now the discriminator is ahead: a smoother one teaches more.
            Phase(64, 115_000, r1_gamma=0.20),
        ),
        ema_half_life=10_000,
        texture_from=0.75,
    ),
    # The same networks go on from a checkpoint: other pictures, or more of the same ones.
    "stylegan-64-cpu-transfer": StyleganOptions(
        preset="stylegan-64-cpu-transfer",
        network=NetworkConfig(resolution=64, channel_base=1024, channel_max=128, channel_min=32),
        phases=(Phase(64, 300_000, r1_gamma=0.10),),
        ema_half_life=10_000,
        texture_from=0.0,
    ),
    # Two CPU cores, about an hour (estimated): a first look at new pictures.
    "stylegan-32-cpu": StyleganOptions(
        preset="stylegan-32-cpu",
        network=NetworkConfig(resolution=32, channel_base=1024, channel_max=128, channel_min=32),
        phases=(Phase(16, 80_000, r1_gamma=0.02), Phase(32, 220_000, 0.03, fade_images=12_000)),
        ema_half_life=10_000,
        texture_from=0.75,
    ),
    # One GPU, minutes to hours: no growing is needed when several million images are affordable.
    "stylegan-64-gpu": StyleganOptions(
        preset="stylegan-64-gpu",
        network=NetworkConfig(
            resolution=64, z_dim=256, w_dim=256, channel_base=4096, channel_max=256
        ),
        phases=(Phase(64, 4_000_000, r1_gamma=0.10),),
        batch=64,
        lr_generator=0.0025,
        lr_discriminator=0.0025,
        path_length_weight=2.0,
        ema_half_life=20_000,
        mixing_probability=0.9,
        texture_from=0.5,
        snapshot_images=200_000,
    ),
    # One GPU or several, a day on one (estimated, not tried): R1 as in Karras et al. 2020, which
    # also asks for augmentation below some 100,000 images.
    "stylegan-128-gpu": StyleganOptions(
        preset="stylegan-128-gpu",
        network=NetworkConfig(
            resolution=128, z_dim=512, w_dim=512, channel_base=8192, channel_max=512
        ),
        phases=(Phase(128, 8_000_000, r1_gamma=0.5),),
        batch=64,
        lr_generator=0.0025,
        lr_discriminator=0.0025,
        path_length_weight=2.0,
        ema_half_life=20_000,
        mixing_probability=0.9,
        texture_from=0.0,
        augment="adaptive",
        snapshot_images=200_000,
        log_images=4_096,
    ),
    "stylegan-256-gpu": StyleganOptions(
        preset="stylegan-256-gpu",
        network=NetworkConfig(
            resolution=256, z_dim=512, w_dim=512, channel_base=16384, channel_max=512
        ),
        phases=(Phase(256, 16_000_000, r1_gamma=1.0),),
        batch=64,
        lr_generator=0.0025,
        lr_discriminator=0.0025,
        path_length_weight=2.0,
        ema_half_life=20_000,
        mixing_probability=0.9,
        texture_from=0.0,
        augment="adaptive",
        snapshot_images=400_000,
        log_images=4_096,
    ),
    # Seconds: every branch of the loop, for the tests.
    "stylegan-16-tiny": StyleganOptions(
        preset="stylegan-16-tiny",
        network=NetworkConfig(
            resolution=16, z_dim=16, w_dim=16, mapping_layers=2, channel_base=64, channel_max=16
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
}
