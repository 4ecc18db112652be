"""Ablations: real runs of the tiny preset, measured on real images, and resumed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.training.conftest import write_dataset
from training.cli.ablate import main, read_plan

PLAN = """
common = ["--preset", "stylegan-16-tiny"]
seeds = [0, 1]
[variants]
base = []
small-batch = ["--batch", "4"]
"""


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("plan") / "plan.toml"
    file.write_text(PLAN, encoding="utf-8")
    return file


def test_a_plan_is_read_seed_after_seed(plan: Path) -> None:
    runs = [(run.folder, run.flags[2:]) for run in read_plan(plan)]
    assert runs == [
        ("base-0", ()),
        ("small-batch-0", ("--batch", "4")),
        ("base-1", ()),
        ("small-batch-1", ("--batch", "4")),
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("seeds = [0]", "[variants]"),
        ("seeds = [0]\n[variants]\nbase = []\n[more]", "nothing else"),
        ("seeds = 3\n[variants]\nbase = []", "seeds: give a list of numbers"),
        ("common = '--preset x'\nseeds = [0]\n[variants]\nbase = []", "common: give a list"),
        ("seeds = [0]\nvariants = ['base']", "variants: give a table"),
        ("seeds = [0]\n[variants]\n'a/b' = []", "variants.a/b"),
        ("seeds = [0]\n[variants]\nbase = '--batch 4'", "variants.base"),
        ("seeds = [", "plan.toml"),
    ],
    ids=["no variants", "unknown", "seeds", "common", "no table", "name", "flags", "no TOML"],
)
def test_what_is_no_plan_is_refused_by_name(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "plan.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"plan\.toml") as refusal:
        read_plan(file)
    assert told in str(refusal.value)


def test_every_variant_is_trained_measured_and_told(
    plan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    training = write_dataset(tmp_path / "squares").directory
    heldout = write_dataset(tmp_path / "heldout", seed=3).directory
    out = tmp_path / "out"
    command = ["--plan", str(plan), "--dataset", str(training), "--heldout", str(heldout)]
    command += ["--out", str(out), "--cache", str(tmp_path / "cache"), "--threads", "1"]
    assert main(command) == 0
    table = (out / "table.md").read_text(encoding="utf-8").splitlines()
    assert [line.split(" | ")[:2] for line in table[2:]] == [
        ["| base", "0"],
        ["| base", "1"],
        ["| small-batch", "0"],
        ["| small-batch", "1"],
    ]
    found = json.loads((out / "base-1" / "metrics.json").read_text(encoding="utf-8"))
    assert f"{found['metrics']['fd']['value']:.1f} [" in table[3]
    options = json.loads((out / "small-batch-1" / "options.json").read_text(encoding="utf-8"))
    assert (options["batch"], options["seed"]) == (4, 1)

    # What is done is not done again.
    (out / "base-0" / "checkpoint.pt").unlink()
    written = (out / "base-0" / "metrics.json").stat().st_mtime_ns
    assert main(command) == 0
    assert not (out / "base-0" / "checkpoint.pt").exists()
    assert (out / "base-0" / "metrics.json").stat().st_mtime_ns == written

    # What was made otherwise is not taken for it.
    assert main([*command, "--count", "20"]) == 1
    assert "base-0 was made with other count" in capsys.readouterr().err


def test_a_variant_that_cannot_be_trained_ends_the_command(plan: Path, tmp_path: Path) -> None:
    training = write_dataset(tmp_path / "squares").directory
    plan = tmp_path / "plan.toml"
    plan.write_text("seeds = [0]\n[variants]\nnone = ['--preset', 'none']", encoding="utf-8")
    command = ["--plan", str(plan), "--dataset", str(training), "--heldout", str(training)]
    command += ["--allow-overlap", "--cache", str(tmp_path / "cache")]
    assert main([*command, "--out", str(tmp_path / "out")]) == 2


def test_what_stops_the_command_waits_for_the_run_to_be_saved(tmp_path: Path) -> None:
    saved = tmp_path / "saved"
    run = f"""
import pathlib, signal, time
caught = []
signal.signal(signal.SIGTERM, lambda number, frame: caught.append(number))
print(1, flush=True)
while not caught:
    time.sleep(0.01)
time.sleep(1)
pathlib.Path({str(saved)!r}).touch()
"""
    code = "import sys; from training.cli.ablate import wait; sys.exit(wait(sys.argv[1:]))"
    start = [sys.executable, "-c", code, sys.executable, "-c", run]
    with subprocess.Popen(start, stdout=subprocess.PIPE) as command:
        assert command.stdout and command.stdout.read(1) == b"1"
        command.terminate()
        assert command.wait(timeout=60) == 0
    assert saved.exists()


def test_a_recipe_is_not_chosen_by_images_that_were_seen(
    plan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    training = str(write_dataset(tmp_path / "squares").directory)
    command = ["--plan", str(plan), "--dataset", training, "--heldout", training]
    assert main([*command, "--out", str(tmp_path / "out"), "--cache", str(tmp_path / "cache")]) == 1
    assert "64 of 64 images of squares (100.0%)" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
