"""What a run tells of itself: progress, a log of JSON lines, TensorBoard, and metrics."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch.utils.tensorboard import SummaryWriter

from animegan_cli.progress import ProgressBar
from training.files import write
from training.run.telemetry import RunMetrics

LOG = "log.jsonl"
TENSORBOARD = "tensorboard"
# Of each line of the log: what does not come from the networks, and so differs between two runs.
CLOCK = "images_per_s"
# Seconds of steps before the time that is left is told: those of the first steps say little.
STEADY_SECONDS = 10.0
_DONE = "{percentage:3.0f}% |{bar}| {n:.1f}/{total:.0f} kimg, {elapsed} so far"


class Journal:
    """The means of all losses between two lines of the log, and where the lines go.

    Args:
        folder: of the run; LOG and TENSORBOARD are kept in it.
        total_images: of the whole run.
        log_images: images that one line sums up.

    Attributes:
        remarks: what else the progress line tells, by who says it; the empty ones are left out.
        metrics: what Prometheus sees.
    """

    def __init__(self, folder: Path, total_images: int, log_images: int) -> None:
        self.folder = folder
        self.total_images = total_images
        self.log_images = log_images
        self.remarks: dict[str, str] = {}
        self.metrics = RunMetrics(folder.name, total_images)
        self._values: dict[str, list[float]] = {}
        self._unread: list[Mapping[str, float]] = []

    def open(self, images_seen: int, state: dict[str, Any] | None) -> None:
        """Begin to tell, or go on: what was told of later steps is taken back.

        Args:
            images_seen: where the run begins.
            state: what `state` returned there; none begins a new line of the log.
        """
        self._logged_images = images_seen
        if state is not None:
            self._values = {name: list(values) for name, values in state["values"].items()}
            self._logged_images = state["logged_images"]
        rewind_log(self.folder / LOG, images_seen)
        self._board = SummaryWriter(str(self.folder / TENSORBOARD), purge_step=images_seen + 1)
        self._progress = ProgressBar(
            total=self.total_images / 1000,
            initial=images_seen / 1000,
            smoothing=0.05,
            bar_format=_DONE + "{postfix}",
        )
        self._stepping: float | None = None  # since when
        self._clock_images, self._clock = images_seen, time.monotonic()

    def note(self, images_seen: int, resolution: int, losses: Mapping[str, float]) -> None:
        """Take note of a step, and write a line when enough images were seen.

        Args:
            images_seen: after the step.
            resolution: of the step's images.
            losses: what the step returned; they are read when a line is written.
        """
        self._unread.append(losses)
        self._advance(images_seen)
        self.metrics.step(images_seen, resolution)
        if images_seen - self._logged_images >= self.log_images:
            self._write(images_seen, resolution)

    def _advance(self, images_seen: int) -> None:
        """Move the bar, and tell of the time that is left once it is known.

        What a run did before its first step, such as measuring the snapshot that it resumes from,
        is no part of a step.
        """
        now = time.monotonic()
        if self._stepping is None:
            self._stepping = now
            self._progress.unpause()
        elif now - self._stepping >= STEADY_SECONDS:
            self._progress.bar_format = _DONE + ", {remaining} to go{postfix}"
        self._progress.update(images_seen / 1000 - self._progress.n)

    def _write(self, images_seen: int, resolution: int) -> None:
        self._read()
        means = {name: sum(values) / len(values) for name, values in self._values.items()}
        rate = (images_seen - self._clock_images) / (time.monotonic() - self._clock)
        record = {"images": images_seen, "resolution": resolution, CLOCK: rate, **means}
        append_log(self.folder / LOG, record)
        self.metrics.line(rate, means)
        self._plot(record)
        self._board.flush()
        losses = {name: mean for name, mean in means.items() if name.startswith("loss")}
        told = " ".join(f"{name}={mean:.2f}" for name, mean in losses.items())
        remarks = [remark for remark in self.remarks.values() if remark]
        parts = [f"{rate:.0f} images/s", *remarks, f"{resolution} px", told]
        self._progress.set_postfix_str(", ".join(parts))
        self._values, self._logged_images = {}, images_seen
        self._clock_images, self._clock = images_seen, time.monotonic()

    def measured(self, images_seen: int, resolution: int, figures: dict[str, float]) -> None:
        """Tell what a snapshot was found to be worth, in a line of its own.

        Args:
            images_seen: at the snapshot.
            resolution: of its images.
            figures: by name.
        """
        record = {"images": images_seen, "resolution": resolution, **figures}
        append_log(self.folder / LOG, record)
        self._plot(record)
        self._board.flush()
        self.metrics.measured({name: figures[name] for name in figures if name != "flat_since"})

    def tells(self, images_seen: int, name: str) -> bool:
        """Whether the log has a figure of this moment."""
        log = self.folder / LOG
        records = read_log(log) if log.exists() else []
        return any(record["images"] == images_seen and name in record for record in records)

    def _plot(self, record: Mapping[str, Any]) -> None:
        """Put a line of the log into TensorBoard."""
        for name, value in record.items():
            if name != "images":
                self._board.add_scalar(name, value, record["images"])

    def show(self, images_seen: int, sheet: Image.Image) -> None:
        """Put a sample sheet into TensorBoard."""
        pixels = np.asarray(sheet.convert("RGB"))
        self._board.add_image("faces of fixed seeds", pixels, images_seen, dataformats="HWC")

    def shorten(self) -> None:
        """Write TensorBoard's files anew from the log: without the sheets, which take the room."""
        self._board.close()
        for path in (self.folder / TENSORBOARD).iterdir():
            path.unlink()
        self._board = SummaryWriter(str(self.folder / TENSORBOARD))
        for record in read_log(self.folder / LOG) if (self.folder / LOG).exists() else ():
            self._plot(record)
        self._board.flush()

    def say(self, text: str) -> None:
        """Tell of something beside the progress bar."""
        self._progress.write(text, file=sys.stderr)

    def close(self) -> None:
        """Finish the progress bar and TensorBoard's file."""
        self._progress.close()
        self._board.close()

    def state(self) -> dict[str, Any]:
        """What `open` needs to go on, as plain values: the steps since the last line of the log."""
        self._read()
        values = {name: list(values) for name, values in self._values.items()}
        return {"values": values, "logged_images": self._logged_images}

    def _read(self) -> None:
        for losses in self._unread:
            for name, value in losses.items():
                self._values.setdefault(name, []).append(value)
        self._unread.clear()


def append_log(path: Path, record: dict[str, Any]) -> None:
    """Append one JSON line and flush it to the disk."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")
        file.flush()
        os.fsync(file.fileno())


def read_log(path: Path) -> list[dict[str, Any]]:
    """Read what `append_log` wrote; a line cut short by a crash is left out."""
    records = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            records.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return records


def rewind_log(path: Path, images_seen: int) -> None:
    """Drop the records of steps that a resumed run is going to do again."""
    if path.exists():
        kept = [record for record in read_log(path) if record["images"] <= images_seen]
        write(path, "".join(json.dumps(record) + "\n" for record in kept).encode())
