"""What the verbs share: kinds of options."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TypeAlias

from training.datasets.likeness.limits import Likeness

CACHE = Path(".local/cache/features")

Verbs: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


class HelpFormatter(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Shows defaults, and keeps the lines of examples."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        """Name a default only where there is one."""
        if action.default is None or action.default is False or action.required:
            return action.help
        return super()._get_help_string(action)


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def positive(text: str) -> int:
    """An integer of at least 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {number}")
    return number


def natural(text: str) -> int:
    """An integer of at least 0."""
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"must not be negative, got {number}")
    return number


def share(text: str) -> float:
    """A number between 0 and 1, both excluded."""
    number = float(text)
    if not 0 < number < 1:
        raise argparse.ArgumentTypeError(f"must lie between 0 and 1, got {number}")
    return number


def not_negative(text: str) -> float:
    """A number of at least 0."""
    number = float(text)
    if not 0 <= number < float("inf"):
        raise argparse.ArgumentTypeError(f"must not be negative, got {number}")
    return number


def words(text: str) -> str:
    """Some text that is not empty."""
    if not text.strip():
        raise argparse.ArgumentTypeError("must not be empty")
    return text


def add_likeness(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what near duplicates are."""
    for name, kind, text in (
        ("blank", not_negative, "deviation of levels below which an image is blank, and like none"),
        ("phash", natural, "bits by which the pHashes of near duplicates may differ"),
        ("difference", not_negative, "deviations of levels by which their thumbnails may differ"),
        ("sure", not_negative, "deviations beyond which the copy detector must assent to a pair"),
        ("assent", float, "cosine of the copy detector's vectors from which it does"),
        ("cosine", float, "of the copy detector's vectors from which images are near duplicates"),
        ("moved", not_negative, "deviations of levels by which their thumbnails may differ then"),
    ):
        default = getattr(Likeness(), name)
        parser.add_argument(f"--{name}", type=kind, default=default, help=text)


def likeness(arguments: argparse.Namespace) -> Likeness:
    """What near duplicates are, as `add_likeness` has asked."""
    names = Likeness.__dataclass_fields__
    return Likeness(**{name: getattr(arguments, name) for name in names})
