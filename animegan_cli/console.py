"""What the verbs tell their user: results on stdout, everything else on stderr."""

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NoReturn


def say(line: str) -> None:
    """Write one line of the result.

    Raises:
        OSError: nobody takes it: a full disk, a closed pipe.
    """
    with _stdout():
        sys.stdout.write(f"{line}\n")


def finish() -> None:
    """See that all that was said has gone out.

    Raises:
        As `say`.
    """
    with _stdout():
        sys.stdout.flush()


def complain(line: str) -> None:
    """Write one line about what went wrong."""
    sys.stderr.write(f"{line}\n")


def table(rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest cell, numbers to the right.

    Args:
        rows: of equally many cells, the first of them the head.
    """
    columns = list(zip(*rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    right = [all(cell[:1].isdigit() or cell in ("", "-") for cell in col[1:]) for col in columns]
    lines = [
        "  ".join(
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in rows
    ]
    return "\n".join(lines)


class Parser(argparse.ArgumentParser):
    """Keeps the line breaks of its epilog, and tells wrong usage in one line."""

    def __init__(self, prog: str, description: str, epilog: str) -> None:
        """Parse for the command `prog`."""
        super().__init__(
            prog,
            description=description,
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    def error(self, message: str) -> NoReturn:
        """Exit with code 2."""
        self.exit(2, f"{self.prog}: {message}; see `{self.prog} --help`\n")


@contextmanager
def _stdout() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        # At its end Python would try again, and complain in a way of its own.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise OSError(error.errno, error.strerror, "stdout") from error
