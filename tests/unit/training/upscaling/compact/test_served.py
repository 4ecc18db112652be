"""The committed model: it is the committed weights, sees its margin, and beats what it replaces."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.requires import require_renderer
from training.export.repository import read_card, versions
from training.upscaling.compact.weights import load_upscaler
from training.upscaling.export import UpscalerGraph
from training.upscaling.material import HELDOUT_SEED
from training.upscaling.methods import Method, networks
from training.upscaling.quality import downscale, psnr

ROOT = Path(__file__).parents[5]
FOLDER = ROOT / "models" / "upscale_compact_2x"
RANDOM = np.random.default_rng(0)


@pytest.fixture(scope="module")
def methods() -> dict[str, Method]:
    return {method.name: method for method in networks(ROOT / "models")}


@pytest.fixture(scope="module")
def compact(methods: dict[str, Method]) -> Method:
    return methods["compact"]


@pytest.mark.parametrize("height, width", [(1, 1), (3, 40), (29, 17)])
def test_it_is_the_network_that_learnt(compact: Method, height: int, width: int) -> None:
    learnt, _ = load_upscaler(ROOT / "training" / "weights" / "compact-2x.safetensors")
    picture = RANDOM.integers(0, 256, (height, width, 3), np.uint8)
    with torch.no_grad():
        wanted, _ = UpscalerGraph(learnt)(torch.from_numpy(picture)[None])
    difference = np.abs(compact.enlarge(picture).astype(int) - wanted[0].numpy())
    assert difference.max() <= 1
    assert (difference == 0).mean() > 0.99


def test_pixels_beyond_the_margin_change_nothing(compact: Method) -> None:
    margin = read_card(FOLDER, versions(FOLDER)[-1])["margin"]
    picture = RANDOM.integers(0, 256, (40, 40, 3), np.uint8)
    seen = picture.copy()
    seen[: 20 - margin] ^= 255
    seen[20 + margin + 1 :] ^= 255
    assert np.array_equal(compact.enlarge(picture)[40:42], compact.enlarge(seen)[40:42])


def test_faces_come_out_no_worse_than_with_upconv7(methods: dict[str, Method]) -> None:
    require_renderer()
    from training.datasets.procedural import render

    faces = [render(HELDOUT_SEED + place, 128) for place in range(20)]
    small = [downscale(face, "lanczos") for face in faces]

    def mean_psnr(name: str) -> float:
        enlarge = methods[name].enlarge
        pairs = zip(small, faces, strict=True)
        return float(np.mean([psnr(enlarge(picture), face) for picture, face in pairs]))

    assert mean_psnr("compact") > mean_psnr("upconv7")
