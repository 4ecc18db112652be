"""The JSON of an audit: all that the page shows; docs/similarity/audit.md lists the fields."""

from __future__ import annotations

from typing import Any

from training.audit.judged import Audit, Judged

FORMAT, FORMAT_VERSION = "animegan-audit", 1


def record(audit: Audit) -> dict[str, Any]:
    """The audit as plain JSON values."""
    low, high = audit.interval
    calibration = audit.calibration
    return {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "date": audit.date,
        "commit": audit.commit,
        "subjects": audit.subjects,
        "index": {
            key: audit.index[key] for key in ("name", "definition", "shape", "count", "digest")
        },
        "calibration": {
            **calibration.as_json(),
            "false_alarm_rate": audit.false_alarm_rate,
            "false_alarm_interval": calibration.false_alarm_interval(audit.false_alarm_rate),
            "threshold": audit.threshold,
        },
        "copy_detector": audit.detector,
        "summary": {
            "count": audit.count,
            "original": audit.original,
            "share_original": audit.original / audit.count,
            "interval": [low, high],
            "interval_method": "Wilson, 95 %",
            "flagged": audit.flagged,
            "chance_of_as_many_flags": audit.chance,
            "changed_copies": audit.changed_copies if audit.detector else None,
        },
        "ranks": audit.ranks.tolist(),
        "mean_curve": [round(score, 6) for score in audit.mean_curve.tolist()],
        "images": [_image(one) for one in audit.judged],
    }


def _image(one: Judged) -> dict[str, Any]:
    copies = one.measured.copies
    nearest = zip(one.measured.ids.tolist(), one.measured.ssim.tolist(), strict=True)
    return {
        "name": one.name,
        "original": one.verdict.original,
        "p_value": one.verdict.p_value,
        "nearest": [{"id": image_id, "ssim": ssim} for image_id, ssim in nearest],
        "copy_detector": copies
        and {
            "id": int(copies.ids[0]),
            "similarity": float(copies.similarity[0]),
            "p_value": copies.p_value,
            "copied": copies.copied,
        },
        "mean": one.measured.mean,
        "curve": [round(float(score), 6) for score in one.measured.curve],
    }
