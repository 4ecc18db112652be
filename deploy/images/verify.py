"""Checks model files against their cards: exit code 0 if all are as they were exported, else 1.

A file that was copied in part, or that a disk has changed, may still load, and then draws other
pictures than its card promises. Runs in Triton's image before Triton starts, on the folder of one
workload: nothing but the standard library.

    MODELS/<model>/<version>/model_card.json    "files": {"model.onnx": {"sha256": ...}}

Models without a card, such as the pointers of releases, hold nothing to check but a configuration.
"""

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

CARD = "model_card.json"


def main(models: str) -> int:
    """Check every version of every model; say what is damaged."""
    cards = sorted(Path(models).glob(f"*/*/{CARD}"))
    problems = [problem for card in cards for problem in damaged(card)]
    if not cards:
        problems = [f"{models}: there is no model yet"]
    for problem in problems:
        sys.stderr.write(f"{problem}\n")
    return 1 if problems else 0


def damaged(card: Path) -> Iterator[str]:
    """Files of a version that are missing, or other than its card says."""
    try:
        files = json.loads(card.read_text())["files"]
    except ValueError:
        yield f"{card}: is no JSON; copy the model again"
        return
    for name, expected in files.items():
        file = card.with_name(name)
        if not file.is_file():
            yield f"{file}: is missing; copy the model again"
        elif sha256(file) != expected["sha256"]:
            yield f"{file}: its sha256 is not the card's; copy the model again"


def sha256(file: Path) -> str:
    """The digest of a file's content, in hexadecimal."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
