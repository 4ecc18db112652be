"""Reads how close held-out images come to an index."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from animegan_search.ssim.index.arrays import NEAREST, open_array
from animegan_search.ssim.index.manifest import Manifest
from animegan_search.ssim.verdict import Calibration


def read_calibration(directory: Path, manifest: Manifest) -> Calibration | None:
    """The calibration of an index; None where there is none, or where it is of an earlier state.

    Raises:
        DamagedIndexError: a file is not as the manifest says.
    """
    record = manifest.calibration
    if record is None or not manifest.calibrated:
        return None
    heldout = record.heldout
    parts = [open_array(directory, file, NEAREST, (heldout.count,)) for file in record.nearest]
    maxima = np.sort(np.max([part["ssim"] for part in parts], axis=0))
    return Calibration(
        maxima=maxima,
        index_digest=record.index_digest,
        heldout_name=heldout.name,
        heldout_digest=heldout.digest,
        identical=int((maxima >= 1).sum()),
    )
