"""A tiny copy detector in a model repository, trained for a few steps."""

from pathlib import Path

import pytest
import torch

from training.copies.export import publish_detector
from training.networks.copy_detector import CopyDetector, DetectorConfig

STORY = {
    "preset": "tiny",
    "images_seen": 1,
    "commit": "none",
    "options": {},
    "dataset": {"name": "squares", "digest": "d", "licence": "CC0-1.0"},
}


def tiny_detector() -> CopyDetector:
    """16 px; its batch normalisation has seen something, so that folding it is no no-op."""
    torch.manual_seed(0)
    network = CopyDetector(
        DetectorConfig(resolution=16, widths=(8, 16), blocks=(0, 1), embedding=16)
    )
    with torch.no_grad():
        for _ in range(5):
            network(torch.rand(32, 3, 16, 16) * 2 - 1)
    return network.eval().requires_grad_(False)


@pytest.fixture(scope="session")
def detector() -> CopyDetector:
    return tiny_detector()


@pytest.fixture(scope="session")
def models(detector: CopyDetector, tmp_path_factory: pytest.TempPathFactory) -> Path:
    repository = tmp_path_factory.mktemp("models")
    publish_detector(repository, detector, STORY, "Apache-2.0")
    return repository
