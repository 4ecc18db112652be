"""The cleaner's report: one HTML file that needs nothing else, and the same as JSON."""

from __future__ import annotations

import base64
import io
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from training.datasets.cleaning.findings import AGAINST, REASONS, Finding, Thresholds
from training.datasets.growing import read_skipped
from training.datasets.reader import Dataset
from training.datasets.sheets import contact_sheet
from training.files import pretty, write
from training.templates import render

SHOWN = 120
"""Images of a reason that are shown, evenly spread from the clearest case to the faintest."""
COLUMNS = 12
TEMPLATE = Path(__file__).with_name("report.html")


def write_report(
    directory: Path,
    dataset: Dataset,
    against: Dataset | None,
    findings: Sequence[Finding],
    thresholds: Thresholds,
    kept: Sequence[int],
) -> None:
    """Write `report.html` and `findings.json`.

    Args:
        directory: Made when absent.
        dataset: What was looked at.
        against: The other dataset whose copies would be dropped.
        findings: What would be dropped.
        thresholds: By which.
        kept: Images that were found but are kept by request.
    """
    directory.mkdir(parents=True, exist_ok=True)
    write(directory / "report.html", _page(dataset, against, findings, thresholds, kept).encode())
    record = {
        "dataset": _identity(dataset),
        "against": against and _identity(against),
        "thresholds": asdict(thresholds),
        "counts": counts(findings),
        "kept_by_request": list(kept),
        "skipped_at_import": len(read_skipped(dataset.directory)),
        "findings": [
            asdict(finding) | {"id": dataset.labels[finding.index].get("id")}
            for finding in findings
        ],
    }
    write(directory / "findings.json", pretty(record))


def _identity(dataset: Dataset) -> dict[str, Any]:
    return {"name": dataset.header.name, "digest": dataset.digest, "count": len(dataset)}


def counts(findings: Sequence[Finding]) -> dict[str, int]:
    """Images to drop by reason, in the order of `REASONS`."""
    found = Counter(finding.reason for finding in findings)
    return {reason: found[reason] for reason in REASONS}


def _page(
    dataset: Dataset,
    against: Dataset | None,
    findings: Sequence[Finding],
    thresholds: Thresholds,
    kept: Sequence[int],
) -> str:
    counted = counts(findings)
    return render(
        TEMPLATE,
        dataset=dataset,
        against=against,
        found=len(findings),
        kept=len(kept),
        table=[(reason, count, REASONS[reason]) for reason, count in counted.items()],
        thresholds=json.dumps(asdict(thresholds)),
        sections=[
            _section(dataset, against, reason, [one for one in findings if one.reason == reason])
            for reason, count in counted.items()
            if count
        ],
        skipped=read_skipped(dataset.directory),
        shown=SHOWN,
    )


def _section(
    dataset: Dataset, against: Dataset | None, reason: str, chosen: list[Finding]
) -> dict[str, Any]:
    shown = chosen if len(chosen) <= SHOWN else _spread(chosen)
    other = "that of the other dataset" if reason == AGAINST else "the one that stays"
    return {
        "reason": reason,
        "count": len(chosen),
        "sheet": _data_url(sheet(dataset, against, shown)),
        "like": other if shown[0].like is not None else None,
        "lines": [
            f"{one.index}: {one.detail}  ({dataset.labels[one.index].get('id')})" for one in shown
        ],
    }


def _spread(findings: list[Finding]) -> list[Finding]:
    places = np.linspace(0, len(findings) - 1, SHOWN).round().astype(int)
    return [findings[place] for place in places]


def sheet(dataset: Dataset, against: Dataset | None, findings: Sequence[Finding]) -> np.ndarray:
    """Contact sheet of the images to drop; behind each duplicate the image that it resembles.

    Returns:
        uint8 [H, W, 3].
    """
    images = []
    for finding in findings:
        images.append(dataset.images_NHWC[finding.index])
        if finding.like is not None:
            source = against if against and finding.reason == AGAINST else dataset
            images.append(source.images_NHWC[finding.like])
    return contact_sheet(images, COLUMNS)


def _data_url(sheet_HWC: np.ndarray) -> str:
    buffer = io.BytesIO()
    Image.fromarray(sheet_HWC).save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
