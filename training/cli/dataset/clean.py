"""`anime-gan dataset clean`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from animegan_cli.console import say
from training.cli.arguments import (
    CACHE,
    HelpFormatter,
    Verbs,
    add_likeness,
    cores,
    natural,
    positive,
)
from training.datasets.cleaning.findings import REASONS, Faces, Finding, Thresholds, find
from training.datasets.likeness.looks import Looks, look
from training.datasets.store import Dataset
from training.datasets.subset import write_subset
from training.files import writing

EPILOG = """\
Reasons, the first that applies:
{reasons}

examples:
  anime-gan dataset clean data/faces --report reports/faces
  anime-gan dataset clean data/faces --report reports/faces --keep 17 party/0042.png \\
      --drop scans/cover.png --apply --out data/faces-clean
  anime-gan dataset clean data/heldout --against data/train --no-features \\
      --report reports/heldout --apply --out data/heldout-unseen

Look at report.html before you apply it. The dataset itself is never changed."""


def add(verbs: Verbs) -> None:
    """Add the verb."""
    parser = verbs.add_parser(
        "clean",
        help="report what does not belong, and write a dataset without it",
        description="Find blank images, noise, duplicates, non-faces and outliers; write a report\n"
        "with contact sheets of what would be dropped and why; with --apply, write a new dataset.",
        epilog=EPILOG.format(reasons="\n".join(f"  {k}: {v}" for k, v in REASONS.items())),
        formatter_class=HelpFormatter,
    )
    add_argument = parser.add_argument
    add_argument("dataset", type=Path, metavar="DIR")
    add_argument("--report", type=Path, required=True, metavar="DIR", help="to write")
    add_argument("--apply", action="store_true", help="write a dataset without the findings")
    add_argument("--out", type=Path, metavar="DIR", help="where --apply writes it")
    for name, text in (
        ("keep", "not to drop: names as the report gives them, or indices"),
        ("drop", "to drop, whatever they look like"),
    ):
        add_argument(f"--{name}", nargs="+", default=[], metavar="PICTURE", help=text)
    add_argument("--drop-from", type=Path, metavar="FILE", help="--drop, one picture a line")
    add_argument(
        "--against",
        type=Path,
        metavar="OTHER",
        help="also drop copies of the images of this dataset, such as the training images when "
        "the held-out ones are cleaned",
    )
    add_argument("--no-features", action="store_true", help="only blanks, noise, duplicates")
    add_argument("--cache", type=Path, default=CACHE, help="what is known of images")
    add_argument("--workers", type=positive, default=cores(), help="processes")
    add_likeness(parser)
    for name, kind, text in (
        ("noise", float, "correlation of neighbouring pixels below which an image is noise"),
        ("votes", natural, "windows agreeing on a face, up to which an image may be none"),
        ("non_face", float, "robust deviations from which such an image goes"),
        ("outlier", float, "robust deviations from which any image goes"),
    ):
        default = getattr(Thresholds(), name)
        add_argument(f"--{name.replace('_', '-')}", type=kind, default=default, help=text)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    if arguments.apply != (arguments.out is not None):
        raise ValueError("--apply and --out DIR belong together")
    dataset = Dataset.open(arguments.dataset)
    against = Dataset.open(arguments.against) if arguments.against else None
    if against and against.header.image_shape() != dataset.header.image_shape():
        raise ValueError(
            f"--against: its images are of {list(against.header.image_shape())}, those of "
            f"{arguments.dataset} of {list(dataset.header.image_shape())} (height, width, "
            "channels): import them with the same --size and colours"
        )
    names = Thresholds.__dataclass_fields__
    thresholds = Thresholds(**{name: getattr(arguments, name) for name in names})
    keep, drop = _indices(dataset, arguments.keep), _indices(dataset, _drop(arguments))
    if both := [dataset.labels[index].get("id", index) for index in sorted(keep & drop)]:
        raise ValueError(f"--keep and --drop both name {both[0]}")
    found = _findings(dataset, against, thresholds, sorted(drop), arguments)
    findings = [finding for finding in found if finding.index not in keep]
    kept = sorted({finding.index for finding in found} & keep)
    _report(arguments.report, dataset, against, findings, thresholds, kept)
    if arguments.apply:
        with writing(arguments.out):
            _apply(arguments.out, dataset, against, findings, thresholds)
    return 0


def _drop(arguments: argparse.Namespace) -> list[str]:
    if arguments.drop_from is None:
        return list(arguments.drop)
    lines = arguments.drop_from.read_text(encoding="utf-8").splitlines()
    return [*arguments.drop, *(line.strip() for line in lines if line.strip())]


def _indices(dataset: Dataset, pictures: Sequence[str]) -> set[int]:
    """The images that a user names, by the ids of their labels or by their indices.

    Several images may have one id: the faces of one picture.

    Raises:
        ValueError: there is no such image.
    """
    if not pictures:
        return set()
    known: dict[str, set[int]] = {}
    for index, label in enumerate(dataset.labels):
        known.setdefault(str(label.get("id", index)), set()).add(index)
    found: set[int] = set()
    for picture in pictures:
        if picture in known:
            found |= known[picture]
        elif picture.isdecimal() and int(picture) < len(dataset):
            found.add(int(picture))
        else:
            raise ValueError(f"{picture}: no image of the {len(dataset)} has this name or index")
    return found


def _findings(
    dataset: Dataset,
    against: Dataset | None,
    thresholds: Thresholds,
    drop: Sequence[int],
    arguments: argparse.Namespace,
) -> list[Finding]:
    looks = _looks(dataset, arguments.cache)
    others = _looks(against, arguments.cache) if against else None
    faces = None
    if not arguments.no_features:
        # OpenCV is needed here only.
        from training.datasets.cleaning.examine import face_votes
        from training.datasets.cleaning.outliers import dataset_features, neighbour_distances

        votes = face_votes(dataset, arguments.workers)
        features = dataset_features(dataset, arguments.cache)
        faces = Faces(votes, neighbour_distances(features, looks.pixels))
    return find(looks, faces, others, thresholds, drop)


def _looks(dataset: Dataset, cache: Path) -> Looks:
    return look(dataset.images_NHWC, dataset.header.name, cache, dataset.digest)


def _report(
    directory: Path,
    dataset: Dataset,
    against: Dataset | None,
    findings: Sequence[Finding],
    thresholds: Thresholds,
    kept: Sequence[int],
) -> None:
    from training.datasets.cleaning.report import counts, write_report

    write_report(directory, dataset, against, findings, thresholds, kept)
    for reason, count in counts(findings).items():
        say(f"{count:>8}  {reason}")
    say(f"{len(findings)} of {len(dataset)} images found; look at {directory / 'report.html'}")


def _apply(
    directory: Path,
    dataset: Dataset,
    against: Dataset | None,
    findings: Sequence[Finding],
    thresholds: Thresholds,
) -> None:
    dropped = [finding.index for finding in findings]
    staying = np.setdiff1d(np.arange(len(dataset)), dropped)
    derivation = {
        "kind": "clean",
        "thresholds": asdict(thresholds),
        "against": against and against.digest,
        "dropped": len(dropped),
    }
    total = write_subset(dataset, staying, directory, derivation)
    say(f"{directory}: {len(staying)} images, digest {total}")
