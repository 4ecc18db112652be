"""A copy detector's run: it learns, resumes exactly, and refuses what does not fit."""

import dataclasses
from pathlib import Path

import pytest
import torch

from tests.unit.training.conftest import write_dataset
from training.copies.options import PRESETS, CopyOptions
from training.copies.trainer import WEIGHTS, CopyTrainer
from training.datasets.store import Dataset
from training.networks.copy_detector import CopyDetector, DetectorConfig
from training.networks.copy_detector_weights import load_detector, save_detector
from training.networks.tensor_file import WeightsError
from training.networks.weights import load_generator
from training.run.checkpoint import load_checkpoint, save_checkpoint
from training.run.folder import CHECKPOINT
from training.run.loop import run

CPU = torch.device("cpu")
TINY: CopyOptions = PRESETS["copies-16-tiny"]


def trained(dataset: Dataset, steps: int, options: CopyOptions = TINY) -> CopyTrainer:
    trainer = CopyTrainer(options, dataset, CPU)
    for _ in range(steps):
        trainer.step()
    return trainer


def test_a_step_moves_every_weight(squares: Dataset) -> None:
    before, after = trained(squares, 0), trained(squares, 1)
    pairs = zip(before.network.named_parameters(), after.network.parameters(), strict=True)
    for (name, old), new in pairs:
        assert not torch.equal(old, new), name


def test_training_teaches_to_recognise_copies(squares: Dataset) -> None:
    trainer = trained(squares, 0, dataclasses.replace(TINY, images=960))
    told = [trainer.step() for _ in range(60)]
    first, last = (
        sum(losses["recognised"] for losses in part) / 10 for part in (told[:10], told[-10:])
    )
    assert last > first + 0.1


def test_a_resumed_run_equals_an_uninterrupted_one(squares: Dataset, tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert run(CopyTrainer(TINY, squares, CPU), whole) == 0
    parts.mkdir()
    journal = {"values": {}, "logged_images": 64}
    save_checkpoint(parts / CHECKPOINT, trained(squares, 4).state() | {"journal": journal})
    assert run(CopyTrainer(TINY, squares, CPU), parts) == 0
    one, other = (load_detector(folder / WEIGHTS)[0].state_dict() for folder in (whole, parts))
    assert all(torch.equal(one[name], value) for name, value in other.items())
    assert (whole / "curves.png").exists()
    assert load_checkpoint(whole / CHECKPOINT, CPU)["images_seen"] == TINY.images


def test_the_length_may_change_until_the_step_size_falls() -> None:
    longer = dataclasses.replace(TINY, images=2 * TINY.images)
    still = int(TINY.lr_decay_from * TINY.images)
    assert not TINY.differences(still, longer)
    assert TINY.differences(TINY.images, longer)
    assert TINY.differences(0, dataclasses.replace(TINY, lr=1e-4))


def test_a_folder_of_another_run_is_refused(squares: Dataset, tmp_path: Path) -> None:
    run(CopyTrainer(TINY, squares, CPU), tmp_path / "run")
    with pytest.raises(ValueError, match="other options"):
        run(CopyTrainer(dataclasses.replace(TINY, seed=1), squares, CPU), tmp_path / "run")
    other = write_dataset(tmp_path / "other", seed=1)
    with pytest.raises(ValueError, match="another dataset"):
        run(CopyTrainer(TINY, other, CPU), tmp_path / "run")


def test_images_that_the_network_cannot_see_are_refused(tmp_path: Path) -> None:
    small = write_dataset(tmp_path / "small", side=8)
    with pytest.raises(ValueError, match="8 px"):
        run(CopyTrainer(TINY, small, CPU), tmp_path / "run")
    header = dataclasses.replace(small.header, channels=1, resolution=16)
    grey = Dataset(small.directory, header, small.shards, small.digest)
    with pytest.raises(ValueError, match="grey"):
        run(CopyTrainer(TINY, grey, CPU), tmp_path / "run")


def test_embeddings_have_unit_length_and_do_not_depend_on_their_batch() -> None:
    torch.manual_seed(0)
    network = CopyDetector(DetectorConfig()).eval()
    images = torch.rand(6, 3, 64, 64) * 2 - 1
    with torch.no_grad():
        together = network(images)
        alone = torch.cat([network(image[None]) for image in images])
    torch.testing.assert_close(together.norm(dim=1), torch.ones(6))
    torch.testing.assert_close(together, alone)


def test_weights_come_back_and_strange_files_are_refused(tmp_path: Path) -> None:
    network = CopyDetector(TINY.network).eval()
    save_detector(tmp_path / WEIGHTS, network, {"preset": "x"})
    loaded, training = load_detector(tmp_path / WEIGHTS)
    assert training == {"preset": "x"}
    images = torch.rand(2, 3, 16, 16)
    assert torch.equal(network(images), loaded(images))
    with pytest.raises(WeightsError, match=r"copy_detector\.1"):
        load_generator(tmp_path / WEIGHTS)
    (tmp_path / "cut").write_bytes((tmp_path / WEIGHTS).read_bytes()[:-10])
    with pytest.raises(WeightsError, match="not a readable"):
        load_detector(tmp_path / "cut")


@pytest.mark.parametrize(
    ("field", "value"),
    [("images", 0), ("batch", 1), ("temperature", 0), ("lr_decay_from", 1), ("precision", "int8")],
)
def test_impossible_options_are_refused(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=field):
        dataclasses.replace(TINY, **{field: value})


@pytest.mark.parametrize(
    ("field", "value"),
    [("widths", ()), ("blocks", (1,)), ("resolution", 20), ("embedding", 0)],
)
def test_impossible_networks_are_refused(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=field):
        dataclasses.replace(DetectorConfig(), **{field: value})


def test_options_survive_json() -> None:
    assert CopyOptions.from_json(TINY.to_json()) == TINY
    with pytest.raises(ValueError, match="trains a dcgan, not a copy detector"):
        CopyOptions.from_json('{"kind": "dcgan"}')
