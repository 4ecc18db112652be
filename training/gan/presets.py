"""The runs that are known to work, by name: `anime-gan train --preset NAME`."""

from __future__ import annotations

from training.gan.dcgan.presets import DCGAN
from training.gan.options import RunOptions
from training.gan.stylegan2.presets import STYLEGAN

PRESETS: dict[str, RunOptions] = {**STYLEGAN, **DCGAN}
