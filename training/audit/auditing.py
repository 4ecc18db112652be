"""Conducts an audit: measures every subject, judges it, and notes how."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from animegan_search.ssim.index import Index
from training.audit.detector import CopySearch
from training.audit.judged import Audit, Judged
from training.audit.measure import Mapper, Scan, measure, ranks
from training.audit.subjects import Subjects, spelled
from training.run.folder import git_commit


def conduct(
    index: Index,
    subjects: Subjects,
    false_alarm_rate: float | None = None,
    copies: CopySearch | None = None,
    mapper: Mapper = map,
    threads: int | None = None,
) -> Audit:
    """Audit all subjects; the result does not depend on `mapper` and `threads`.

    Args:
        index: opened; whoever scans opens it again by its path, and verifies it.
        subjects: at least one.
        false_alarm_rate: of the verdicts; None: 0.01, or the least that the calibration carries.
        copies: also asks the copy detector.
        mapper: who scans, as for `measure`.
        threads: cores of each scan; None takes all of its process.

    Raises:
        NotCalibratedError: the index has no calibration.
        ValueError: its held-out images cannot carry the false-alarm rate, or the subjects have
            another shape than its images; others as `Scan`.
    """
    calibration = index.require_calibration()
    # Refuse before anything is scanned.
    rate = calibration.default_rate if false_alarm_rate is None else false_alarm_rate
    calibration.threshold(rate)
    _check_shape(subjects, index)
    scan = Scan(subjects, index.directory.resolve(), index.digest, threads, copies)
    judged = [
        Judged(
            name=subjects.name(one.place),
            measured=one,
            verdict=calibration.judge(float(one.ssim[0]), rate),
        )
        for one in measure(scan, mapper)
    ]
    return Audit(
        subjects=subjects.describe(),
        index=index.describe(),
        calibration=calibration,
        detector=copies.describe() if copies else None,
        ranks=ranks(index.count),
        judged=judged,
        false_alarm_rate=rate,
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        commit=git_commit(),
    )


def _check_shape(subjects: Subjects, index: Index) -> None:
    [first] = subjects[np.array([0])]
    if first.shape != index.shape:
        raise ValueError(
            f"the images are {spelled(first.shape)}, those of the index {index.name} "
            f"{spelled(index.shape)}: audit against an index of their own kind"
        )
