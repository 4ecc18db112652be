"""Options that several steps share."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deploy.triton_admin import ADMIN_KEY_VARIABLE
from training.release.errors import ReleaseError
from training.release.history import Entry
from training.release.store import Store
from training.release.traffic import Traffic
from training.release.tritons import Address, Tritons, addresses

if TYPE_CHECKING:
    from deploy.local.state import StackState

DEFAULT_MODEL = "stylegan"

# Where the steps act when they are not told: an operator sets both once.
MODELS_VARIABLE = "ANIMEGAN_MODELS"
TRITONS_VARIABLE = "ANIMEGAN_TRITONS"


def add_step(subparsers: Any, name: str, text: str, epilog: str = "") -> argparse.ArgumentParser:
    """Add a subcommand with the options that all of them have."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        name,
        help=text[0].lower() + text[1:],
        description=f"{text}.",
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--name", default=DEFAULT_MODEL, help="the model (default: %(default)s)")
    return parser


def add_repository(parser: argparse.ArgumentParser) -> None:
    """Add --models, the repository that Triton reads."""
    parser.add_argument(
        "--models",
        metavar="URL",
        default=os.environ.get(MODELS_VARIABLE),
        help="the repository that Triton reads: a folder or s3://bucket/path (default: that in "
        f"{MODELS_VARIABLE}; else of the stack that `make up` started; else the folder models)",
    )


def add_step_on_tritons(subparsers: Any, name: str, text: str) -> argparse.ArgumentParser:
    """Add a subcommand that changes what Triton serves."""
    parser = add_step(subparsers, name, text)
    add_repository(parser)
    add_tritons(parser)
    add_note(parser)
    return parser


def add_tritons(parser: argparse.ArgumentParser) -> None:
    """Add --triton."""
    parser.add_argument(
        "--triton",
        action="append",
        metavar="HOST:PORT",
        help="gRPC address of a Triton, repeatable; a name with several addresses means all of "
        f"them. The admin key comes from {ADMIN_KEY_VARIABLE} (default: those in "
        f"{TRITONS_VARIABLE}, with spaces between; else the stack that `make up` started, with "
        "its key)",
    )


def add_measuring(parser: argparse.ArgumentParser, first_seed: int, out: Path) -> None:
    """Add what versions are measured with, and where the report goes."""
    add = parser.add_argument
    add("--dataset", type=Path, required=True, help="real images that no training saw")
    add(
        "--training",
        type=Path,
        metavar="DATASET",
        required=True,
        help="the images that the candidate was trained on, as its model card names them",
    )
    add(
        "--allow-overlap",
        action="store_true",
        help="measure although images of --dataset are images of --training; the share is told",
    )
    add("--limits", type=Path, metavar="FILE", help="default: training/release/gate/limits.toml")
    add("--count", type=int, default=1000, help="images to draw (default: %(default)s)")
    add(
        "--first-seed",
        type=int,
        default=first_seed,
        help="of these images; the others follow (default: %(default)s)",
    )
    add(
        "--truncation",
        type=float,
        help="psi of the images that quality is judged by (default: 1, the whole range); copies "
        "are looked for at the model's default truncation, as it is served",
    )
    add("--cache", type=Path, help="features (default: as `anime-gan evaluate`)")
    add("--out", type=Path, default=out, help="folder of the report (default: %(default)s)")


def add_note(parser: argparse.ArgumentParser) -> None:
    """Add --note."""
    parser.add_argument("--note", default="", help="why, for the history")


def open_store(arguments: argparse.Namespace) -> Store:
    """The repository that Triton reads."""
    if arguments.models:
        return Store(arguments.models)
    state = _local_stack()
    return Store(state.settings.model_repository if state else "models")


def open_tritons(arguments: argparse.Namespace) -> Tritons:
    """The Tritons that were named, here or in the environment, or that of the local stack.

    Raises:
        ReleaseError: none was named and no stack runs, or there is no key.
    """
    named = arguments.triton or os.environ.get(TRITONS_VARIABLE, "").split()
    if named:
        return Tritons(addresses(named))
    state = _local_stack()
    if state is None:
        raise ReleaseError("no stack is running: start it with `make up`, or name a --triton")
    return Tritons([Address(state.triton.grpc_url, state.admin_key)])


def _local_stack() -> StackState | None:
    """The stack that `make up` started, if it runs."""
    # Only here: who names a repository and Tritons, as in a cluster, does not have what it needs.
    from deploy.local.stack import Stack

    return Stack().state()


def share_of(text: str) -> float:
    """Parse a share: 0.05 or 5%."""
    share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not within 0 and 1")
    return share


def show(name: str, entry: Entry) -> int:
    """Tell what a step did; return the exit code."""
    sys.stdout.write(
        f"{entry.action}: {name} version {entry.version}, sha256 {entry.digest[:16]}\n"
        f"traffic: {describe(entry.traffic)}\n"
    )
    return 0


def describe(traffic: Traffic) -> str:
    """One line for people."""
    stable = f"version {traffic.stable} {1 - traffic.share:.1%}"
    if traffic.candidate is not None:
        return f"{stable}, candidate {traffic.candidate} {traffic.share:.1%}"
    return stable + (f"; {traffic.previous} waits for a rollback" if traffic.previous else "")
