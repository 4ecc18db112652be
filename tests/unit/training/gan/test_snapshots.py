"""The curve of a run: what its snapshots are worth, which is the best, and when it is flat."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.requires import require_module
from tests.unit.training.conftest import write_dataset
from tests.unit.training.metrics.tiny import tiny
from training.cli.evaluate import main as evaluate
from training.cli.train import main as train
from training.datasets.likeness.overlap import OverlapError
from training.datasets.store import Dataset
from training.features import efficientnet
from training.gan import snapshots
from training.gan.kinds import build_trainer
from training.gan.presets import PRESETS
from training.gan.snapshots import (
    BEST,
    CURVE,
    FLAT_IMAGES,
    Curve,
    Examiner,
    Snapshot,
    Watch,
    best,
    flat_since,
)
from training.metrics.density_coverage import density_coverage
from training.metrics.frechet import frechet_distance
from training.networks.weights import load_generator, save_generator
from training.run.checkpoint import load_checkpoint
from training.run.disk import thin_out
from training.run.folder import CHECKPOINT
from training.run.journal import CLOCK, LOG, read_log
from training.run.loop import run

require_module(efficientnet.LITE0.package)

CPU = torch.device("cpu")
TINY = PRESETS["stylegan-16-tiny"]


def row(images_seen: int, fd: float, coverage: float = 0.5, reach: float = 5.0) -> Snapshot:
    ends = coverage - 0.1, coverage + 0.1
    return Snapshot(images_seen, fd, fd - reach, fd + reach, coverage, *ends)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def watch(tmp_path: Path, cache: Path) -> Watch:
    write_dataset(tmp_path / "heldout", count=24, seed=3)
    return Watch(tmp_path / "heldout", count=12, cache=cache)


def save(folder: Path, images_seen: int, gain: float) -> Path:
    """Weights of a tiny generator; the larger the gain, the wilder its colours."""
    generator = tiny()
    for to_rgb in generator.synthesis.to_rgb:
        to_rgb.conv.weight_OIHW.mul_(gain)
    path = folder / "weights" / f"{images_seen:08d}.safetensors"
    save_generator(path, generator, {"images_seen": images_seen}, {})
    return path


def told(folder: Path) -> list[dict[str, Any]]:
    return [{**record, CLOCK: None} for record in read_log(folder / LOG)]


def test_the_best_has_the_smallest_distance_for_its_coverage() -> None:
    rows = [row(10, 100, 0.5), row(20, 90, 0.1), row(30, 101, 0.6)]
    assert best(rows, 25).images_seen == 30  # 4.5, 4.5, 4.44
    assert best([*rows, row(40, 95, 0.5)], 25).images_seen == 40
    # Where nearly nothing is covered, chance in coverage does not outweigh a difference of FD.
    assert best([row(10, 148.7, 0.046), row(20, 152.4, 0.056)], 36.9).images_seen == 10


def test_a_curve_is_flat_when_nothing_was_better_by_more_than_chance_for_long() -> None:
    rows = [row(0, 100), row(100_000, 80), row(FLAT_IMAGES, 76), row(FLAT_IMAGES + 99_999, 78)]
    assert flat_since(rows) is None
    assert flat_since([*rows, row(FLAT_IMAGES + 100_000, 77)]) == 100_000
    # Many small steps down are progress as soon as they add up to more than the interval.
    slow = [row(n * 100_000, 100 - n) for n in range(20)]
    assert flat_since(slow) is None
    steady = [row(n * 100_000, 100 - n / 10) for n in range(20)]
    assert flat_since(steady) == 0
    assert flat_since([row(0, 100)]) is None
    # A new best after a flat stretch ends it.
    assert flat_since([row(0, 100), row(FLAT_IMAGES, 99), row(FLAT_IMAGES + 9, 70)]) is None


def test_figures_are_those_of_evaluate(watch: Watch, tmp_path: Path) -> None:
    weights = save(tmp_path / "run", 64, 1.0)
    snapshot = Curve(tmp_path / "run" / CURVE, Examiner(watch, CPU)).measure(weights)
    out = tmp_path / "evaluated.json"
    fixed = ["--dataset", str(watch.heldout), "--cache", str(watch.cache), "--device", "cpu"]
    chosen = ["--count", "12", "--metrics", "fd,density_coverage", "--out", str(out)]
    assert evaluate(["--weights", str(weights), *fixed, *chosen]) == 0
    measured = json.loads(out.read_text())["metrics"]
    for name in ("fd", "coverage"):
        found = measured[name]
        assert getattr(snapshot, name) == pytest.approx(found["value"])
        assert getattr(snapshot, f"{name}_low") == pytest.approx(found["low"])
        assert getattr(snapshot, f"{name}_high") == pytest.approx(found["high"])
        floor = json.loads((tmp_path / "run" / CURVE).read_text())["floor"]
        assert floor[name] == pytest.approx(found["floor"]["value"])


def test_collapse_and_copies_move_the_figures_the_right_way() -> None:
    """Both figures are asked of planted faults, in features whose answer is known."""
    random = np.random.default_rng(0)
    real, good = (random.normal(size=(200, 16)).astype(np.float32) for _ in range(2))
    few = np.repeat(good[:4], 50, axis=0)
    floor = frechet_distance(real, random.normal(size=(200, 16)).astype(np.float32)).value

    def excess(other: np.ndarray) -> float:
        fd, (_, coverage) = frechet_distance(real, other), density_coverage(real, other)
        return row(0, fd.value, coverage.value).excess(floor)

    assert excess(good) < excess(0.5 * good) < excess(few)


def test_a_run_is_not_watched_by_images_that_it_trains_on(squares: Dataset, tmp_path: Path) -> None:
    seen = Watch(squares.directory, count=12, cache=tmp_path / "cache")
    with pytest.raises(OverlapError, match="64 of 64 images of squares"):
        run(build_trainer(TINY, squares, CPU), tmp_path / "run", watch=seen)


def test_a_run_is_measured_after_the_fact(
    watch: Watch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    for seen, gain in ((64, 4.0), (128, 1.0), (192, 40.0)):
        save(folder, seen, gain)
    command = ["--run", str(folder), "--dataset", str(watch.heldout), "--cache", str(watch.cache)]
    assert evaluate([*command, "--count", "12", "--device", "cpu"]) == 0
    curve = json.loads((folder / CURVE).read_text())
    rows = curve["snapshots"]
    assert [row["images_seen"] for row in rows] == [64, 128, 192]
    assert curve["count"] == 12
    assert curve["floor"]["fd"] < min(row["fd"] for row in rows)
    excess = {row["images_seen"]: Snapshot(**row).excess(curve["floor"]["fd"]) for row in rows}
    assert curve["best"] == min(excess, key=excess.__getitem__)
    _, story = load_generator(folder / BEST)
    assert story["training"]["images_seen"] == curve["best"]
    assert (folder / "curve.png").stat().st_size > 10_000
    shown = capsys.readouterr().out
    assert "best: " in shown and "not flat yet; real against real: FD" in shown

    # What was measured is not measured again.
    again = (folder / CURVE).read_bytes()
    for weights in (folder / "weights").iterdir():
        weights.write_bytes(b"nobody reads this")
    assert evaluate([*command, "--count", "12", "--device", "cpu"]) == 0
    assert (folder / CURVE).read_bytes() == again


def test_what_does_not_go_with_a_run_is_refused(
    watch: Watch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["--run", str(tmp_path), "--dataset", str(watch.heldout), "--device", "cpu"]
    assert evaluate(command) == 1
    assert "holds no snapshots: is --run a training run?" in capsys.readouterr().err
    assert evaluate([*command, "--metrics", "kid"]) == 1
    assert "--metrics does not go with --run" in capsys.readouterr().err
    assert evaluate([*command, "--truncation", "0.7"]) == 1
    assert "--truncation does not go with --run" in capsys.readouterr().err


def test_figures_of_other_images_are_not_mixed(watch: Watch, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    Curve(folder / CURVE, Examiner(watch, CPU)).measure(save(folder, 64, 1.0))
    write_dataset(tmp_path / "other", count=24, seed=4)
    other = dataclasses.replace(watch, heldout=tmp_path / "other")
    with pytest.raises(ValueError, match=r"was measured with dataset .* remove the file, or"):
        Curve(folder / CURVE, Examiner(other, CPU)).measure(save(folder, 128, 1.0))
    (folder / CURVE).write_text("{}")
    with pytest.raises(ValueError, match="is not the curve of a run"):
        Curve(folder / CURVE, Examiner(watch, CPU))


def test_measuring_does_not_change_a_run(squares: Dataset, watch: Watch, tmp_path: Path) -> None:
    plain, watched = tmp_path / "plain", tmp_path / "watched"
    assert run(build_trainer(TINY, squares, CPU), plain) == 0
    assert run(build_trainer(TINY, squares, CPU), watched, watch=watch) == 0
    one, other = (load_checkpoint(folder / CHECKPOINT, CPU) for folder in (plain, watched))
    for name in ("generator", "discriminator", "average"):
        assert all(torch.equal(other[name][key], value) for key, value in one[name].items()), name
    measured = [record for record in told(watched) if "fd" in record]
    assert [record["images"] for record in measured] == [128, 192]  # 64 was a smaller network's
    assert [record for record in told(watched) if "fd" not in record] == told(plain)
    curve = json.loads((watched / CURVE).read_text())
    assert [row["fd"] for row in curve["snapshots"]] == [record["fd"] for record in measured]
    _, story = load_generator(watched / BEST)
    assert story["training"]["images_seen"] == curve["best"]
    assert not (plain / CURVE).exists()


def test_measuring_draws_no_number_from_torch(watch: Watch, tmp_path: Path) -> None:
    weights = save(tmp_path / "run", 64, 1.0)
    before = torch.get_rng_state()
    Curve(tmp_path / "run" / CURVE, Examiner(watch, CPU)).measure(weights)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_run_killed_before_it_measured_has_the_same_curve(
    squares: Dataset, watch: Watch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    run(build_trainer(TINY, squares, CPU), whole, watch=watch)
    measure = Curve.measure

    def dying(curve: Curve, weights: Path) -> Snapshot:
        if weights.stem == "00000128":
            raise KeyboardInterrupt
        return measure(curve, weights)

    monkeypatch.setattr(Curve, "measure", dying)
    with pytest.raises(KeyboardInterrupt):
        run(build_trainer(TINY, squares, CPU), killed, watch=watch)
    assert load_checkpoint(killed / CHECKPOINT, CPU)["images_seen"] == 128
    monkeypatch.setattr(Curve, "measure", measure)
    # It has measured a later snapshot, which the run is going to write again.
    later = Curve(killed / CURVE, Examiner(watch, CPU))
    later.measure(save(killed, 192, 9.0))
    assert run(build_trainer(TINY, squares, CPU), killed, watch=watch) == 0
    assert (killed / CURVE).read_bytes() == (whole / CURVE).read_bytes()
    chosen, expected = (load_generator(folder / BEST)[0].state_dict() for folder in (killed, whole))
    assert all(torch.equal(chosen[name], value) for name, value in expected.items())
    assert told(killed) == told(whole)


def test_a_flat_run_ends_when_it_was_told_to(
    squares: Dataset, watch: Watch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots, "FLAT_IMAGES", 32)
    measure = Examiner.measure

    def never_better(examiner: Examiner, generator: Any, images_seen: int) -> Snapshot:
        found = measure(examiner, generator, images_seen)
        return dataclasses.replace(found, fd=100.0, fd_low=90.0, fd_high=110.0)

    monkeypatch.setattr(Examiner, "measure", never_better)
    options = dataclasses.replace(TINY, snapshot_images=32)
    stopping = dataclasses.replace(watch, stop_when_flat=True)
    assert run(build_trainer(options, squares, CPU), tmp_path / "run", watch=stopping) == 0
    assert load_checkpoint(tmp_path / "run" / CHECKPOINT, CPU)["images_seen"] == 128
    assert json.loads((tmp_path / "run" / CURVE).read_text())["flat_since"] == 96
    assert told(tmp_path / "run")[-1]["flat_since"] == 96
    # The same command finds it flat, and the same without the option goes on.
    assert run(build_trainer(options, squares, CPU), tmp_path / "run", watch=stopping) == 0
    assert load_checkpoint(tmp_path / "run" / CHECKPOINT, CPU)["images_seen"] == 128
    assert run(build_trainer(options, squares, CPU), tmp_path / "run", watch=watch) == 0
    assert load_checkpoint(tmp_path / "run" / CHECKPOINT, CPU)["images_seen"] == 192


def test_the_best_weights_outlast_a_small_budget(watch: Watch, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    curve = Curve(folder / CURVE, Examiner(watch, CPU))
    for seen, gain in ((64, 40.0), (128, 1.0)):
        curve.measure(save(folder, seen, gain))
    with pytest.raises(OSError, match=r"--disk-budget: .* are not enough"):
        thin_out(folder, needed=10, budget=1)
    assert [path.stem for path in (folder / "weights").iterdir()] == ["00000128"]
    assert load_generator(folder / BEST)[1]["training"]["images_seen"] == 64


def test_images_that_do_not_fit_are_refused_before_the_first_step(
    squares: Dataset, tmp_path: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["--preset", "stylegan-16-tiny", "--dataset", str(squares.directory)]
    command += ["--run", str(tmp_path / "run"), "--device", "cpu", "--cache", str(cache)]
    large = write_dataset(tmp_path / "large", count=24, side=32)
    few = write_dataset(tmp_path / "few", count=20)
    for heldout, message in (
        (large, "the generator draws 16 px, the held-out images squares have 32 px"),
        (few, "each half of the held-out images needs 12: squares has 20"),
    ):
        assert train([*command, "--heldout", str(heldout.directory)]) == 1
        assert message in capsys.readouterr().err
    assert train([*command, "--stop-when-flat"]) == 1
    assert "--stop-when-flat needs --heldout" in capsys.readouterr().err
    assert not (tmp_path / "run" / LOG).exists()
