"""Publishes a release: copies it into a repository as a new version that nobody sees yet."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from tritonclient.grpc import model_config_pb2

from animegan_cli.progress import ProgressBar
from training.export.repository import CARD_FILE, CONFIG_FILE, card_bytes
from training.release.config import read_config, render
from training.release.errors import ReleaseError
from training.release.history import Entry, record
from training.release.parts import Part, digest_of, newest_release, part_names, read_card
from training.release.store import Store
from training.release.traffic import Traffic, pointer_of, read_traffic, write_traffic


def publish(source: Store, target: Store, model: str, note: str = "") -> Entry:
    """Add the newest version in `source` to `target`, as the candidate.

    Where `target` does not have the model yet, the version is stable at once.

    Args:
        source: what `anime-gan export` wrote.
        target: the repository that Triton reads.
        model: its name in both; its parts come with it.
        note: for the history.

    Raises:
        ReleaseError: files are damaged, the tensors differ from those that clients use, or another
            candidate has traffic.
        FolderInUseError: another process publishes the model.
    """
    release = newest_release(source, model)
    with target.publishing([part.model for part in release]):
        return _publish(source, target, model, release, note)


def _publish(source: Store, target: Store, model: str, release: Sequence[Part], note: str) -> Entry:
    """What `publish` does with a release, while nobody else publishes the model."""
    before = read_traffic(target, model)
    _check_free(target, model, before)
    configs = {part.model: _config(source, target, part.model) for part in release}
    _check_parts(target, model, release)
    existing = target.versions(model)
    version = 1 + max((v for part in release for v in target.versions(part.model)), default=0)
    for part in ProgressBar(release, desc=f"publish version {version}", unit="model"):
        card = card_bytes({**part.card, "version": version})
        target.add_version(part.model, version, {**part.files, CARD_FILE: card})
    traffic = _with_candidate(before, existing, version)
    for name, config in configs.items():
        write_config(target, name, config, traffic, pointer_of(model) if name == model else None)
    write_traffic(target, model, traffic)
    return record(target, model, "publish", version, digest_of(release[0].card), traffic, note)


def write_config(
    store: Store,
    name: str,
    config: model_config_pb2.ModelConfig,
    traffic: Traffic,
    pointer: str | None,
) -> None:
    """Let a model's configuration tell of the versions that serve."""
    cards = {
        version: json.dumps(read_card(store, name, version), separators=(",", ":"), sort_keys=True)
        for version in traffic.serving
    }
    store.replace(f"{name}/{CONFIG_FILE}", render(config, cards, traffic.serving, pointer))


def rewrite_configs(store: Store, model: str, traffic: Traffic) -> None:
    """Write the configurations of a model and its parts anew; Triton has to load them."""
    for name in part_names(store, model):
        pointer = pointer_of(model) if name == model else None
        write_config(store, name, read_config(store, name), traffic, pointer)


def _check_free(target: Store, model: str, traffic: Traffic | None) -> None:
    if traffic and traffic.share > 0:
        raise ReleaseError(
            f"version {traffic.candidate} of {model} has {traffic.share:.0%} of the traffic in "
            f"{target.url}: promote it or roll it back first"
        )


def _config(source: Store, target: Store, name: str) -> model_config_pb2.ModelConfig:
    """The configuration to build on: the target's, where operators have set instances.

    Raises:
        ReleaseError: clients of the target's model would have to send other tensors.
    """
    new = read_config(source, name)
    if name not in target.models():
        return new
    old = read_config(target, name)
    if (list(old.input), list(old.output)) != (list(new.input), list(new.output)):
        raise ReleaseError(
            f"{name} takes or gives other tensors than in {target.url}: "
            "one model cannot have both; "
            "export it under another --name"
        )
    return old


def _check_parts(target: Store, model: str, release: Sequence[Part]) -> None:
    missing = set(part_names(target, model)) - {part.model for part in release}
    if missing:
        raise ReleaseError(
            f"the release lacks {', '.join(sorted(missing))}, which {target.url} serves: export it "
            "without --only-generator"
        )


def _with_candidate(before: Traffic | None, existing: Sequence[int], version: int) -> Traffic:
    if before:
        return replace(before, candidate=version, share=0.0, previous=None)
    if existing:
        return Traffic(stable=max(existing), candidate=version)
    return Traffic(stable=version)
