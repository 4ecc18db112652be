"""Weights files: what is saved comes back, and broken ones are refused with a reason."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from training.networks.stylegan2 import Generator, NetworkConfig
from training.networks.weights import WeightsError, load_generator, save_generator

TINY = NetworkConfig(
    resolution=8, z_dim=4, w_dim=4, mapping_layers=1, channel_base=32, channel_max=4
)
METADATA = {
    "format": "anime-gan.stylegan2.1",
    "network_config": json.dumps(vars(TINY)),
    "training": "{}",
    "metrics": "{}",
}


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    generator = Generator(TINY)
    generator.estimate_w_avg(samples=16)
    path = tmp_path / "run" / "generator.safetensors"
    save_generator(path, generator, {"preset": "tiny"}, {"kid_x1000": 1.5})
    return path


def test_a_generator_comes_back_as_it_was(tmp_path: Path) -> None:
    generator = Generator(TINY)
    generator.estimate_w_avg(samples=16)
    path = tmp_path / "generator.safetensors"
    save_generator(path, generator, {"preset": "tiny"}, {"kid_x1000": 1.5})
    loaded, story = load_generator(path)
    z = torch.randn(3, 4)
    assert torch.equal(loaded(z, torch.full((3, 1), 0.5)), generator(z, torch.full((3, 1), 0.5)))
    assert story == {"training": {"preset": "tiny"}, "metrics": {"kid_x1000": 1.5}}
    assert loaded.config == TINY
    assert [p.name for p in tmp_path.iterdir()] == ["generator.safetensors"]
    assert path.stat().st_mode & 0o777 == 0o644


def test_metadata_that_does_not_fit_is_refused(saved: Path) -> None:
    tensors = load_file(saved)
    for change, message in [
        ({"format": "other"}, "format 'other' is none of"),
        ({"network_config": '{"resolution": 12}'}, "not a power of two"),
        ({"network_config": '{"unknown": 1}'}, "unexpected keyword"),
        ({"training": "{"}, "metadata cannot be used"),
        ({"network_config": json.dumps({**vars(TINY), "w_dim": 8})}, "size mismatch"),
    ]:
        save_file(tensors, saved, {**METADATA, **change})
        with pytest.raises(WeightsError, match=message):
            load_generator(saved)


def test_tensors_that_do_not_fit_are_refused(saved: Path) -> None:
    tensors = load_file(saved)
    missing = {name: tensor for name, tensor in tensors.items() if name != "w_avg"}
    infinite = tensors | {"w_avg": torch.full((4,), float("inf"))}
    half = tensors | {"w_avg": tensors["w_avg"].half()}
    for broken, message in [
        (missing, "Missing key"),
        (infinite, "w_avg is not all finite float32"),
        (half, "w_avg is not all finite float32"),
    ]:
        save_file(broken, saved, METADATA)
        with pytest.raises(WeightsError, match=message):
            load_generator(saved)


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "generator.safetensors"
    path.write_bytes(b"\x80\x04pickle")
    with pytest.raises(WeightsError, match="not a readable safetensors file"):
        load_generator(path)
    with pytest.raises(FileNotFoundError, match="no such weights file"):
        load_generator(tmp_path / "none.safetensors")
