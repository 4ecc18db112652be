"""The DCGANs that are known to work, one row each: `anime-gan train --preset NAME`."""

from __future__ import annotations

from training.dcgan.options import DcganOptions
from training.networks.dcgan import DcganConfig

DCGAN: dict[str, DcganOptions] = {
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
