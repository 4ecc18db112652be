"""Checkpoints that a run cannot use are told in one line; those that it keeps are sound."""

import dataclasses
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from training.cli.train import main
from training.datasets.store import Dataset
from training.files import writing
from training.gan.kinds import build_trainer
from training.gan.presets import PRESETS
from training.gan.trainer import GanTrainer
from training.run.checkpoint import load_checkpoint, spoilt
from training.run.folder import CHECKPOINT
from training.run.loop import run

CPU = torch.device("cpu")
TINY = dataclasses.replace(PRESETS["stylegan-16-tiny"], snapshot_images=40, log_images=8_192)

State = dict[str, Any]


def with_options(**changes: Any) -> Callable[[State], Any]:
    def change(state: State) -> State:
        options = json.loads(state["options"])
        return state | {"options": json.dumps({**options, **changes})}

    return change


def without(name: str) -> Callable[[State], Any]:
    return lambda state: {key: value for key, value in state.items() if key != name}


WRONG = {
    "another program's": (lambda _: {"model": 1}, "the checkpoint lacks 'options'"),
    "a list": (lambda _: [1, 2], "is no checkpoint of a run: it holds a list"),
    "an option of a later version": (with_options(shiny=3), "'shiny'"),
    "options that are none": (lambda s: s | {"options": "[]"}, "not the options of a training run"),
    "no optimiser": (without("generator_adam"), "the checkpoint lacks generator_adam"),
    "no mean": (without("path_length_mean"), "the checkpoint lacks path_length_mean"),
    "other layers": (
        lambda s: s | {"generator": {f"x.{key}": value for key, value in s["generator"].items()}},
        "the checkpoint's generator does not fit this run's",
    ),
    "an optimiser that is none": (
        lambda s: s | {"discriminator_adam": {"state": {}}},
        "the checkpoint's discriminator_adam does not fit this run's",
    ),
}


@pytest.fixture
def command(squares: Dataset, tmp_path: Path) -> list[str]:
    command = ["--preset", "stylegan-16-tiny", "--dataset", str(squares.directory)]
    return [*command, "--run", str(tmp_path / "run"), "--device", "cpu", "--threads", "1"]


def told(command: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """What a command that fails says, which is one line."""
    capsys.readouterr()
    assert main(command) == 1
    (line,) = capsys.readouterr().err.splitlines()
    return line


@pytest.mark.parametrize("name", WRONG)
def test_a_checkpoint_that_does_not_fit_is_told_in_a_line(
    name: str, squares: Dataset, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    change, message = WRONG[name]
    file = Path(command[5]) / CHECKPOINT
    file.parent.mkdir()
    state = build_trainer(PRESETS["stylegan-16-tiny"], squares, CPU).state()
    torch.save(change(state), file)
    before = file.read_bytes()
    line = told(command, capsys)
    assert str(file) in line
    assert message in line
    assert file.read_bytes() == before


def test_a_file_of_another_kind_is_told_in_a_line(
    squares: Dataset, command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, cut, tensors = (tmp_path / name for name in ("whole.pt", "cut.pt", "tensors.pt"))
    torch.save(build_trainer(PRESETS["stylegan-16-tiny"], squares, CPU).state(), whole)
    cut.write_bytes(whole.read_bytes()[:20_000])
    save_file({"a": torch.zeros(3)}, tensors)
    strange = tmp_path / "strange.safetensors"
    save_file({"a": torch.zeros(3)}, strange, {"format": "x"})
    for file, message in (
        (cut, "is not a readable checkpoint"),
        (tensors, "is not a readable checkpoint"),
        (strange, "format 'x' is none of"),
        (squares.directory / "manifest.json", "is not a readable checkpoint"),
        (tmp_path / "nothing.pt", "No such file"),
    ):
        line = told([*command, "--transfer", str(file)], capsys)
        assert file.name in line
        assert message in line
        assert "weights_only" not in line
        assert not Path(command[5]).exists()


def test_two_runs_never_write_one_folder(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(command[5])
    with writing(folder):
        assert f"{folder} is being written by process" in told(command, capsys)
    assert not folder.exists()


def moment(trainer: GanTrainer) -> torch.Tensor:
    return trainer.discriminator_adam.state[next(trainer.discriminator.parameters())]["exp_avg_sq"]


def gradient(trainer: GanTrainer) -> None:
    """A gradient that is no number, and the step that it leads to."""
    for value in trainer.generator.parameters():
        value.grad = torch.full_like(value, math.nan)
    trainer.generator_adam.step()


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (gradient, r"generator\.\S+"),
        (
            lambda trainer: moment(trainer).fill_(math.inf),
            r"discriminator_adam\.state\.0\.exp_avg_sq",
        ),
        (lambda trainer: next(trainer.average.parameters()).data.fill_(math.nan), r"average\.\S+"),
        (lambda trainer: trainer.path_length_mean.fill_(math.nan), "path_length_mean"),
    ],
    ids=["gradient", "moment", "average", "path length"],
)
def test_what_is_spoilt_is_not_saved_and_the_run_goes_on_from_before(
    spoil: Callable[[GanTrainer], Any],
    named: str,
    squares: Dataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trainer = build_trainer(TINY, squares, CPU)
    step = type(trainer).step

    def spoiling(trainer: GanTrainer) -> Any:
        losses = step(trainer)
        dict(losses)  # which are finite
        if trainer.images_seen == 80:
            spoil(trainer)
        return losses

    with monkeypatch.context() as patch:
        patch.setattr(type(trainer), "step", spoiling)
        with pytest.raises(FloatingPointError, match=f"{named} after 80 images is not finite"):
            run(trainer, tmp_path / "run")
    state = load_checkpoint(tmp_path / "run" / CHECKPOINT, CPU)
    assert state["images_seen"] == 40
    assert spoilt(state) is None
    assert run(build_trainer(TINY, squares, CPU), tmp_path / "run") == 0


def test_a_spoilt_value_is_named_wherever_it_lies() -> None:
    assert spoilt({"a": [1, {"b": torch.ones(2)}], "c": "nan"}) is None
    assert spoilt({"a": [1, {"b": torch.tensor([0, math.inf])}]}) == "a.1.b"
    assert spoilt({"a": (0.0, math.nan)}) == "a.1"
