"""`kill -9` at the worst moments, and disks that are full."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.unit.training.conftest import write_dataset
from training.cli.train import main
from training.files import temporary_name
from training.gan.trainer import WEIGHTS
from training.run.checkpoint import load_checkpoint
from training.run.folder import CHECKPOINT
from training.run.journal import CLOCK, LOG, read_log

# Every file that must survive is flushed by fsync: the program dies at one of its calls.
DIES_AT_FSYNC = """
import os, signal, sys
left, fsync = int(sys.argv.pop(1)), os.fsync

def dying_fsync(handle):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    fsync(handle)

os.fsync = dying_fsync
from training.cli.train import main
sys.exit(main(sys.argv[1:]))
"""
# No file may grow beyond a size, as on a full disk.
ON_A_FULL_DISK = """
import resource, sys
limit = int(sys.argv.pop(1))
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
from training.cli.train import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("killed") / "squares").directory


def arguments(dataset: Path, run: Path) -> list[str]:
    """The tiny preset, with a probability of augmentation that moves."""
    told = ["--preset", "stylegan-16-tiny", "--threads", "1", "--device", "cpu"]
    told += ["--augment", "adaptive", "--augment-ramp-images", "200", "--augment-target", "0"]
    return [*told, "--dataset", str(dataset), "--run", str(run)]


def train(dataset: Path, run: Path, *program: object) -> subprocess.CompletedProcess[str]:
    """Train in a process of its own, by a program that takes the arguments."""
    command = [sys.executable, *(program or ("-m", "training.cli.train"))]
    command += arguments(dataset, run)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(map(str, command), env=environment, capture_output=True, text=True)


def half_written(run: Path) -> list[Path]:
    """Checkpoints that were begun."""
    return list(run.glob(f".{CHECKPOINT}.*"))


def told(run: Path) -> list[dict[str, Any]]:
    """The log without what the clock says."""
    return [{**record, CLOCK: None} for record in read_log(run / LOG)]


def assert_equal(one: Any, other: Any, name: str = "checkpoint") -> None:
    """Compare two checkpoints to the bit."""
    assert type(one) is type(other), name
    if isinstance(one, dict):
        assert one.keys() == other.keys(), name
        for key in one:
            assert_equal(one[key], other[key], f"{name}.{key}")
    elif isinstance(one, torch.Tensor):
        assert torch.equal(one, other), name
    else:
        assert one == other, name


@pytest.mark.timeout(900)  # four starts of Python and torch, on a machine that may be busy
def test_a_killed_run_ends_as_if_nothing_had_happened(dataset: Path, tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert main(arguments(dataset, whole)) == 0

    # In a new folder: 2 calls for the options, one for each line of the log (32 and 64 images), 2
    # for the weights, and then the checkpoint: its content is written but not yet renamed.
    first = train(dataset, killed, "-c", DIES_AT_FSYNC, 7)
    assert first.returncode == -signal.SIGKILL, first.stderr
    assert half_written(killed)
    assert not (killed / CHECKPOINT).exists()

    # Again from the start, 2 more calls for what is left of the log, 2 that end the checkpoint, and
    # the same again for the second one, with 2 more for its numbered weights: the first checkpoint
    # is whole, and the log is ahead of it.
    second = train(dataset, killed, "-c", DIES_AT_FSYNC, 17)
    assert second.returncode == -signal.SIGKILL, second.stderr
    assert half_written(killed)
    assert load_checkpoint(killed / CHECKPOINT, torch.device("cpu"))["images_seen"] == 64
    assert told(killed)[-1]["images"] == 128

    # On a full disk the same happens without a kill.
    before = (killed / CHECKPOINT).read_bytes()
    litter = temporary_name(killed / WEIGHTS)
    litter.touch()
    full = train(dataset, killed, "-c", ON_A_FULL_DISK, len(before) - 1)
    assert full.returncode == 1, full.stderr
    assert "the snapshot after 128 images cannot be written" in full.stderr
    assert (killed / CHECKPOINT).read_bytes() == before
    assert not half_written(killed)
    last = train(dataset, killed)
    assert last.returncode == 0, last.stderr
    assert not litter.exists()

    assert told(killed) == told(whole)
    assert [record["images"] for record in told(whole)] == [32, 64, 96, 128, 160, 192]
    assert told(whole)[-1]["augment_p"] > 0
    states = [load_checkpoint(run / CHECKPOINT, torch.device("cpu")) for run in (whole, killed)]
    assert_equal(*states)
    sheets = [sorted((run / "sheets").iterdir()) for run in (whole, killed)]
    assert [path.read_bytes() for path in sheets[0]] == [path.read_bytes() for path in sheets[1]]
