"""`python -m demo`: 64 faces, larger ones, and whether they are new, from a stack of its own."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from animegan_client import AnimeganError
from demo.faces import DEFAULT_OUT, demo
from deploy.local import processes
from deploy.local.console import LocalStackError, say
from deploy.local.state import StackSettings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    for name, meaning in (
        ("models", "Triton model repository"),
        ("indexes", "folder of the indexes that are searched"),
    ):
        default = getattr(StackSettings, "model_repository" if name == "models" else name)
        parser.add_argument(
            f"--{name}", type=Path, default=default, help=f"{meaning} (default: %(default)s)"
        )
    parser.add_argument(
        "--out", type=Path, default=DEFAULT_OUT, help="where the results go (default: %(default)s)"
    )
    options = parser.parse_args(arguments)
    processes.interrupt_on_sigterm()
    try:
        demo(options.models.resolve(), options.indexes.resolve(), options.out)
    except (LocalStackError, AnimeganError) as error:
        say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        say("interrupted")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
