"""`anime-gan evaluate` on a tiny generator and coloured squares."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.requires import require_module
from training.datasets.store import Dataset
from training.metrics import efficientnet
from training.metrics.command import main
from training.metrics.samples import draw
from training.networks.stylegan2 import Generator, NetworkConfig
from training.networks.weights import load_generator, save_generator

require_module(efficientnet.PACKAGE)


def tiny(resolution: int = 16) -> Generator:
    torch.manual_seed(0)
    config = NetworkConfig(
        resolution, z_dim=8, w_dim=8, mapping_layers=1, channel_base=64, channel_max=8
    )
    generator = Generator(config)
    for to_rgb in generator.synthesis.to_rgb:
        torch.nn.init.normal_(to_rgb.conv.weight_OIHW)
    for layer in generator.synthesis.layers:
        torch.nn.init.constant_(layer.noise_strength, 0.5)
    return generator.eval().requires_grad_(False)


def test_it_measures_prints_writes_and_records(
    tmp_path: Path, squares: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    weights, cache = tmp_path / "generator.safetensors", tmp_path / "cache"
    save_generator(weights, tiny(), {"preset": "tiny"}, {})
    command = ["--weights", str(weights), "--dataset", str(squares.directory), "--samples", "8"]
    command += ["--cache", str(cache), "--device", "cpu", "--record"]

    assert main(command) == 0
    shown = capsys.readouterr().out
    assert "KID x1000 (EfficientNet-Lite0)" in shown and "FD (EfficientNet-Lite0)" in shown
    out = tmp_path / "generator.metrics.json"
    first = json.loads(out.read_text())
    kid = first["metrics"]["kid_x1000"]
    assert kid["low"] < kid["value"] < kid["high"]
    assert kid["value"] > 5 * abs(kid["floor"]["value"])
    assert first["samples"] == 8
    _, story = load_generator(weights)
    assert story["training"] == {"preset": "tiny"}
    assert story["metrics"]["kid_x1000"] == kid["value"]
    assert story["metrics"]["kid_x1000_floor"] == kid["floor"]["value"]

    [features] = cache.iterdir()
    written = features.stat().st_mtime_ns
    assert main(command) == 0
    assert json.loads(out.read_text()) == first
    assert features.stat().st_mtime_ns == written


def test_a_small_data_set_lowers_the_number_of_samples(tmp_path: Path, squares: Dataset) -> None:
    weights = tmp_path / "generator.safetensors"
    save_generator(weights, tiny(), {}, {})
    command = ["--weights", str(weights), "--dataset", str(squares.directory), "--metrics", "fd"]
    assert main([*command, "--cache", str(tmp_path), "--device", "cpu"]) == 0
    assert json.loads((tmp_path / "generator.metrics.json").read_text())["samples"] == 32


def test_what_does_not_compare_is_refused(
    tmp_path: Path, squares: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = tmp_path / "generator.safetensors"
    save_generator(weights, tiny(resolution=8), {}, {})
    assert main(["--weights", str(weights), "--dataset", str(squares.directory)]) == 1
    message = "the generator draws 8 px, the data set has 16 px"
    assert message in capsys.readouterr().err
    assert main(["--weights", str(weights), "--dataset", str(tmp_path)]) == 1
    assert "anime-gan evaluate:" in capsys.readouterr().err


def test_a_drawn_image_depends_on_its_seed_alone() -> None:
    generator, cpu = tiny(), torch.device("cpu")
    many = draw(generator, range(40), 1.0, cpu)
    assert many.shape == (40, 16, 16, 3)
    few = draw(generator, range(33, 36), 1.0, cpu)
    assert np.abs(many[33:36].astype(int) - few).max() <= 1
    assert not (many[0] == many[1]).all()
