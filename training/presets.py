"""The runs that are known to work, by name: `anime-gan train --preset NAME`."""

from __future__ import annotations

from training.dcgan.presets import DCGAN
from training.run_options import RunOptions
from training.stylegan2.presets import STYLEGAN

PRESETS: dict[str, RunOptions] = {**STYLEGAN, **DCGAN}
