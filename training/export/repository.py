"""Publishes models into a Triton model repository: always a new version, never half of one.

    models/stylegan/config.pbtxt
    models/stylegan/1/model.onnx
    models/stylegan/1/model_card.json
    models/upscale_cunet_2x/1/model.native.onnx   where our convolutions have something to do

A version appears at once, or not at all (`folders.py`). `config.pbtxt` follows by a second rename.
It is rebuilt from all the cards in the folder, so that publishing again mends what a crash between
the two renames left. The version policy that it had stays; and where it names the versions to be
served, because the model is released in steps (`training/release`), all of it stays: there a new
version lies beside those that serve until `anime-gan models publish` takes it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from training.export.folders import publishing, replace, reveal, stage
from training.export.model import ServedModel
from training.export.triton_config import (
    MODEL_FILE,
    NATIVE_FILE,
    names_versions,
    render,
    version_policy,
)

CARD_FILE = "model_card.json"
CONFIG_FILE = "config.pbtxt"
# Triton wants a version folder, and object stores know no empty ones.
ENSEMBLE_FILE = "1/README"
ENSEMBLE_README = b"An ensemble has no file of its own: ../config.pbtxt is all there is.\n"


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
        FolderInUseError: another process publishes one of them.
        OSError: the disk is full, for instance.
    """
    folders = [repository / model.name for model, _ in releases]
    with publishing(folders):
        version = 1 + max((number for folder in folders for number in versions(folder)), default=0)
        staged = [
            _stage(folder, model, story, version)
            for folder, (model, story) in zip(folders, releases, strict=True)
        ]
        return {
            model.name: _reveal(model, folder)
            for folder, (model, _) in zip(staged, releases, strict=True)
        }


def versions(folder: Path) -> list[int]:
    """List the versions in a model's folder, oldest first; none if there is no folder."""
    if not folder.is_dir():
        return []
    return sorted(int(path.name) for path in folder.iterdir() if path.name.isdecimal())


def released_in_steps(folder: Path) -> bool:
    """Whether a model's configuration names the versions to serve: new ones wait for a release."""
    return names_versions(_config(folder))


def read_card(folder: Path, version: int) -> dict[str, Any]:
    """Read the model card of one version in a model's folder."""
    card: dict[str, Any] = json.loads((folder / str(version) / CARD_FILE).read_text())
    return card


def card_bytes(card: Mapping[str, Any]) -> bytes:
    """A model card as it is written: sorted, for people and for diffs."""
    return json.dumps(card, indent=2, sort_keys=True, allow_nan=False).encode() + b"\n"


def described(content: bytes) -> dict[str, Any]:
    """What a card tells of a file."""
    return {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def _stage(folder: Path, model: ServedModel, story: Mapping[str, Any], version: int) -> Path:
    """Write a version into a hidden folder and return it."""
    files = {MODEL_FILE: model.onnx}
    if model.native is not None:
        files[NATIVE_FILE] = model.native
    card = {
        **story,
        "name": model.name,
        "version": version,
        "contract": model.contract,
        "files": {name: described(content) for name, content in files.items()},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    return stage(folder, version, {**files, CARD_FILE: card_bytes(card)})


def _reveal(model: ServedModel, staged: Path) -> Path:
    """Rename a staged version into place, then let the configuration tell of it."""
    goal = reveal(staged)
    folder = goal.parent
    if not released_in_steps(folder):
        cards = {number: read_card(folder, number) for number in versions(folder)}
        replace(
            folder / CONFIG_FILE, render(model, cards, version_policy(_config(folder))).encode()
        )
    return goal


def _config(folder: Path) -> str:
    """The configuration of a model; nothing where it has none yet."""
    path = folder / CONFIG_FILE
    return path.read_text(encoding="utf-8") if path.exists() else ""
