"""The exported copy detector against PyTorch, and what its card says."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from services.common.triton.client import ModelConfig, TensorSpec
from services.generator.models import parse_model
from tests.unit.training.conftest import write_dataset
from tests.unit.training.copies.conftest import STORY, tiny_detector
from training.copies.embedding import BATCH, Embedder
from training.copies.export import publish_detector
from training.export.parity import ParityError
from training.export.repository import read_card
from training.networks.copy_detector import CopyDetector


def test_onnx_embeds_as_pytorch_does(detector: CopyDetector, models: Path, tmp_path: Path) -> None:
    images = np.asarray(write_dataset(tmp_path / "squares", count=BATCH + 9).images_NHWC)
    scaled = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 127.5 - 1
    wanted = detector(scaled).numpy()
    embedder = Embedder(models)
    np.testing.assert_allclose(embedder(images), wanted, atol=2e-6)
    np.testing.assert_allclose(embedder(images[:1]), wanted[:1], atol=2e-6)
    np.testing.assert_allclose(np.linalg.norm(embedder(images), axis=1), 1, atol=1e-6)


def test_the_card_tells_all_and_names_no_generator(models: Path) -> None:
    folder = models / "copy_detector"
    card = read_card(folder, 1)
    assert (card["kind"], card["embedding"], card["resolution"]) == ("copy_detector", 16, 16)
    assert card["parity"]["max_error"]["embedding"] < 1e-5
    config = (folder / "config.pbtxt").read_text()
    assert 'name: "image" data_type: TYPE_UINT8 dims: [ 16, 16, 3 ]' in config
    assert 'name: "embedding" data_type: TYPE_FP32 dims: [ 16 ]' in config
    # The generator's ListModels shows what this function returns.
    served = ModelConfig(
        inputs={"image": TensorSpec("UINT8", (16, 16, 3))},
        outputs={"embedding": TensorSpec("FP32", (16,))},
        parameters={"model_card_1": json.dumps(card)},
    )
    assert parse_model("copy_detector", 1, served) is None


def test_the_newest_version_is_used(models: Path, tmp_path: Path) -> None:
    for version in (1, 2, 10):
        shutil.copytree(models / "copy_detector" / "1", tmp_path / "copy_detector" / str(version))
    assert Embedder(tmp_path).detector.version == 10


def test_a_network_that_computes_nonsense_is_not_published(tmp_path: Path) -> None:
    spoilt = tiny_detector()
    spoilt.project.bias[3] = torch.nan
    with pytest.raises(ParityError, match="embedding"):
        publish_detector(tmp_path, spoilt, STORY, "Apache-2.0")
    assert not any(tmp_path.iterdir())


def test_a_repository_without_a_detector_and_wrong_sizes_are_refused(
    models: Path, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="copies export"):
        Embedder(tmp_path)
    with pytest.raises(ValueError, match="16x16 RGB"):
        Embedder(models)(np.zeros((1, 64, 64, 3), np.uint8))
