"""`anime-gan evaluate` on a tiny generator and coloured squares."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from services.generator.latents import NoiseMode, latents, noise
from tests.requires import require_module
from tests.unit.search.ssim.index.material import noise as noise_pictures
from tests.unit.search.ssim.index.material import write_dataset as write_noise
from tests.unit.training.conftest import write_dataset
from tests.unit.training.datasets.pictures import jpeg, mirrored
from tests.unit.training.metrics.tiny import tiny
from training.cli import evaluate as evaluating
from training.cli.evaluate import main, parser
from training.datasets.store import Dataset
from training.features.efficientnet import LITE0, LITE1
from training.metrics.registry import METRICS
from training.metrics.samples import Sampler
from training.networks.dcgan import DcganConfig
from training.networks.dcgan import Generator as DcganGenerator
from training.networks.weights import load_generator, save_generator

for variant in (LITE0, LITE1):
    require_module(variant.package)


@pytest.fixture
def squares(tmp_path: Path) -> Dataset:
    """Two halves of 20 images: the fewest that every metric can do with."""
    return write_dataset(tmp_path / "squares", count=40)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "generator.safetensors"
    save_generator(path, tiny(), {"preset": "tiny"}, {})
    return path


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shared: all tests that draw the same squares have the same features."""
    return tmp_path_factory.mktemp("cache")


def run(what: list[str], dataset: Path, cache: Path, *more: str) -> int:
    fixed = ["--dataset", str(dataset), "--cache", str(cache), "--device", "cpu"]
    return main([*what, *fixed, *more])


def figures(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text())["metrics"]


