"""One contestant of `benchmarks.training`, in a process of its own: prints its figures as JSON.

python -m benchmarks.training_steps stylegan-64-cpu      training steps of a preset
python -m benchmarks.training_steps peak                 matrix products, nothing else
python -m benchmarks.training_steps loader               batches of real images, nothing else
"""

import argparse
import dataclasses
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter

import numpy as np
import torch

from benchmarks.flops import FlopCounter
from training.datasets.batches import RealImages
from training.datasets.store import SHARD_IMAGES, Dataset, DatasetWriter, Header
from training.gan.kinds import build_trainer
from training.gan.options import GanOptions
from training.gan.presets import PRESETS
from training.gan.trainer import GanTrainer

PEAK_SIZE = 2048


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=[*PRESETS, "peak", "loader"])
    parser.add_argument("--precision", choices=("auto", "fp32", "bf16"), default="auto")
    parser.add_argument("--cycles", type=int, default=1, help="of lazy regularisation, timed")
    parser.add_argument("--threads", type=int, required=True)
    arguments = parser.parse_args(argv)
    torch.set_num_threads(arguments.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if arguments.what == "peak":
        found = peak(device)
    elif arguments.what == "loader":
        found = loader()
    else:
        options = dataclasses.replace(PRESETS[arguments.what], precision=arguments.precision)
        found = steps(options, device, arguments.cycles)
    sys.stdout.write(json.dumps(found) + "\n")
    return 0


def steps(options: GanOptions, device: torch.device, cycles: int) -> dict[str, object]:
    """Time whole cycles of lazy regularisation at the end of a run, where images are largest."""
    network = options.network
    with tempfile.TemporaryDirectory() as folder:
        dataset = _random_images(Path(folder), network.resolution, network.image_channels)
        trainer = build_trainer(options, dataset, device)
        trainer.images_seen = options.total_images - 1
        trainer.step_count = 1  # the penalty comes at the end of a cycle, not in the warm-up

        def cycle() -> None:
            for _ in range(options.r1_interval):
                trainer.step()

        with FlopCounter() as counter:  # warms up, too
            cycle()
        seconds = _timed(cycle, cycles, device)
    images_per_cycle = options.r1_interval * options.batch
    return {
        "images_per_s": cycles * images_per_cycle / seconds,
        "flops_per_image": counter.total / images_per_cycle,
        "precision": "bf16" if trainer.use_bf16 else "fp32",
        "batch": options.batch,
        "resolution": network.resolution,
        "parameters": _parameters(trainer),
    }


def peak(device: torch.device) -> dict[str, object]:
    """FLOP/s of the largest thing that the machine does fast: a product of square matrices."""
    found: dict[str, object] = {}
    for name, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        a, b = (torch.randn(PEAK_SIZE, PEAK_SIZE, device=device, dtype=dtype) for _ in range(2))
        torch.mm(a, b)
        seconds = min(_timed(lambda a=a, b=b: torch.mm(a, b), 1, device) for _ in range(5))  # type: ignore[misc]
        found[name] = 2 * PEAK_SIZE**3 / seconds
    return found


def loader() -> dict[str, object]:
    """Images per second of the loader alone, at the batch and size of the default preset."""
    batch = 16
    with tempfile.TemporaryDirectory() as folder:
        images = RealImages(_random_images(Path(folder), 64, 3), seed=0, mirror=True)
        position = 0

        def batches() -> None:
            nonlocal position
            for _ in range(100):
                images.batch(position, batch, 64)
                position += batch

        batches()
        seconds = _timed(batches, 3, torch.device("cpu"))
    return {"images_per_s": 300 * batch / seconds}


def _random_images(folder: Path, resolution: int, channels: int) -> Dataset:
    header = Header("random", resolution, channels, SHARD_IMAGES, "CC0-1.0", {"kind": "random"})
    writer = DatasetWriter(folder / "dataset", header)
    shape = (SHARD_IMAGES, *header.image_shape())
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    writer.write_shard(0, pixels, [{"id": str(i)} for i in range(SHARD_IMAGES)])
    writer.finish()
    return Dataset.open(folder / "dataset")


def _parameters(trainer: GanTrainer) -> dict[str, int]:
    networks = {"generator": trainer.generator, "discriminator": trainer.discriminator}
    return {
        name: sum(value.numel() for value in network.parameters())
        for name, network in networks.items()
    }


def _timed(work: Callable[[], object], times: int, device: torch.device) -> float:
    """Seconds that `times` runs of `work` take."""
    started = perf_counter()
    for _ in range(times):
        work()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())
