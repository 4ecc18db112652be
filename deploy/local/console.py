"""What the commands of this package tell their user, and how they refuse."""

import sys


class LocalStackError(Exception):
    """Something that the user can act on: the message names the fault and its remedy."""


def say(line: str) -> None:
    """Write one line of progress to stderr: stdout is kept for results."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
