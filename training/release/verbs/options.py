"""Options that several steps share."""

from __future__ import annotations

import argparse
import os
import sys
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
    parser.add_argument(
        "--triton",
        action="append",
        metavar="HOST:PORT",
        help="gRPC address of a Triton, repeatable; a name with several addresses means all of "
        f"them. The admin key comes from {ADMIN_KEY_VARIABLE} (default: those in "
        f"{TRITONS_VARIABLE}, with spaces between; else the stack that `make up` started, with "
        "its key)",
    )
    add_note(parser)
    return parser


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
