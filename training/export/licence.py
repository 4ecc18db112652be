"""Under which licence weights are served: that of the images that they learnt from."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

UNKNOWN = "LicenseRef-unknown"  # what imports are told where nobody knows
HELP = "licence of the weights: SPDX or LicenseRef-... (default: that of the images they learnt)"


class LicenceError(ValueError):
    """Nobody knows under which licence weights may be served."""


def learnt_from(training: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The data sets that weights have learnt from, each once.

    Args:
        training: the story of weights: "dataset" or "datasets", and where they began with other
            weights "begun_with", {"sha256", "datasets"}, with all that those had learnt from.

    Returns:
        Data sets as the story tells of them; none where it tells of none.
    """
    told = [training["dataset"]] if training.get("dataset") else training.get("datasets", [])
    before = training.get("begun_with", {}).get("datasets", [])
    every = [*told, *before]
    return [dict(one) for place, one in enumerate(every) if one not in every[:place]]


def licence_of_weights(given: str | None, datasets: Sequence[Mapping[str, Any]]) -> str:
    """What was given, else the licences of the data sets.

    Args:
        given: what the person says who serves them.
        datasets: see `learnt_from`; each with "name" and "licence".

    Returns:
        An SPDX expression; of several licences all hold: "CC0-1.0 AND LicenseRef-private".

    Raises:
        LicenceError: nothing was given, and that of a data set is not known.
    """
    if given:
        return given
    for dataset in datasets or [{}]:
        if dataset.get("licence", UNKNOWN) == UNKNOWN:
            raise LicenceError(
                "the licence of the weights follows that of "
                f"{dataset.get('name', 'the images that they learnt from')}, which is not known: "
                "say by --licence under which one they are served, such as LicenseRef-private"
            )
    licences = {str(dataset["licence"]) for dataset in datasets}
    if len(licences) == 1:
        return licences.pop()
    bracketed = (f"({each})" if _leaves_a_choice(each) else each for each in licences)
    return " AND ".join(sorted(bracketed))


def _leaves_a_choice(licence: str) -> bool:
    """Whether an SPDX expression has an OR outside of brackets: AND would bind more tightly."""
    bare, outer = "", licence
    while bare != outer:
        bare, outer = outer, re.sub(r"\([^()]*\)", " ", outer)
    return "OR" in outer.upper().split()
