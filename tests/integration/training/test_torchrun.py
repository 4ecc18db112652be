"""Two processes of `torchrun` against one that sees the whole batch."""

import dataclasses
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.unit.training.conftest import write_dataset
from training.gan.kinds import build_trainer
from training.gan.presets import PRESETS
from training.run.checkpoint import load_checkpoint, save_checkpoint
from training.run.folder import CHECKPOINT
from training.run.journal import read_log

CPU = torch.device("cpu")
STYLEGAN, DCGAN = PRESETS["stylegan-16-tiny"], PRESETS["dcgan-16-tiny"]
NORMALISED = dataclasses.replace(DCGAN.network, discriminator_norm="batch")
RUNS = {
    "stylegan": (
        dataclasses.replace(STYLEGAN, augment="fixed", augment_p=0.3),
        ["--augment", "fixed", "--augment-p", "0.3"],
    ),
    "dcgan": (DCGAN, []),
    "dcgan, both normalised": (
        dataclasses.replace(DCGAN, network=NORMALISED),
        ["--network", "discriminator_norm=batch"],
    ),
}

# What batch normalisation takes away again has no gradient but rounding, which Adam makes large.
WITHOUT_EFFECT = {"dcgan, both normalised": ("convolutions.1.bias",)}


@pytest.mark.timeout(600)  # three starts of Python and torch, on a machine that may be busy
@pytest.mark.parametrize("key", RUNS)
def test_two_processes_go_on_as_one_does(key: str, tmp_path: Path) -> None:
    options, flags = RUNS[key]
    dataset = write_dataset(tmp_path / "squares")
    one = build_trainer(options, dataset, CPU)
    for _ in range(4):
        one.step()
    run = tmp_path / "run"
    run.mkdir()
    save_checkpoint(run / CHECKPOINT, one.state())  # by one process; two of them go on
    losses = [one.step() for _ in range(options.total_images // options.batch - 4)]

    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc-per-node", "2", "-m", "--", "names_threads", "--device", "cpu"]
    command += ["--preset", options.preset, *flags]
    command += ["--dataset", str(dataset.directory), "--run", str(run)]
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": path}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    left = re.findall("threads left: (.*)", done.stderr)
    assert len(left) == 2
    assert not any("gloo" in threads for threads in left), left  # they would abort now and then

    two = load_checkpoint(run / CHECKPOINT, CPU)
    assert two["images_seen"] == one.images_seen == options.total_images
    for network in ("generator", "discriminator", "average"):
        for name, value in getattr(one, network).named_parameters():
            if name in WITHOUT_EFFECT.get(key, ()):
                continue
            torch.testing.assert_close(two[network][name], value, rtol=1e-4, atol=1e-5)
    last = read_log(run / "log.jsonl")[-1]
    mean = sum(loss["loss_d"] for loss in losses[-4:]) / 4
    assert last["loss_d"] == pytest.approx(mean, rel=1e-4)
    assert len(list((run / "sheets").iterdir())) == 3  # written once
