"""The exported DCGAN: its contract, its parity, its batches, its card."""

from pathlib import Path

import numpy as np
import pytest
import torch

from training.cli.export import main
from training.export.dcgan import contracts
from training.export.graph import export, serve
from training.export.parity import open_session, random_inputs
from training.export.repository import read_card
from training.networks.dcgan import DcganConfig, Generator
from training.networks.weights import save_generator

TRAINING = {"dataset": {"name": "squares", "digest": "1" * 64, "licence": "CC0-1.0"}}


def grey_generator() -> Generator:
    torch.manual_seed(0)
    config = DcganConfig(
        resolution=16, image_channels=1, z_dim=8, generator_widths=(8, 8, 8, 4), init="glorot"
    )
    generator = Generator(config).eval().requires_grad_(False)
    generator.calibrate(samples=512)
    return generator


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "generator.safetensors"
    save_generator(path, grey_generator(), TRAINING, {"kid_x1000": 12.5})
    return path


def test_it_publishes_one_model_named_by_its_channels(tmp_path: Path, weights: Path) -> None:
    assert main(["--weights", str(weights), "--models", str(tmp_path)]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["dcgan_gray"]
    card = read_card(tmp_path / "dcgan_gray", 1)
    assert (card["kind"], card["channels"], card["z_dim"]) == ("dcgan", 1, 8)
    assert card["description"] == "DCGAN, 16x16 pixels, trained on squares"
    assert (card["noise_size"], card["metrics"]) == (0, {"kid_x1000": 12.5})
    assert not {"default_truncation", "w_dim", "num_layers"} & card.keys()
    assert card["parity"]["seeds"] == 256
    assert card["parity"]["max_levels"] <= 1
    session = open_session((tmp_path / "dcgan_gray" / "1" / "model.onnx").read_bytes())
    assert [(t.name, t.type, t.shape) for t in session.get_inputs()] == [
        ("z", "tensor(float)", ["batch", 8])
    ]
    assert [(t.name, t.type, t.shape) for t in session.get_outputs()] == [
        ("image", "tensor(uint8)", ["batch", 16, 16, 1])
    ]
    config = (tmp_path / "dcgan_gray" / "config.pbtxt").read_text()
    assert "instance_group [ { count: 1 kind: KIND_CPU } ]" in config


def test_an_image_does_not_depend_on_its_batch() -> None:
    generator = grey_generator()
    (contract,) = contracts(generator)
    model = serve("tiny", contract, export(generator, contract))
    session = open_session(model.onnx)
    z = random_inputs(model.inputs, range(32))["z"]
    (together,) = session.run(["image"], {"z": z})
    alone = np.concatenate([session.run(["image"], {"z": row[None]})[0] for row in z])
    np.testing.assert_array_equal(alone, together)
    assert together.std() > 1


@pytest.mark.parametrize("option", [["--truncation", "0.7"], ["--drop-noise"]])
def test_wishes_that_a_dcgan_cannot_fulfil_are_refused(
    option: list[str], tmp_path: Path, weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["--weights", str(weights), "--models", str(tmp_path / "models")]
    assert main([*command, *option]) == 1
    assert f"leave {option[0]} out" in capsys.readouterr().err
    assert not (tmp_path / "models").exists()
