"""What was found: a page for people, JSON for machines."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from training.export.folders import replace
from training.metrics.score import Score
from training.release.gate.checks import Check, passed
from training.release.gate.rule import Condition
from training.release.parts import Part, digest_of

SAME = (
    "**The candidate is the current version, byte for byte: what is measured beside it is measured "
    "beside itself, and says nothing.**"
)
HEAD = ("", "check", "candidate", "current", "unseen real images", "limits, and why")


def write(
    folder: Path, candidate: Part, current: Part | None, checks: Sequence[Check], verdict: str
) -> None:
    """Write `<model>.md` and `<model>.json` into a folder, and show the first; see `markdown`."""
    name, page = candidate.model, markdown(candidate, current, checks, verdict)
    replace(folder / f"{name}.md", page.encode())
    replace(folder / f"{name}.json", as_json(candidate, current, checks).encode())
    sys.stdout.write(f"{page}\nreport: {folder / name}.md and .json\n")


def markdown(candidate: Part, current: Part | None, checks: Sequence[Check], verdict: str) -> str:
    """The report as Markdown.

    Args:
        candidate: the version that is judged.
        current: the version that serves; None: there is none yet.
        checks: what was found.
        verdict: on the candidate, as "may be published".
    """
    return "\n".join(
        [
            f"# {candidate.model}: the candidate {verdict}",
            "",
            f"Candidate: {_title(candidate)}",
            f"Current: {_title(current)}"
            if current
            else "Current: none, this is the first version: absolute limits alone hold",
            *([SAME] if same(candidate, current) else []),
            "",
            f"| {' | '.join(HEAD)} |",
            "|---" * len(HEAD) + "|",
            *map(_row, checks),
            "",
        ]
    )


def as_json(candidate: Part, current: Part | None, checks: Sequence[Check]) -> str:
    """The report as JSON."""
    story: dict[str, Any] = {
        "passed": passed(checks),
        "candidate": _identity(candidate),
        "current": current and _identity(current),
        "same": same(candidate, current),
        "checks": [{**asdict(check), "passed": check.passed} for check in checks],
    }
    return json.dumps(story, indent=2) + "\n"


def same(candidate: Part, current: Part | None) -> bool:
    """Whether a candidate would be measured beside itself."""
    return current is not None and digest_of(candidate.card) == digest_of(current.card)


def _row(check: Check) -> str:
    bounds = "<br>".join(map(_condition, check.conditions)) or "none"
    cells = (
        "ok" if check.passed else "**no**",
        check.name,
        _score(check.candidate),
        _score(check.current),
        _score(check.floor),
        bounds,
    )
    return f"| {' | '.join(cells)} |"


def _condition(condition: Condition) -> str:
    bound = f"{condition.side} {condition.bound:.4g}"
    return f"{bound if condition.kept else f'**not {bound}**'}: {condition.why}"


def _score(score: Score | None) -> str:
    if score is None:
        return "-"
    if score.low is None or score.high is None:
        return f"{score.value:.4g}"
    return f"{score.value:.4g} ({score.low:.4g} to {score.high:.4g})"


def _identity(part: Part) -> dict[str, Any]:
    return {
        "name": part.model,
        "version": part.version,
        "files": part.card["files"],
        "created": part.card.get("created"),
    }


def _title(part: Part) -> str:
    digest = digest_of(part.card)[:16]
    return f"version {part.version}, sha256 {digest}, {part.card.get('description', '')}"
