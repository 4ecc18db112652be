"""What the verbs tell their user: results on stdout, everything else on stderr."""

import argparse
import sys
from typing import NoReturn


def say(line: str) -> None:
    """Write one line of the result."""
    sys.stdout.write(f"{line}\n")


def complain(line: str) -> None:
    """Write one line about what went wrong."""
    sys.stderr.write(f"{line}\n")


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
