"""What all verbs that call a service share: its address, and how failures are told."""

import argparse
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import NoReturn, TypeVar

import grpc

from animegan_cli.console import complain, finish
from animegan_client import errors
from animegan_client.channel import DEFAULT_TIMEOUT_S
from animegan_client.connection import Connection


@dataclass(frozen=True)
class Service:
    """A service as the command line finds it."""

    variable: str
    """The environment variable with its address."""
    default: str
    """Its address without that."""
    listing: str
    """The command that lists what a request may name."""

    @property
    def environment(self) -> str:
        """The end of a verb's help."""
        width = len(self.variable)
        return (
            "environment:\n"
            f"  {self.variable}  address of the service (default {self.default})\n"
            f"  {'ANIMEGAN_TOKEN':<{width}}  token to send, where the service wants one\n"
        )


GENERATOR = Service("ANIMEGAN_TARGET", "127.0.0.1:50051", "anime-gan models")
SIMILARITY = Service("ANIMEGAN_SIMILARITY_TARGET", "127.0.0.1:50053", "anime-gan indexes")
UPSCALER = Service("ANIMEGAN_UPSCALER_TARGET", "127.0.0.1:50052", "anime-gan methods")

AnyClient = TypeVar("AnyClient", bound=Connection)

_REMEDIES: tuple[tuple[type[errors.AnimeganError], str], ...] = (
    (errors.UnavailableError, "is the service up (`make up`)? name another with --target"),
    (errors.UnauthenticatedError, "set ANIMEGAN_TOKEN"),
    (errors.NotFoundError, "`{listing}` lists those there are"),
    (errors.BusyError, "try again later"),
    (errors.DeadlineExceededError, "ask for fewer pictures, or raise --timeout"),
)


# What fields are called here that are filled by no flag.
_NAMES = {"token": "ANIMEGAN_TOKEN", "(message)": "the request", "(answer)": "the answer"}


class UsageError(Exception):
    """The command line makes no sense; the message names the argument."""


def add_service_arguments(parser: argparse.ArgumentParser, service: Service) -> None:
    """Add the flags that say which service to call."""
    group = parser.add_argument_group("service")
    group.add_argument(
        "--target",
        default=os.environ.get(service.variable, service.default),
        metavar="HOST:PORT",
        help="address of the service (default %(default)s)",
    )
    group.add_argument(
        "--timeout",
        type=float,
        metavar="SECONDS",
        help=f"give up after this time (default {DEFAULT_TIMEOUT_S:g}; streams: none)",
    )
    group.add_argument("--tls", action="store_true", help="encrypt, trusting the system's roots")
    group.add_argument(
        "--ca", type=Path, metavar="FILE", help="encrypt, trusting the certificates in this file"
    )


def connect(kind: type[AnyClient], arguments: argparse.Namespace) -> AnyClient:
    """The client of this kind that the flags and the environment describe.

    Raises:
        UsageError: --ca cannot be read.
    """
    return kind(
        arguments.target,
        token=os.environ.get("ANIMEGAN_TOKEN"),
        tls=_roots(arguments.ca) if arguments.ca else arguments.tls,
    )


def run(
    prog: str, action: Callable[[], None], flags: Mapping[str, str], service: Service = GENERATOR
) -> int:
    """Run `action`; tell what goes wrong in one line and return the exit code.

    SIGTERM ends it as Ctrl-C does, with code 143: files that are half written are removed.

    Args:
        prog: what the line starts with.
        action: the verb's work.
        flags: the flag that fills a field of the request, where it is not `--<field>`.
        service: that is called.
    """
    try:
        with _terminable():
            action()
            finish()
    except UsageError as error:
        complain(f"{prog}: {error}")
        return 2
    except errors.InvalidArgumentError as error:
        complain(f"{prog}: {name_flags(error, flags)}")
        return 2
    except errors.AnimeganError as error:
        complain(f"{prog}: {_one_line(error)}{_remedy(error, service)}")
        return 1
    except OSError as error:
        complain(f"{prog}: {error}")
        return 1
    return 0


def name_flags(error: errors.AnimeganError, flags: Mapping[str, str]) -> str:
    """What went wrong, in one line that names flags in place of the fields that they fill."""
    if not isinstance(error, errors.InvalidArgumentError) or not error.violations:
        return _one_line(error)
    names = {**_NAMES, **flags}
    return "; ".join(
        f"{names.get(violation.field, f'--{violation.field}')}: {violation.description}"
        for violation in error.violations
    )


@contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM, and the end of the terminal, end this block by an exception."""

    def stop(number: int, _: FrameType | None) -> NoReturn:
        signal.signal(number, signal.SIG_DFL)  # the next one does not wait for anything
        raise SystemExit(128 + number)

    ours = []
    if threading.current_thread() is threading.main_thread():
        # Whoever has another wish, such as nohup's, has it respected.
        numbers = (signal.SIGTERM, signal.SIGHUP)
        ours = [number for number in numbers if signal.getsignal(number) is signal.SIG_DFL]
    for number in ours:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)


def _roots(path: Path) -> grpc.ChannelCredentials:
    try:
        return grpc.ssl_channel_credentials(path.read_bytes())
    except OSError as error:
        raise UsageError(f"--ca: {error}") from error


def _one_line(error: errors.AnimeganError) -> str:
    return " ".join(str(error).split())


def _remedy(error: errors.AnimeganError, service: Service) -> str:
    remedy = next((remedy for kind, remedy in _REMEDIES if isinstance(error, kind)), None)
    if remedy:
        return f"; {remedy.format(listing=service.listing)}"
    return f" (request id {error.request_id})" if error.request_id else ""
