"""`anime-gan audit`: are the images new, or copies of training images?"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from animegan_cli.console import complain, say
from animegan_cli.seeds import parse_seeds
from animegan_search.copies import CopyIndexError
from animegan_search.ssim.index import Index, SearchIndexError
from training.audit.album import gather
from training.audit.auditing import conduct
from training.audit.detector import CopySearch
from training.audit.illustrations import write_pngs
from training.audit.page import page
from training.audit.record import record
from training.audit.subjects import Subjects, open_pictures
from training.audit.words import headline
from training.cli.arguments import HelpFormatter, cores, natural, positive, share
from training.datasets.remote import ray_map
from training.datasets.store import DatasetError
from training.files import pretty, write

COUNT = 25  # as in the seed's report
MAX_SEEDS = 10_000_000
PAGE, RECORD = "report.html", "report.json"

EPILOG = """\
Each image is compared with every image of the index by SSIM. It is flagged if its nearest one is
closer than all but a few (--false-alarm-rate) of the real images that the index does not hold come
to theirs. The page explains its numbers; docs/similarity/audit.md has more.

The copy detector finds changed copies, to which SSIM is nearly blind. It is asked where the index
has its embeddings: `anime-gan copies index INDEX` makes them.

examples:
  anime-gan audit                                            # 25 faces of the default model
  anime-gan audit --model dcgan_color --seeds 1-1000 --out out/audit-dcgan
  anime-gan audit --weights .local/runs/mine/generator.safetensors --index .local/indexes/mine
  anime-gan audit --pictures downloads --index .local/indexes/mine
  anime-gan audit --model stylegan --count 100000 --ray-address ray://head:10001
"""


def main(argv: Sequence[str]) -> int:
    """Run the command; return the exit code: 0 audited, 1 refused or failed, 2 wrong usage."""
    arguments = parser().parse_args(argv)
    try:
        run(arguments)
    except (OSError, ValueError, DatasetError, SearchIndexError, CopyIndexError) as error:
        complain(f"anime-gan audit: {error}")
        return 1
    return 0


def run(arguments: argparse.Namespace) -> None:
    """Audit and write the report; errors as in `conduct` and of the kinds of subjects."""
    index = Index.open(arguments.index, verify=False)  # whoever scans verifies it
    subjects = open_subjects(arguments, channels=index.shape[2])
    audit = conduct(
        index, subjects, arguments.false_alarm_rate, _copies(arguments), **_means(arguments)
    )
    album = gather(audit, subjects, index, arguments.shown)
    folder: Path = arguments.out
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / PAGE, folder / RECORD]
    write(files[0], page(audit, album).encode())
    write(files[1], pretty(record(audit)))
    files += write_pngs(audit, album, folder) if arguments.png else []
    say("\n".join((*headline(audit), *map(str, files))))


def open_subjects(arguments: argparse.Namespace, channels: int) -> Subjects:
    """What is to be audited.

    Raises:
        ValueError: it cannot be used; the message names the option.
        OSError, DatasetError: it cannot be read.
    """
    if arguments.pictures:
        return open_pictures(arguments.pictures, channels, arguments.count, arguments.seed)
    # ONNX Runtime and PyTorch take seconds to load: only who draws waits for them.
    from training.audit.models import ServedSubjects, WeightsSubjects

    seeds = arguments.seeds or range(1, 1 + (arguments.count or COUNT))
    if arguments.weights:
        return WeightsSubjects.open(arguments.weights.resolve(), seeds, arguments.truncation)
    return ServedSubjects.open(
        arguments.models.resolve(), arguments.model, seeds, arguments.truncation
    )


def parser() -> argparse.ArgumentParser:
    """The command line."""
    result = argparse.ArgumentParser(
        prog="anime-gan audit",
        description="Are the images new? Compare them with every training image, and report.",
        epilog=EPILOG,
        formatter_class=HelpFormatter,
    )
    what = result.add_mutually_exclusive_group()
    what.add_argument("--model", default="stylegan", help="draw with the newest version of a model")
    what.add_argument("--weights", type=Path, metavar="FILE", help="or with a generator's weights")
    what.add_argument("--pictures", type=Path, metavar="DIR", help="or take a folder or a dataset")
    how_many = result.add_mutually_exclusive_group()
    how_many.add_argument("--seeds", type=_seeds, help=f"such as 1-64,100 (default: 1-{COUNT})")
    how_many.add_argument(
        "--count",
        type=positive,
        metavar="N",
        help=f"seeds from 1 on (default: {COUNT}), or pictures, drawn at random (default: all)",
    )
    add = result.add_argument
    add("--truncation", type=float, metavar="PSI", help="psi (default: the model's; 1 for weights)")
    add("--seed", type=natural, default=0, help="of the choice among pictures")
    add("--index", type=Path, default=Path(".local/indexes/procedural-64"), help="its directory")
    add("--no-copies", action="store_true", help="do not ask the copy detector (see below)")
    add("--models", type=Path, default=Path("models"), metavar="DIR", help="model repository")
    add("--out", type=Path, default=Path("out/audit"), metavar="DIR", help="made when absent")
    add(
        "--false-alarm-rate",
        type=share,
        help="of the threshold; 0.01 when absent, or the least that the held-out images carry",
    )
    add("--shown", type=positive, default=100, help="images on the page, the closest ones")
    add("--png", action="store_true", help="also write the figures as PNG files")
    add("--workers", type=positive, default=cores(), help="cores of a Ray started here (--ray)")
    add("--ray", action="store_true", help="work by Ray Data (dependency group `ray`)")
    add("--ray-address", metavar="ADDRESS", help="of a cluster, such as ray://head:10001")
    return result


def _copies(arguments: argparse.Namespace) -> CopySearch | None:
    if arguments.no_copies:
        return None
    paths = arguments.index.resolve(), arguments.models.resolve()
    return CopySearch.open(*paths, arguments.false_alarm_rate)


def _means(arguments: argparse.Namespace) -> dict[str, Any]:
    """How to scan: here with all cores, or by Ray with one for each task."""
    if not (arguments.ray or arguments.ray_address):
        return {}
    mapper = partial(ray_map, workers=arguments.workers, address=arguments.ray_address)
    return {"mapper": mapper, "threads": 1}


def _seeds(text: str) -> list[int]:
    try:
        seeds = parse_seeds(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    if seeds.count > MAX_SEEDS:
        raise argparse.ArgumentTypeError(f"{seeds.count} seeds are more than {MAX_SEEDS}")
    return list(seeds)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
