"""A compact network's run: it learns, resumes exactly, and refuses what does not fit."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.unit.training.conftest import write_dataset
from training.cli.upscaler import main
from training.datasets.store import Dataset
from training.export.licence import learnt_from, licence_of_weights
from training.files import sha256
from training.networks.tensor_file import WeightsError
from training.run import folder
from training.run.checkpoint import load_checkpoint, save_checkpoint
from training.run.folder import CHECKPOINT
from training.run.journal import LOG, read_log
from training.run.loop import run
from training.upscaling.compact.network import CompactConfig, LearningUpscaler
from training.upscaling.compact.options import PRESETS, CompactOptions
from training.upscaling.compact.pairs import Pairs
from training.upscaling.compact.trainer import (
    WEIGHTS,
    CompactTrainer,
    HeldoutPsnr,
    watched_psnr,
)
from training.upscaling.compact.weights import load_upscaler, save_upscaler

CPU = torch.device("cpu")
TINY: CompactOptions = PRESETS["compact-tiny"]


def trained(dataset: Dataset, steps: int) -> CompactTrainer:
    trainer = CompactTrainer(TINY, (dataset,), CPU)
    for _ in range(steps):
        trainer.step()
    return trainer


def train(dataset: Dataset, folder: Path, options: CompactOptions = TINY) -> int:
    trainer = CompactTrainer(options, (dataset,), CPU)
    return run(trainer, folder, watch=HeldoutPsnr(dataset))


def test_training_beats_bicubic(squares: Dataset, tmp_path: Path) -> None:
    bicubic = watched_psnr(trained(squares, 0).average, squares)  # the first answer
    options = dataclasses.replace(TINY, images=2_400, snapshot_images=1_200)
    assert train(squares, tmp_path / "run", options) == 0
    log = read_log(tmp_path / "run" / "log.jsonl")
    watched = [record["psnr_heldout"] for record in log if "psnr_heldout" in record]
    assert bicubic + 0.5 < watched[0] < watched[1]
    assert (tmp_path / "run" / "curves.png").exists()


def test_a_resumed_run_equals_an_uninterrupted_one(squares: Dataset, tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert train(squares, whole) == 0
    parts.mkdir()
    journal = {"values": {}, "logged_images": 96}
    save_checkpoint(parts / CHECKPOINT, trained(squares, 12).state() | {"journal": journal})
    assert train(squares, parts) == 0
    one, other = (load_checkpoint(folder / CHECKPOINT, CPU) for folder in (whole, parts))
    assert one["images_seen"] == other["images_seen"] == TINY.images
    for part in ("network", "average"):
        assert all(torch.equal(one[part][name], value) for name, value in other[part].items())


def test_a_run_may_begin_with_the_weights_of_another(squares: Dataset, tmp_path: Path) -> None:
    start = trained(squares, 20).average
    save_upscaler(tmp_path / WEIGHTS, start, {"preset": "x"})
    deeper = dataclasses.replace(
        TINY, network=dataclasses.replace(TINY.network, depth=2), images=8, log_images=8
    )
    trainer = CompactTrainer(deeper, (squares,), CPU)
    assert run(trainer, tmp_path / "run", initial=tmp_path / WEIGHTS) == 0
    (record,) = read_log(tmp_path / "run" / "log.jsonl")
    assert record["psnr_training"] > trained(squares, 0).step()["psnr_training"]
    assert load_upscaler(tmp_path / "run" / WEIGHTS)[0].config.depth == 2


def test_a_snapshot_is_measured_before_the_curves_are_drawn(
    squares: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[dict[str, Any]] = []
    monkeypatch.setattr(folder, "draw_curves", lambda log, _: drawn.append(read_log(log)[-1]))
    short = dataclasses.replace(TINY, images=32, snapshot_images=16)
    assert train(squares, tmp_path / "run", short) == 0
    assert [(line["images"], "psnr_heldout" in line) for line in drawn[-2:]] == [
        (16, True),
        (32, True),
    ]


@pytest.mark.parametrize("place", [0, 1])
def test_what_a_killed_run_left_unmeasured_is_measured_at_its_return(
    squares: Dataset, tmp_path: Path, place: int
) -> None:
    short = dataclasses.replace(TINY, images=16 * (1 + place), snapshot_images=16)
    assert train(squares, tmp_path / "run", short) == 0
    log = tmp_path / "run" / LOG
    whole = read_log(log)
    log.write_text("".join(json.dumps(line) + "\n" for line in whole[:-1]))
    curves = tmp_path / "run" / "curves.png"
    before = curves.read_bytes()
    curves.unlink()
    for _ in range(2):
        assert train(squares, tmp_path / "run", short) == 0
        assert read_log(log) == whole
    assert curves.read_bytes() == before


def test_the_licences_of_initial_weights_stay(squares: Dataset, tmp_path: Path) -> None:
    private = {"name": "mine", "digest": "1", "licence": "LicenseRef-private"}
    story = {"preset": "x", "images_seen": 8, "datasets": [private]}
    initial, final = tmp_path / WEIGHTS, tmp_path / "run" / WEIGHTS
    save_upscaler(initial, trained(squares, 1).average, story)
    short = dataclasses.replace(TINY, images=8, log_images=8)
    run(CompactTrainer(short, (squares,), CPU), tmp_path / "run", initial=initial)
    told = load_upscaler(final)[1]
    assert told["begun_with"] == {"sha256": sha256(initial), "datasets": [private]}
    both = "CC0-1.0 AND LicenseRef-private"
    assert licence_of_weights(None, learnt_from(told)) == both

    # Nothing of it is lost in a sum, whichever of the two has learnt from what.
    mixed = tmp_path / "mixed.safetensors"
    for one, other in ((initial, final), (final, initial)):
        options = ("--initial", str(one), "--final", str(other), "--share", "0.5")
        assert main(["blend", *options, "--out", str(mixed)]) == 0
        told = load_upscaler(mixed)[1]
        assert told["begun_with"]["sha256"] == sha256(one)
        assert licence_of_weights(None, learnt_from(told)) == both


def test_the_length_may_change_until_the_finish() -> None:
    longer = dataclasses.replace(TINY, images=2 * TINY.images)
    assert not TINY.differences(int(TINY.finish_from * TINY.images), longer)
    assert TINY.differences(TINY.images, longer)
    assert TINY.differences(0, dataclasses.replace(TINY, lr=1e-4))
    assert TINY.finishing(TINY.images) == 1
    assert TINY.finishing(0) == 0


def test_a_folder_of_another_run_is_refused(squares: Dataset, tmp_path: Path) -> None:
    short = dataclasses.replace(TINY, images=16)
    train(squares, tmp_path / "run", short)
    with pytest.raises(ValueError, match="other options"):
        train(squares, tmp_path / "run", dataclasses.replace(short, seed=1))
    with pytest.raises(ValueError, match="another dataset"):
        train(write_dataset(tmp_path / "other", seed=1), tmp_path / "run", short)


def test_pictures_that_no_pair_can_be_cut_from_are_refused(tmp_path: Path) -> None:
    small = write_dataset(tmp_path / "small", side=8)
    with pytest.raises(ValueError, match="8 px"):
        train(small, tmp_path / "run")
    header = dataclasses.replace(small.header, channels=1, resolution=16)
    with pytest.raises(ValueError, match="grey"):
        train(Dataset(small.directory, header, small.shards, small.digest), tmp_path / "run")


def test_a_loss_that_is_no_number_ends_the_run(squares: Dataset) -> None:
    trainer = trained(squares, 0)
    with torch.no_grad():
        trainer.network.linear[0, 0, 0, 0] = math.nan
    with pytest.raises(FloatingPointError, match="not finite"):
        dict(trainer.step())


def test_pairs_depend_on_their_position_alone(squares: Dataset) -> None:
    pairs = Pairs((squares,), 16, seed=3, soft=0.5)
    small, truth = pairs.batch(40, 12)
    assert small.shape == (12, 3, 8, 8)
    assert truth.shape == (12, 3, 16, 16)
    again_small, again_truth = pairs.batch(44, 4)
    assert torch.equal(small[4:8], again_small)
    assert torch.equal(truth[4:8], again_truth)


def test_soft_pairs_have_soft_edges(squares: Dataset) -> None:
    def steepest(soft: float) -> float:
        _, truth = Pairs((squares,), 16, 0, soft).batch(0, 64)
        return float(truth.diff(dim=3).abs().amax(dim=(1, 2, 3)).mean())

    assert steepest(1) < 0.8 * steepest(0)


def test_weights_come_back_and_strange_files_are_refused(tmp_path: Path) -> None:
    network = LearningUpscaler(CompactConfig(width=4, depth=1)).eval()
    save_upscaler(tmp_path / WEIGHTS, network, {"preset": "x"})
    loaded, training = load_upscaler(tmp_path / WEIGHTS)
    assert training == {"preset": "x"}
    rgb = torch.rand(1, 3, 12, 12)
    assert torch.equal(network(rgb), loaded(rgb))
    copies = Path(__file__).parents[5] / "training" / "weights" / "copies-64.safetensors"
    with pytest.raises(WeightsError, match=r"compact_upscaler\.1"):
        load_upscaler(copies)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("images", 0),
        ("side", 15),
        ("soft", 1.1),
        ("finish_from", 1),
        ("charbonnier", 0),
        ("precision", "int8"),
    ],
)
def test_impossible_options_are_refused(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=field):
        dataclasses.replace(TINY, **{field: value})


def test_options_survive_json() -> None:
    assert CompactOptions.from_json(TINY.to_json()) == TINY
    with pytest.raises(ValueError, match="trains a dcgan, not a compact upscaler"):
        CompactOptions.from_json('{"kind": "dcgan"}')
