"""What the gate found: a page for people, JSON for machines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from training.release.gate.checks import Check, passed
from training.release.gate.contestant import Contestant
from training.release.parts import digest_of


def markdown(candidate: Contestant, current: Contestant | None, checks: Sequence[Check]) -> str:
    """The report as Markdown."""
    verdict = "may be published" if passed(checks) else "is refused"
    rows = [
        f"| {'ok' if check.passed else '**no**'} | {check.name} | {_number(check.candidate)} "
        f"| {_number(check.current)} | {check.limit} |"
        for check in checks
    ]
    return "\n".join(
        [
            f"# {candidate.part.model}: the candidate {verdict}",
            "",
            f"Candidate: {_title(candidate)}",
            f"Current: {_title(current)}"
            if current
            else "Current: none, this is the first version",
            "",
            "| | check | candidate | current | limit |",
            "|---|---|---|---|---|",
            *rows,
            "",
        ]
    )


def as_json(candidate: Contestant, current: Contestant | None, checks: Sequence[Check]) -> str:
    """The report as JSON."""
    story: dict[str, Any] = {
        "passed": passed(checks),
        "candidate": _identity(candidate),
        "current": current and _identity(current),
        "checks": [asdict(check) for check in checks],
    }
    return json.dumps(story, indent=2) + "\n"


def _identity(contestant: Contestant) -> dict[str, Any]:
    card = contestant.card
    return {
        "name": contestant.part.model,
        "version": contestant.part.version,
        "files": card["files"],
        "created": card.get("created"),
    }


def _title(contestant: Contestant) -> str:
    card = contestant.card
    digest = digest_of(card)[:16]
    return f"version {contestant.part.version}, sha256 {digest}, {card.get('description', '')}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
