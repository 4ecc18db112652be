"""SSIM of one picture to many by the packages that a user would pick, each used at its best.

They get the references in the type that they want, ready in memory; only the scores are timed.
piq imports torchvision for networks that nothing here uses, and whose wheels on PyPI want a GPU's
torch: an empty module stands in for it.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from unittest.mock import MagicMock

import fast_ssim
import kornia
import numpy as np
import pytorch_msssim
import torch
import torchmetrics.functional.image as torchmetrics
from skimage.metrics import structural_similarity

_absent = MagicMock(name="torchvision")
sys.modules.update({"torchvision": _absent, "torchvision.models": _absent})
import piq  # noqa: E402

Array = np.ndarray[Any, Any]
BATCH = 64  # references that the packages on torch get at a time
BORDER = 5  # of kornia's map: windows that reach out of the image


@dataclass(frozen=True)
class Peer:
    """A package that computes one definition of SSIM."""

    name: str
    definition: str
    prepare: Callable[[Array], Any]
    """References uint8 [N, H, W, C] to what the package wants."""
    score: Callable[[Array, Any], Array]
    """Query uint8 [H, W, C] and prepared references to scores [N]."""


def _tensor(images: Array) -> torch.Tensor:
    return torch.from_numpy(images).permute(0, 3, 1, 2).float().contiguous()


def _in_batches(score: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> Any:
    @torch.inference_mode()
    def scores(query: Array, references: torch.Tensor) -> Array:
        asked = _tensor(query[None])
        parts = [score(asked.expand_as(part), part) for part in torch.split(references, BATCH)]
        return torch.cat(parts).numpy()

    return scores


def _one_by_one(score: Callable[[Array, Array], float]) -> Any:
    def scores(query: Array, references: Array) -> Array:
        return np.array([score(query, reference) for reference in references])

    return scores


def _kornia(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    full = kornia.metrics.ssim(x, y, window_size=11, max_val=255.0)
    return full[..., BORDER:-BORDER, BORDER:-BORDER].mean(dim=(1, 2, 3))


PEERS = (
    Peer(
        "scikit-image",
        "uniform7",
        np.ascontiguousarray,
        _one_by_one(lambda x, y: structural_similarity(x, y, channel_axis=2, data_range=255)),
    ),
    Peer(
        "fast-ssim",
        "uniform7",
        np.ascontiguousarray,
        _one_by_one(lambda x, y: fast_ssim.ssim(x, y, data_range=255)),
    ),
    Peer(
        "scikit-image",
        "gaussian",
        np.ascontiguousarray,
        _one_by_one(
            lambda x, y: structural_similarity(
                x,
                y,
                channel_axis=2,
                data_range=255,
                gaussian_weights=True,
                sigma=1.5,
                use_sample_covariance=False,
            )
        ),
    ),
    Peer(
        "pytorch-msssim",
        "gaussian",
        _tensor,
        _in_batches(lambda x, y: pytorch_msssim.ssim(x, y, data_range=255, size_average=False)),
    ),
    Peer(
        "piq",
        "gaussian",
        _tensor,
        _in_batches(
            lambda x, y: piq.ssim(x, y, data_range=255.0, reduction="none", downsample=False)
        ),
    ),
    Peer("kornia", "gaussian", _tensor, _in_batches(_kornia)),
    Peer(
        "torchmetrics",
        "gaussian",
        _tensor,
        _in_batches(
            lambda x, y: torchmetrics.structural_similarity_index_measure(
                x, y, data_range=255.0, reduction="none"
            )
        ),
    ),
)