def test_it_measures_prints_writes_and_records(
    weights: Path, squares: Dataset, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def evaluate() -> dict[str, Any]:
        chosen = ["--metrics", "kid,fd", "--count", "8", "--record"]
        assert run(["--weights", str(weights)], squares.directory, cache, *chosen) == 0
        return json.loads(weights.with_suffix(".metrics.json").read_text())

    first = evaluate()
    shown = capsys.readouterr().out
    assert "KID x1000, Gaussian kernel (EfficientNet-Lite0)" in shown and "real vs real" in shown
    assert "dataset: 40 images of squares" in shown
    assert "kid: 8 real, 8 others, 8 generated" in shown
    kid = first["metrics"]["kid_x1000"]
    assert kid["low"] < kid["value"] < kid["high"]
    assert kid["value"] > 5 * abs(kid["floor"]["value"])
    assert kid["samples"]["generated"] == 8
    _, story = load_generator(weights)
    assert story["training"] == {"preset": "tiny"}
    assert story["metrics"]["kid_x1000"] == kid["value"]
    assert story["metrics"]["kid_x1000_floor"] == kid["floor"]["value"]

    [features] = cache.glob("*/*.npy")
    written = features.stat().st_mtime_ns
    assert evaluate() == first
    assert features.stat().st_mtime_ns == written


def test_by_default_it_measures_all_that_it_can(
    weights: Path,
    squares: Dataset,
    cache: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    training = write_dataset(tmp_path / "training", count=24, seed=2)
    more = ["--training", str(training.directory), "--training-images", "20", "--paths", "3"]
    assert run(["--weights", str(weights)], squares.directory, cache, *more) == 0
    found = figures(weights.with_suffix(".metrics.json"))
    impossible = {"fid", "reduced_32", "reduced_16"}
    assert set(found) == {
        figure.key
        for key, metric in METRICS.items()
        if key not in impossible
        for figure in metric.figures
    }
    assert list(found)[:4] == ["fd", "fd_means", "density", "coverage"]
    unbounded = {key for key, figure in found.items() if figure["low"] is None}
    assert unbounded == {"max_ssim_most"}  # the bootstrap does not work for extremes
    assert found["auth_pct"]["samples"] == {
        "training": 20,
        "real": 20,
        "others": 20,
        "generated": 20,
    }
    assert found["max_ssim_most"]["value"] < 0.9
    assert found["max_ssim_most"]["samples"]["training"] == 24  # always the whole set
    assert found["served_fd"]["samples"] == {"real": 20, "others": 20, "served": 20}
    shown = capsys.readouterr().out
    side = "images whose side is a multiple of 16 px above it; these have 16 px"
    assert f"left out: reduced_16 needs {side}" in shown
    assert "left out: fid needs the file pt_inception-2015-12-05-6726825d.pth" in shown


def test_figures_as_served_are_of_the_images_that_are_served(
    weights: Path, squares: Dataset, cache: Path
) -> None:
    """At psi 0 and without noise a generator draws one image."""

    def served(*options: str) -> dict[str, Any]:
        chosen = ["--metrics", "served,density_coverage", "--record", *options]
        assert run(["--weights", str(weights)], squares.directory, cache, *chosen) == 0
        return json.loads(weights.with_suffix(".metrics.json").read_text())

    usual, one = served(), served("--served-truncation", "0", "--drop-noise")
    assert usual["served"] == {"truncation": 0.7, "noise": "constant"}
    assert one["served"] == {"truncation": 0, "noise": "none"}
    assert one["truncation"] == usual["truncation"] == 1
    assert one["metrics"]["coverage"] == usual["metrics"]["coverage"]
    assert one["metrics"]["served_recall"]["value"] == 0
    assert one["metrics"]["served_fd"]["value"] != usual["metrics"]["served_fd"]["value"]
    _, story = load_generator(weights)
    assert story["metrics"]["served_fd"] == one["metrics"]["served_fd"]["value"]
    assert story["metrics"]["measured"]["metrics"]["served_fd"]["low"] is not None


def test_images_are_reduced_where_they_are_larger(tmp_path: Path, cache: Path) -> None:
    large = write_dataset(tmp_path / "large", count=40, side=32)
    what = ["--samples", str(large.directory)]
    assert run(what, large.directory, cache, "--metrics", "reduced_16") == 0
    found = figures(tmp_path / "large.metrics.json")
    assert list(found) == ["fd_16", "precision_16", "recall_16", "coverage_16"]
    # The samples are the real images and the others, in one order: the first half is the same.
    assert found["fd_16"]["value"] == pytest.approx(0, abs=1e-6) != found["fd_16"]["floor"]["value"]


def test_samples_take_the_place_of_weights(squares: Dataset, cache: Path, tmp_path: Path) -> None:
    """The training images themselves as samples: everything that looks for copies must see them."""
    training = write_dataset(tmp_path / "training", count=24, seed=2)
    folder = tmp_path / "copies"
    folder.mkdir()
    for place, image in enumerate(training.images_NHWC):
        Image.fromarray(image).save(folder / f"{place}.png")
    chosen = ["--training", str(training.directory), "--metrics", "authenticity,max_ssim,ct"]
    what = ["--samples", str(folder)]
    assert run(what, squares.directory, cache, *chosen, "--ssim-images", "4") == 0
    found = figures(tmp_path / "copies.metrics.json")
    assert found["auth_pct"]["value"] == 0 < found["auth_pct"]["floor"]["value"]
    assert found["max_ssim_median"]["value"] == pytest.approx(1)
    assert found["max_ssim_median"]["floor"]["value"] < 0.9
    assert found["ct"]["value"] < -3 < found["ct"]["floor"]["value"]


def test_images_of_the_training_are_refused_or_told(
    tmp_path: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Held-out images of which four were seen: two as they are, one mirrored, one as a JPEG."""
    images = noise_pictures(52, seed=0, size=64)
    training = write_noise(tmp_path / "training", images[:16]).directory
    seen = [images[3], images[5], mirrored(images[7]), jpeg(images[9])]
    heldout = write_noise(tmp_path / "heldout", np.stack([*images[16:], *seen])).directory
    what = ["--samples", str(training)]
    chosen = ["--training", str(training), "--metrics", "fd"]
    assert run(what, heldout, cache, *chosen) == 1
    refusal = capsys.readouterr().err
    assert "4 of 40 images of heldout (10.0%) are images of training, or nearly" in refusal
    assert "dataset clean HELDOUT --against TRAINING" in refusal and "--allow-overlap" in refusal
    assert not (tmp_path / "training.metrics.json").exists()

    assert run(what, heldout, cache, *chosen, "--allow-overlap") == 0
    assert "overlap: 4 of 40 images of heldout (10.0%)" in capsys.readouterr().out
    measured = json.loads((tmp_path / "training.metrics.json").read_text())
    assert measured["overlap"] == {"copies": 4, "of": 40}

    apart = write_noise(tmp_path / "apart", images[16:]).directory
    assert run(what, apart, cache, *chosen) == 0
    measured = json.loads((tmp_path / "training.metrics.json").read_text())
    assert measured["overlap"] == {"copies": 0, "of": 36}


def test_without_training_images_no_overlap_is_claimed(
    squares: Dataset, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["--samples", str(squares.directory)], squares.directory, cache) == 0
    assert json.loads((tmp_path / "squares.metrics.json").read_text())["overlap"] is None
    assert "overlap" not in capsys.readouterr().out


def test_a_grey_dcgan_is_measured_in_grey(squares: Dataset, cache: Path, tmp_path: Path) -> None:
    weights = tmp_path / "dcgan.safetensors"
    config = DcganConfig(16, 1, z_dim=8, generator_widths=(8, 8, 8, 8), generator_norm="none")
    save_generator(weights, DcganGenerator(config), {}, {})
    few = ["--count", "8", "--paths", "2"]
    assert run(["--weights", str(weights)], squares.directory, cache, *few) == 0
    measured = json.loads(weights.with_suffix(".metrics.json").read_text())
    assert "ppl_z" in measured["metrics"]
    assert "W space" in measured["left_out"]["ppl_w"]
    assert measured["left_out"]["served"] == "a generator with truncation (--weights)"
    assert measured["served"] is None
    assert measured["dataset"]["digest"].endswith("-grey")


@pytest.mark.parametrize(
    ("metrics", "message"),
    [
        ("fid,kid", "fid needs the file pt_inception-2015-12-05-6726825d.pth (--inception-weights"),
        ("reduced_32", "reduced_32 needs images whose side is a multiple of 32 px above it"),
        ("ct", "ct needs the images that the generator was trained on (--training DATASET)"),
        ("beauty", "'beauty' is unknown; there are fd, density_coverage, kid"),
    ],
)
def test_a_metric_that_cannot_be_measured_is_refused_with_the_remedy(
    weights: Path,
    squares: Dataset,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    metrics: str,
    message: str,
) -> None:
    chosen = ["--metrics", metrics]
    assert run(["--weights", str(weights)], squares.directory, tmp_path, *chosen) == 1
    assert message in capsys.readouterr().err


def test_images_alone_have_no_paths(
    squares: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    what, cache = ["--samples", str(squares.directory)], tmp_path / "cache"
    assert run(what, squares.directory, cache, "--metrics", "kid,ppl_z") == 1
    assert "ppl_z needs the generator itself (--weights instead" in capsys.readouterr().err
    assert not cache.exists()  # refused before anything was computed


def test_too_few_images_are_refused(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few = write_dataset(tmp_path / "few", count=10)
    assert run(["--weights", str(weights)], few.directory, tmp_path, "--metrics", "kid") == 1
    message = "kid needs at least 8 images in each set, and there are 5"
    assert message in capsys.readouterr().err


def test_what_does_not_compare_is_refused(
    tmp_path: Path, squares: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = tmp_path / "generator.safetensors"
    save_generator(weights, tiny(resolution=8), {}, {})
    assert run(["--weights", str(weights)], squares.directory, tmp_path) == 1
    assert "the generator draws 8 px, squares has 16 px" in capsys.readouterr().err
    assert run(["--weights", str(weights)], tmp_path, tmp_path) == 1
    assert "neither a data set nor a folder" in capsys.readouterr().err


def test_weights_that_were_trained_on_meanwhile_are_not_overwritten(
    weights: Path,
    squares: Dataset,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def measure(*given: Any) -> Any:
        save_generator(weights, tiny(), {"preset": "tiny", "images_seen": 8}, {})
        return measured(*given)

    measured = evaluating.evaluate
    monkeypatch.setattr(evaluating, "evaluate", measure)
    chosen = ["--metrics", "fd", "--count", "8", "--record"]
    assert run(["--weights", str(weights)], squares.directory, cache, *chosen) == 1
    assert "has been written anew since it was read" in capsys.readouterr().err
    story = load_generator(weights)[1]
    assert story == {"training": {"preset": "tiny", "images_seen": 8}, "metrics": {}}


def test_samples_cannot_be_recorded_in(
    squares: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        run(["--samples", str(squares.directory)], squares.directory, tmp_path, "--record")
    assert "--record needs --weights" in capsys.readouterr().err


def test_the_help_explains_every_metric() -> None:
    shown = parser().format_help()
    for metric in METRICS.values():
        assert f"{metric.key} " in shown and metric.about in shown


@pytest.mark.parametrize("mode", list(NoiseMode))
def test_noise_is_that_of_the_service(mode: NoiseMode) -> None:
    seeds = np.array([3, 0, 7])
    sampler = Sampler(tiny(), 1.0, torch.device("cpu"), 8, mode.value)
    size = sampler.generator.config.noise_size
    np.testing.assert_array_equal(sampler.noise(seeds), noise(seeds.tolist(), size, mode))
    np.testing.assert_array_equal(sampler.latents(seeds), latents(seeds.tolist(), 8))


def test_a_drawn_image_depends_on_its_seed_alone() -> None:
    sampler = Sampler(tiny(), 1.0, torch.device("cpu"), 40)
    many = sampler[np.arange(40)]
    assert many.shape == (40, 16, 16, 3)
    few = sampler[np.array([35, 33])]
    assert np.abs(many[[35, 33]].astype(int) - few).max() <= 1
    assert not (many[0] == many[1]).all()
