"""Options that several verbs share, and how they tell their results."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from animegan_cli.console import say
from animegan_search.ssim.index import Index
from animegan_search.ssim.verdict import CONFIDENCE
from training.cli.arguments import CACHE, cores, positive
from training.datasets.remote import ray_session
from training.datasets.store import Dataset
from training.index.building import HERE, Means

INDEXES = Path(".local/indexes")


def add_index(parser: argparse.ArgumentParser) -> None:
    """Add the directory of the index."""
    parser.add_argument("index", type=Path, metavar="INDEX", help="directory of the index")


def add_shard_images(parser: argparse.ArgumentParser) -> None:
    """Add the size of shards."""
    parser.add_argument(
        "--shard-images",
        type=positive,
        metavar="N",
        help="the most images of a shard, which is what one server scans at a time; "
        "1 GiB of pixels when absent",
    )


def add_no_calibration(parser: argparse.ArgumentParser) -> None:
    """Add the choice to calibrate later."""
    parser.add_argument(
        "--no-calibration",
        action="store_true",
        help="leave the calibration stale: no verdicts until `anime-gan index calibrate`",
    )


def add_cache(parser: argparse.ArgumentParser) -> None:
    """Add where it is kept what held-out images are compared with the index's by."""
    parser.add_argument("--cache", type=Path, default=CACHE, help="what is known of images")


def add_means(parser: argparse.ArgumentParser) -> None:
    """Add how the work is done."""
    parser.add_argument("--workers", type=positive, default=cores(), help="cores to use here")
    parser.add_argument("--ray", action="store_true", help="work by Ray Data (group `ray`)")
    parser.add_argument(
        "--ray-address",
        metavar="ADDRESS",
        help="of a cluster, such as ray://head:10001; datasets and index must lie under the same "
        "path on every machine (--ray)",
    )


@contextmanager
def means(arguments: argparse.Namespace) -> Iterator[Means]:
    """How the work is done, while it is done."""
    if not (arguments.ray or arguments.ray_address):
        yield Means(HERE.mapper, threads=arguments.workers)
        return
    with ray_session(arguments.workers, arguments.ray_address) as session:
        yield Means(session.map, threads=1)  # a Ray task has one core


def open_dataset(path: Path | None) -> Dataset | None:
    """A dataset, where one is named."""
    return Dataset.open(path.resolve()) if path else None


def tell(index: Index) -> None:
    """Print what an index is."""
    height, width, channels = index.shape
    removed = len(index.ids) - index.count
    shards = f"{len(index.shards)} shard{'s' * (len(index.shards) > 1)}"
    say(
        f"{index.directory}: {index.count} images of {width} x {height} x {channels}, "
        f"{index.definition.name}, {shards}, {removed} removed"
    )
    say(f"digest       {index.digest}")
    say(f"calibration  {calibration(index)}")


def calibration(index: Index) -> str:
    """What an index's calibration says, in a line."""
    if index.calibration is None:
        state = "stale" if index.manifest.calibration else "none"
        return f"{state}: run `anime-gan index calibrate` to have verdicts"
    found = index.calibration
    text = f"{found.count} images of {found.heldout_name}"
    if found.identical:
        text += f", {found.identical} of which are in the index (clean the datasets)"
    threshold, (low, high) = found.threshold(), found.false_alarm_interval()
    return (
        f"{text}: a picture above SSIM {threshold:.4f} is not judged original, "
        f"with {100 * found.default_rate:.3g}% false alarms "
        f"({low:.2%} to {high:.2%}, {CONFIDENCE:.0%} confidence)"
    )
