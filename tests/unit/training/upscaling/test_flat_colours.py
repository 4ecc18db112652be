"""Flat colours stay flat, as far as the published networks keep them: what shifts is written here.

No method leaves every colour as it is. The shifts are the networks' own: ncnn's runtime shows the
same ones, and they are not the same for all colours, so there is no constant to take away again.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

MODELS = Path(__file__).parents[4] / "models"
GREYS = [(level, level, level) for level in range(0, 256, 15)]
CORNERS = [(r, g, b) for r in (0, 255) for g in (0, 255) for b in (0, 255)]
OTHERS = np.random.default_rng(0).integers(0, 256, (30, 3)).tolist()


@pytest.mark.parametrize(
    ("name", "of_greys", "of_colours"),
    [
        ("upscale_compact_2x", 0, 0),  # by design: training/upscaling/compact/network.py
        ("upscale_upconv7_2x", 1, 2),
        ("upscale_cunet_2x", 0, 2),
        ("upscale_cunet_1x_noise1", 1, 2),
    ],
)
def test_flat_colours_move_by_few_levels(name: str, of_greys: int, of_colours: int) -> None:
    session = onnxruntime.InferenceSession(
        MODELS / name / "1" / "model.onnx", providers=["CPUExecutionProvider"]
    )

    def shift(colours: list[tuple[int, int, int]]) -> int:
        flat = np.array(colours, np.uint8)[:, None, None]
        image = np.broadcast_to(flat, (len(colours), 3, 3, 3)).copy()
        upscaled = session.run(["upscaled"], {"image": image})[0]
        return int(np.abs(upscaled.astype(int) - flat).max())

    assert shift(GREYS) <= of_greys
    assert shift(CORNERS + OTHERS) <= of_colours
