"""Under which licence weights are served: that of the images that they learnt from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

UNKNOWN = "LicenseRef-unknown"  # what imports are told where nobody knows
HELP = "licence of the weights: SPDX or LicenseRef-... (default: that of the images they learnt)"


class LicenceError(ValueError):
    """Nobody knows under which licence weights may be served."""


def licence_of_weights(given: str | None, datasets: Sequence[Mapping[str, Any]]) -> str:
    """What was given, else the licences of the data sets.

    Args:
        given: what the person says who serves them.
        datasets: as the weights tell of them, each with "name" and "licence".

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
    return " AND ".join(sorted({str(dataset["licence"]) for dataset in datasets}))
