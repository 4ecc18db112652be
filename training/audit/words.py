"""What a page says in words; the figures only illustrate it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from training.audit.judged import Audit
from training.audit.subjects import spelled


class Fact(NamedTuple):
    """A number that is worth a box: what it is, the number, and what to compare it with."""

    title: str
    value: str
    note: str


def headline(audit: Audit) -> tuple[str, str]:
    """The verdict, and in what sense it is meant."""
    low, high = audit.interval
    verdict = f"{audit.original:,} of {audit.count:,} judged original"
    explanation = (
        f"That is {percent(audit.original / audit.count)}; 95 % interval {percent(low)} to "
        f"{percent(high)} (Wilson). An image is flagged if its nearest of "
        f"{audit.index['count']:,} training images is closer than that of "
        f"{percent(1 - audit.false_alarm_rate)} of real images which the index does not hold: "
        f"SSIM above {audit.threshold:.3f}."
    )
    return verdict, explanation


def facts(audit: Audit) -> Iterator[Fact]:
    """The numbers to look at first."""
    best, heldout = audit.nearest[:, 0], audit.calibration.maxima
    expected = audit.count * audit.false_alarm_rate
    smallest = min(one.verdict.p_value for one in audit.judged)
    yield Fact(
        "Flagged as too close",
        f"{audit.flagged:,}",
        f"{expected:.2g} expected by false alarms alone; as many or more by chance: "
        f"probability {audit.chance:.2g}",
    )
    if audit.detector:
        yield Fact(
            "Changed copies",
            f"{audit.changed_copies:,}",
            f"found by the copy detector; {expected:.2g} expected by false alarms alone",
        )
    yield Fact(
        "Largest SSIM",
        f"{best.max():.3f}",
        f"largest of {len(heldout):,} unseen real images: {heldout[-1]:.3f}",
    )
    yield Fact(
        "Median of the nearest",
        f"{np.median(best):.3f}",
        f"of unseen real images: {np.median(heldout):.3f}",
    )
    yield Fact(
        "Smallest p-value",
        f"{smallest:.2g}",
        f"no copy can have less than {1 / (len(heldout) + 1):.2g}",
    )


def notices(audit: Audit) -> Iterator[str]:
    """What a reader must not overlook."""
    trained_on = (audit.subjects.get("training_dataset") or {}).get("digest")
    held = {source["digest"] for source in audit.index["sources"]}
    if trained_on and trained_on not in held:
        yield (
            "The index does not hold the dataset that this model was trained on, so copies of its "
            "training images cannot be found here."
        )
    missed = sum(one.changed_copy and one.verdict.original for one in audit.judged)
    if missed:
        yield (
            f"The copy detector takes {missed:,} of the images that SSIM judges original for "
            "changed copies: they are framed, and come among the first below."
        )
    if audit.calibration.identical:
        yield (
            f"{audit.calibration.identical:,} held-out images are in the index pixel by pixel: "
            "they were not unseen, and make the verdicts milder."
        )


def reading(audit: Audit) -> list[str]:
    """Explanations in plain words."""
    heldout, rate = audit.calibration.count, audit.false_alarm_rate
    low, high = audit.calibration.false_alarm_interval(rate)
    return [
        "SSIM (structural similarity) compares two pictures window by window: 1 means equal, 0 "
        "unrelated. Each audited image was compared with every training image in the index; no "
        "comparison was skipped or estimated.",
        f"The p-value answers: how often would a real image that the model never saw come as "
        f"close to some training image? {heldout:,} such images were searched in the same index. "
        f"A p-value of 0.3 says that 30 % of them came as close: nothing unusual. The smallest "
        f"possible value, {1 / (heldout + 1):.2g}, says that none of them did.",
        f"The false-alarm rate is the price of the threshold: {percent(rate)} of unseen real "
        f"images, which copy nothing, lie above it and would be flagged, too. It was set by "
        f"{heldout:,} images, so its true value lies between {percent(low)} and {percent(high)} "
        f"(95 % interval). A flag is a reason to look at the pair, not a proof of copying.",
        "Original here means: SSIM sees no copy. SSIM is nearly blind to copies that are flipped, "
        "shifted, turned or cropped, and faces on similar flat backgrounds resemble each other "
        f"without one being a copy. {_detector(audit)}",
        "The interval of the share says how far it may move with other images of the same kind "
        "judged by the same threshold.",
    ]


def _detector(audit: Audit) -> str:
    if audit.detector is None:
        return (
            "The copy detector, a network that finds changed copies, was not asked: "
            "`anime-gan copies index` prepares an index for it."
        )
    return (
        "Changed copies are what the copy detector looks for, a network whose verdict has a "
        f"threshold and p-values of its own, from {audit.detector['heldout_count']:,} held-out "
        f"images. It does not count in the headline."
    )


def provenance(audit: Audit) -> Iterator[tuple[str, str]]:
    """Names and digests by which the audit can be repeated."""
    subjects, index = audit.subjects, audit.index
    version = f", version {subjects['version']}" if "version" in subjects else ""
    yield "audited", f"{subjects['kind']} {subjects['name']}{version}, {audit.count:,} images"
    yield "its digest", subjects["digest"]
    if "seeds" in subjects:
        yield "seeds", compact(subjects["seeds"])
        yield "truncation", f"{subjects['truncation']:g}"
    elif audit.count < subjects["of"]:
        choice = f"{audit.count:,} of {subjects['of']:,}"
        yield "chosen", f"{choice}, at random by seed {subjects['seed']}"
    yield "index", f"{index['name']}, {index['count']:,} images of {spelled(index['shape'])}"
    yield "the index's digest", index["digest"]
    yield "SSIM", index["definition"]
    calibration = audit.calibration
    yield "held-out images", f"{calibration.heldout_name}, {calibration.count:,} images"
    yield "their digest", calibration.heldout_digest
    if audit.detector:
        told = audit.detector
        yield "copy detector", f"version {told['version']}, sha256 {told['digest']}"
    yield "false-alarm rate", percent(audit.false_alarm_rate)
    yield "date", audit.date
    yield "commit", audit.commit


def percent(share: float) -> str:
    """A share in percent, with as many digits as make sense."""
    return f"{100 * share:.3g} %"


def compact(seeds: list[int]) -> str:
    """Seeds as ranges, as `--seeds` takes them."""
    runs: list[list[int]] = []
    for seed in seeds:
        if runs and seed == runs[-1][1] + 1:
            runs[-1][1] = seed
        else:
            runs.append([seed, seed])
    return ", ".join(f"{first}" if first == last else f"{first}-{last}" for first, last in runs)
