"""Inception-V3 against torch-fidelity's, with random weights: the real ones are not at hand."""

import hashlib
import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.requires import require_module
from training.features import inception
from training.features.inception import Inception, load_inception, resize


@pytest.fixture(scope="module")
def fidelity() -> ModuleType:
    """torch-fidelity's network, without running the package's __init__.

    That imports torchvision, whose wheels fit CUDA builds of torch only; the file does not.
    """
    found = importlib.util.find_spec("torch_fidelity")
    if found is None:
        require_module("torch_fidelity")
    package = ModuleType("torch_fidelity")
    package.__path__ = list(found.submodule_search_locations)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "torch_fidelity", package)
        return importlib.import_module("torch_fidelity.feature_extractor_inceptionv3")


@pytest.fixture(scope="module")
def reference(fidelity: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> nn.Module:
    """Its network with random weights that keep the signal alive through 94 layers."""
    patch = pytest.MonkeyPatch()
    patch.setattr(fidelity.torch, "load", lambda path, weights_only: {})
    patch.setattr(fidelity.FeatureExtractorInceptionV3, "load_state_dict", lambda self, state: None)
    network = fidelity.FeatureExtractorInceptionV3("test", ["2048"], "unused")
    patch.undo()
    torch.manual_seed(0)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.2)
            nn.init.normal_(module.running_mean, std=0.2)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    return network


def images(side: int, channels: int = 3) -> Tensor:
    rng = np.random.default_rng(side)
    return torch.from_numpy(rng.integers(0, 256, (2, side, side, channels), np.uint8))


def test_it_is_torch_fidelitys_network(reference: nn.Module) -> None:
    network = Inception(reference.state_dict()).eval()
    levels = images(64)
    with torch.no_grad():
        ours = network(levels)
    (theirs,) = reference(levels.permute(0, 3, 1, 2))
    assert ours.shape == (2, 2048)
    assert theirs.std() > 0.1  # alive
    torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("side", [32, 64, 299, 400])
def test_it_resizes_as_tensorflow_1_did(fidelity: ModuleType, side: int) -> None:
    levels = images(side).permute(0, 3, 1, 2).float()
    theirs = fidelity.interpolate_bilinear_2d_like_tensorflow1x(
        levels, size=(299, 299), align_corners=False
    )
    torch.testing.assert_close(resize(levels), theirs, rtol=0, atol=1e-2)  # of 255 levels


def test_grey_images_count_as_grey_colours(reference: nn.Module) -> None:
    network = Inception(reference.state_dict()).eval()
    grey = images(32, channels=1)
    with torch.no_grad():
        torch.testing.assert_close(network(grey), network(grey.expand(-1, -1, -1, 3)))


def test_the_users_file_is_loaded(
    reference: nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "weights.pth"
    torch.save(reference.state_dict(), path)
    monkeypatch.setattr(inception, "SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    weight = load_inception(path).layers[0].weight
    assert weight.shape == (32, 3, 3, 3)


def test_another_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(b"something else")
    with pytest.raises(ValueError, match="expected 6726825d0af5f729"):
        load_inception(path)
    with pytest.raises(FileNotFoundError):
        load_inception(tmp_path / "missing.pth")
