"""Publishes models into a Triton model repository: always a new version, never half of one.

    models/stylegan/config.pbtxt
    models/stylegan/1/model.onnx
    models/stylegan/1/model_card.json

A version is written into a hidden folder beside its goal, flushed to disk, and renamed. Triton
looks only at folders that are called like numbers, so whoever reads the repository sees the version
whole or not at all. A crash leaves at most a hidden folder, which the next publication removes.
`config.pbtxt` follows by a second rename. It is rebuilt from all the cards in the folder, so that
publishing again mends what a crash between the two renames left.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from training.export.model import ServedModel
from training.export.triton_config import MODEL_FILE, render

CARD_FILE = "model_card.json"
CONFIG_FILE = "config.pbtxt"
_STAGING = ".staging-"


def publish(
    repository: Path, releases: Sequence[tuple[ServedModel, Mapping[str, Any]]]
) -> dict[str, Path]:
    """Add one new version, of the same number, to every model of a release.

    Args:
        repository: the Triton model repository; made if it is missing.
        releases: each model with what its card tells; name, version, contract, files and time are
            added here.

    Returns:
        Name of the model -> the new version's folder.

    Raises:
        OSError: the version exists already (two publications at once) or the disk is full.
    """
    folders = [repository / model.name for model, _ in releases]
    version = 1 + max((number for folder in folders for number in versions(folder)), default=0)
    staged = [
        _stage(folder, model, story, version)
        for folder, (model, story) in zip(folders, releases, strict=True)
    ]
    return {
        model.name: _reveal(model, folder, version)
        for folder, (model, _) in zip(staged, releases, strict=True)
    }


def versions(folder: Path) -> list[int]:
    """List the versions in a model's folder, oldest first; none if there is no folder."""
    if not folder.is_dir():
        return []
    return sorted(int(path.name) for path in folder.iterdir() if path.name.isdecimal())


def read_card(folder: Path, version: int) -> dict[str, Any]:
    """Read the model card of one version in a model's folder."""
    card: dict[str, Any] = json.loads((folder / str(version) / CARD_FILE).read_text())
    return card


def _stage(folder: Path, model: ServedModel, story: Mapping[str, Any], version: int) -> Path:
    """Write a version into a hidden folder and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    for left_over in folder.glob(f"{_STAGING}*"):
        shutil.rmtree(left_over)
    staged = folder / f"{_STAGING}{version}"
    staged.mkdir()
    card = {
        **story,
        "name": model.name,
        "version": version,
        "contract": model.contract,
        "files": {
            MODEL_FILE: {
                "sha256": hashlib.sha256(model.onnx).hexdigest(),
                "bytes": len(model.onnx),
            }
        },
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    _write(staged / MODEL_FILE, model.onnx)
    _write(
        staged / CARD_FILE,
        json.dumps(card, indent=2, sort_keys=True, allow_nan=False).encode() + b"\n",
    )
    return staged


def _reveal(model: ServedModel, staged: Path, version: int) -> Path:
    """Rename a staged version into place, then let the configuration tell of it."""
    folder = staged.parent
    goal = folder / str(version)
    staged.rename(goal)  # refuses a folder that exists
    cards = {number: read_card(folder, number) for number in versions(folder)}
    config = folder / f".{CONFIG_FILE}"
    _write(config, render(model, cards).encode())
    config.replace(folder / CONFIG_FILE)
    return goal


def _write(path: Path, content: bytes) -> None:
    """Write a file and wait until it is on the disk."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
