"""The cleaner's report: one HTML file that needs nothing else, and the same as JSON."""

from __future__ import annotations

import base64
import io
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from training.datasets.cleaning.findings import AGAINST, REASONS, Finding, Thresholds
from training.datasets.growing import read_skipped
from training.datasets.reader import Dataset
from training.datasets.sheets import contact_sheet
from training.files import pretty, write

SHOWN = 120
"""Images of a reason that are shown, evenly spread from the clearest case to the faintest."""
COLUMNS = 12
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1000px; margin: 2em auto; color: #222; }
table { border-collapse: collapse; } td, th { padding: .2em 1em .2em 0; text-align: left; }
td.number { text-align: right; } figure { margin: 1em 0; } img { image-rendering: pixelated;
max-width: 100%; } figcaption, code { color: #555; font-size: 13px; } pre { white-space: pre-wrap; }
"""


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
    title = f"Cleaning {escape(dataset.header.name)}"
    skipped = read_skipped(dataset.directory)
    rows = "".join(
        f"<tr><td>{reason}</td><td class=number>{count}</td>"
        f"<td class=number>{count / len(dataset):.2%}</td><td>{escape(REASONS[reason])}</td></tr>"
        for reason, count in counts(findings).items()
    )
    return f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>
<h1>{title}</h1>
<p>{len(findings)} of {len(dataset)} images would be dropped; {len(kept)} that were found are kept
by request. Nothing was changed or deleted. {len(skipped)} pictures were skipped when the dataset
was imported.</p>
<table><tr><th>reason</th><th>images</th><th>share</th><th>meaning</th></tr>{rows}</table>
<p>Thresholds: <code>{escape(json.dumps(asdict(thresholds)))}</code><br>
Dataset: <code>{dataset.digest}</code>{_other(against)}</p>
{"".join(_section(dataset, against, reason, findings) for reason in REASONS)}
{_skipped_section([f"{one.id}: {one.reason}" for one in skipped])}
</html>
"""


def _other(against: Dataset | None) -> str:
    if not against:
        return ""
    return f"<br>Against {escape(against.header.name)}: <code>{against.digest}</code>"


def _section(
    dataset: Dataset, against: Dataset | None, reason: str, findings: Sequence[Finding]
) -> str:
    chosen = [finding for finding in findings if finding.reason == reason]
    if not chosen:
        return ""
    shown = chosen if len(chosen) <= SHOWN else _spread(chosen)
    lines = "\n".join(
        f"{finding.index}: {finding.detail}  ({dataset.labels[finding.index].get('id')})"
        for finding in shown
    )
    pairs = ""
    if shown[0].like is not None:
        other = "that of the other dataset" if reason == AGAINST else "the one that stays"
        pairs = f" Pairs: the image to drop, then {other}."
    return f"""<h2>{reason.capitalize()}: {len(chosen)}</h2>
<figure><img alt="" src="{_data_url(sheet(dataset, against, shown))}">
<figcaption>{len(shown)} of {len(chosen)}, row by row in the order of the list below.{pairs}
</figcaption></figure>
<details><summary>Which they are</summary><pre>{escape(lines)}</pre></details>
"""


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


def _skipped_section(lines: Sequence[str]) -> str:
    if not lines:
        return ""
    more = f"\n... and {len(lines) - SHOWN} more in skipped.jsonl" if len(lines) > SHOWN else ""
    text = escape("\n".join(lines[:SHOWN]) + more)
    return f"<h2>Skipped at import: {len(lines)}</h2><pre>{text}</pre>"


def _data_url(sheet_HWC: np.ndarray) -> str:
    buffer = io.BytesIO()
    Image.fromarray(sheet_HWC).save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
