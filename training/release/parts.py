"""A release: a model, the models of its parts, and what their cards say of them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from training.export.repository import CARD_FILE
from training.export.triton_config import MODEL_FILE
from training.release.errors import ReleaseError
from training.release.store import Store

# A StyleGAN2 is published with the models of its parts, which have the same versions.
_SUFFIXES = ("", "_mapping", "_synthesis", "_layers")


@dataclass(frozen=True)
class Part:
    """One version of one model.

    Attributes:
        model: its name.
        version: its number.
        card: the model card.
        files: name -> content, all but the card.
    """

    model: str
    version: int
    card: dict[str, Any]
    files: dict[str, bytes]


def part_names(store: Store, model: str) -> list[str]:
    """The model and those of its parts that the store has."""
    known = set(store.models())
    return [model + suffix for suffix in _SUFFIXES if model + suffix in known]


def read_card(store: Store, model: str, version: int) -> dict[str, Any]:
    """The model card of a version.

    Raises:
        ReleaseError: there is none, or it is not one.
    """
    path = f"{model}/{version}/{CARD_FILE}"
    try:
        card: dict[str, Any] = json.loads(store.read(path))
        digest_of(card)
    except FileNotFoundError as error:
        raise ReleaseError(f"{store.url} has no {path}; export or publish it again") from error
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ReleaseError(f"{store.url}/{path} is no model card: {error!r}") from error
    return card


def digest_of(card: dict[str, Any]) -> str:
    """sha256 of the ONNX file."""
    return str(card["files"][MODEL_FILE]["sha256"])


def read_part(store: Store, model: str, version: int) -> Part:
    """Read one version, and check every file against its card.

    Raises:
        ReleaseError: the version is incomplete, or damaged.
    """
    where = f"{store.url}/{model}/{version}"
    card = read_card(store, model, version)
    try:
        files = {name: store.read(f"{model}/{version}/{name}") for name in card["files"]}
    except FileNotFoundError as error:
        raise ReleaseError(f"{where} is incomplete: {error}; publish it again") from error
    for name, content in files.items():
        if hashlib.sha256(content).hexdigest() != card["files"][name]["sha256"]:
            raise ReleaseError(
                f"{where}/{name} is damaged: its sha256 is not the card's; publish it again"
            )
    return Part(model, version, card, files)


def read_release(store: Store, model: str, version: int) -> list[Part]:
    """The version of a model and of all its parts, checked; the model itself first.

    Raises:
        ReleaseError: as `read_part`, or there is no such version.
    """
    missing = [name for name in part_names(store, model) if version not in store.versions(name)]
    if missing or model not in store.models():
        raise ReleaseError(
            f"{store.url} has no version {version} of {', '.join(missing) or model}; "
            f"{model} has the versions {store.versions(model)}"
        )
    return [read_part(store, name, version) for name in part_names(store, model)]


def newest_release(store: Store, model: str) -> list[Part]:
    """As `read_release`, of the newest version.

    Raises:
        ReleaseError: as `read_release`, or the store does not have the model.
    """
    versions = store.versions(model)
    if not versions:
        known = ", ".join(store.models()) or "no models"
        raise ReleaseError(f"{store.url} has no {model}; there are: {known}")
    return read_release(store, model, versions[-1])
