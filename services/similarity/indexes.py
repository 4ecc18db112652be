"""The indexes that the Tritons serve between them, as their manifests describe them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from animegan_search.ssim.verdict import Calibration
from services.similarity.contract import own_model


@dataclass(frozen=True)
class Source:
    """A dataset in an index: image i of it has the id first_id + i."""

    name: str
    digest: str
    licence: str
    first_id: int
    count: int


@dataclass(frozen=True)
class Shard:
    """A part of an index, and who serves it."""

    name: str
    count: int
    tritons: tuple[int, ...]  # places in the service's list of Tritons; () means nobody
    scanners: frozenset[int] = frozenset()  # those of them that have a model for this shard alone


@dataclass(frozen=True)
class Index:
    """An index as all its Tritons describe it."""

    name: str
    definition: str
    shape: tuple[int, int, int]  # H, W, C
    count: int
    digest: str
    sources: tuple[Source, ...]
    shards: tuple[Shard, ...]
    tritons: tuple[int, ...]  # that have its images
    calibration: Calibration | None


def combine(
    manifests: Sequence[Mapping[str, Any] | None],
    models: Mapping[int, Collection[str]] | None = None,
) -> tuple[Mapping[str, Index], Mapping[str, str]]:
    """Join what the Tritons say.

    Args:
        manifests: of each Triton, as `ssim_index` gives them; None: it is away.
        models: the ready ones of each Triton, by its place; None: those that all have.

    Returns:
        The indexes by name; and what is wrong with those that cannot be searched, by name.
    """
    troubles: dict[str, str] = {}
    told: dict[str, list[tuple[int, Any]]] = {}
    for place, manifest in enumerate(manifests):
        if manifest is None:
            continue
        troubles |= dict.fromkeys(manifest["refused"], "is damaged, and has to be built anew")
        for description in manifest["indexes"]:
            told.setdefault(description["name"], []).append((place, description))
    for name, descriptions in told.items():
        if len({description["digest"] for _, description in descriptions}) > 1:
            troubles[name] = "is being replaced: its servers have different states; try again"
    indexes = {name: _index(told[name], models or {}) for name in told.keys() - troubles.keys()}
    return indexes, troubles


def _index(descriptions: Sequence[tuple[int, Any]], models: Mapping[int, Collection[str]]) -> Index:
    """One index from the equal descriptions of its servers, and the models that these have."""
    _, first = descriptions[0]
    calibration = first["calibration"]
    return Index(
        name=first["name"],
        definition=first["definition"],
        shape=tuple(first["shape"]),
        count=first["count"],
        digest=first["digest"],
        sources=tuple(Source(**source) for source in first["sources"]),
        shards=tuple(
            _shard(first["name"], shard, _servers(descriptions, place), models)
            for place, shard in enumerate(first["shards"])
        ),
        tritons=tuple(place for place, _ in descriptions),
        calibration=Calibration.from_json(calibration) if calibration else None,
    )


def _servers(descriptions: Sequence[tuple[int, Any]], shard: int) -> tuple[int, ...]:
    return tuple(at for at, told in descriptions if told["shards"][shard]["served"])


def _shard(
    index: str,
    told: Mapping[str, Any],
    tritons: tuple[int, ...],
    models: Mapping[int, Collection[str]],
) -> Shard:
    own = own_model(index, told["name"])
    scanners = frozenset(at for at in tritons if own in models.get(at, ()))
    return Shard(told["name"], told["alive"], tritons, scanners)
