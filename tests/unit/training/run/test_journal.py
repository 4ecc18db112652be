"""The log of a run, read back from JSON lines and from TensorBoard."""

import time
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import pytest
from PIL import Image
from prometheus_client.parser import text_string_to_metric_families
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import training.run.journal
from deploy.k8s.monitoring.reference import metrics
from training.run.journal import CLOCK, LOG, TENSORBOARD, Journal, read_log


def tell(folder: Path, first: int, last: int, state: dict | None = None) -> Journal:
    """Steps of 8 images, with a line every 24."""
    folder.mkdir(exist_ok=True)
    journal = Journal(folder, total_images=200, log_images=24)
    journal.open(first, state)
    for seen in range(first + 8, last + 8, 8):
        journal.note(seen, 16, {"loss_d": seen / 7, "loss_g": 1 / seen})
    return journal


def told(folder: Path) -> list[dict]:
    return [{**record, CLOCK: None} for record in read_log(folder / LOG)]


def test_a_line_holds_the_means_since_the_last_one(tmp_path: Path) -> None:
    tell(tmp_path / "run", 0, 56).close()
    first, second = told(tmp_path / "run")
    assert first == {
        "images": 24,
        "resolution": 16,
        CLOCK: None,
        "loss_d": (8 / 7 + 16 / 7 + 24 / 7) / 3,
        "loss_g": (1 / 8 + 1 / 16 + 1 / 24) / 3,
    }
    assert second["images"] == 48


def test_a_log_that_was_interrupted_between_lines_is_the_same(tmp_path: Path) -> None:
    tell(tmp_path / "whole", 0, 96).close()
    first = tell(tmp_path / "parts", 0, 40)
    state = first.state()  # two steps after a line, as a checkpoint takes it
    for seen in (48, 56, 64, 72):
        first.note(seen, 16, {"loss_d": 0.0, "loss_g": 0.0})  # lost when the run is killed
    first.close()
    tell(tmp_path / "parts", 40, 96, state).close()
    assert told(tmp_path / "parts") == told(tmp_path / "whole")


def test_tensorboard_shows_losses_and_sheets_once(tmp_path: Path) -> None:
    first = tell(tmp_path, 0, 72)
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    first.show(72, Image.fromarray(pixels))
    first.close()
    time.sleep(1)  # TensorBoard reads files by their names, which have the second in them
    tell(tmp_path, 24, 48, {"values": {}, "logged_images": 24}).close()  # goes on from 24 images
    events = EventAccumulator(str(tmp_path / TENSORBOARD))
    events.Reload()
    scalars = {event.step: event.value for event in events.Scalars("loss_d")}
    assert list(scalars) == [24, 48]  # the line at 72 was taken back
    np.testing.assert_allclose(scalars[48], told(tmp_path)[1]["loss_d"], rtol=1e-6)


def test_the_time_left_is_told_once_steps_were_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path, total_images=200, log_images=24)
    journal.open(96, None)
    time.sleep(0.4)  # a snapshot is measured before the first step, for instance
    journal.note(104, 16, {})
    assert "to go" not in str(journal._progress)
    monkeypatch.setattr(training.run.journal, "STEADY_SECONDS", 0.0)
    time.sleep(0.05)
    journal.note(112, 16, {})
    assert " so far, 00:00 to go" in str(journal._progress)  # 88 images of 160 a second
    assert journal._progress.format_dict["elapsed"] < 0.4
    journal.close()


def test_prometheus_sees_the_last_step_and_the_last_line(tmp_path: Path) -> None:
    journal = tell(tmp_path / "a-run", 0, 56)
    with urlopen(f"http://127.0.0.1:{journal.metrics.show('127.0.0.1:0')}/metrics") as answer:
        text = answer.read().decode()
    journal.close()
    shown = {
        (sample.name.removeprefix("animegan_training_"), sample.labels.get("loss")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.labels.get("run") == "a-run"
    }
    assert 0 <= time.time() - shown.pop(("last_step_timestamp_seconds", None)) < 60
    assert shown.pop(("images_per_second", None)) > 0
    assert shown == {
        ("images", None): 56,
        ("target_images", None): 200,
        ("resolution_pixels", None): 16,
        ("loss", "loss_d"): told(tmp_path / "a-run")[1]["loss_d"],
        ("loss", "loss_g"): told(tmp_path / "a-run")[1]["loss_g"],
    }
    listed = {one.name for one in metrics() if one.name.startswith("animegan_training_")}
    assert listed == {name for name in families(text) if name.startswith("animegan_training_")}


def test_an_address_without_a_port_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'localhost' is not HOST:PORT"):
        tell(tmp_path / "a-run", 0, 8).metrics.show("localhost")


def families(text: str) -> set[str]:
    return {family.name for family in text_string_to_metric_families(text)}
