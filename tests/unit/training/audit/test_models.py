"""Drawn subjects: what the service would draw, each by its seed alone."""

import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from services.generator.latents import NoiseMode, latents, noise
from tests.unit.training.metrics.tiny import tiny
from training.audit.models import CONSTANT_NOISE, LATENT, ServedSubjects, WeightsSubjects, _normal
from training.networks.weights import save_generator

MODELS = Path(__file__).parents[4] / "models"
SHEET = Path(__file__).parents[4] / "docs/images/sheet.png"
SEEDS = [1, 2**64 - 1, 7]


def test_latents_and_noise_are_the_services() -> None:
    for seed, expected in zip(SEEDS, latents(SEEDS, 16), strict=True):
        np.testing.assert_array_equal(_normal(seed, LATENT, 16)[0], expected)
    [expected] = noise([5], 12, NoiseMode.CONSTANT)
    np.testing.assert_array_equal(_normal(0, CONSTANT_NOISE, 12)[0], expected)


def test_the_default_model_draws_the_faces_of_the_readme() -> None:
    """The sheet came out of the API: seeds 1 to 64, 8 a row, 2 px between faces."""
    subjects = ServedSubjects.open(MODELS, "stylegan", range(1, 65), truncation=None)
    sheet = np.asarray(Image.open(SHEET).convert("RGB"))
    for place in (0, 9, 63):
        top, left = (2 + 66 * number for number in divmod(place, 8))
        [face] = subjects[np.array([place])]
        difference = face.astype(int) - sheet[top : top + 64, left : left + 64]
        assert np.abs(difference).max() <= 1
    assert subjects.name(63) == "seed 64"


@pytest.mark.parametrize("kind", ["served", "weights"])
def test_an_image_depends_on_its_seed_alone_and_travels(kind: str, tmp_path: Path) -> None:
    if kind == "served":
        subjects = ServedSubjects.open(MODELS, "dcgan_gray", SEEDS, truncation=None)
    else:
        save_generator(tmp_path / "a.safetensors", tiny(), {}, {})
        subjects = WeightsSubjects.open(tmp_path / "a.safetensors", SEEDS, truncation=0.5)
    together = subjects[np.arange(3)]
    assert (together[0] != together[1]).any()
    np.testing.assert_array_equal(subjects[np.array([2])][0], together[2])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(subjects))[np.arange(3)], together)


def test_the_truncation_is_the_models_or_as_asked_for() -> None:
    default = ServedSubjects.open(MODELS, "stylegan", [1], truncation=None)
    assert default.describe()["truncation"] == 0.7
    average = ServedSubjects.open(MODELS, "stylegan", [1, 2], truncation=0.0)[np.arange(2)]
    np.testing.assert_array_equal(average[0], average[1])


def test_models_that_draw_nothing_are_refused(tmp_path: Path) -> None:
    def refused(name: str, message: str, truncation: float | None = None) -> None:
        with pytest.raises(ValueError, match=message):
            ServedSubjects.open(tmp_path, name, [1], truncation)

    for name in ("stylegan_mapping", "dcgan_gray"):
        shutil.copytree(MODELS / name, tmp_path / name)
    refused("stylegan", r"no model 'stylegan'; there are dcgan_gray, stylegan_mapping")
    refused("stylegan_mapping", r"is a mapping model")
    refused("dcgan_gray", r"--truncation: dcgan_gray has none", truncation=0.5)
    card = tmp_path / "dcgan_gray/1/model_card.json"
    told = json.loads(card.read_text())
    told["files"]["model.onnx"]["sha256"] = "0"
    card.write_text(json.dumps(told))
    refused("dcgan_gray", r"is not the file that its model_card.json describes")
