"""What the demo finds out about its faces: their nearest training images and verdicts."""

import json
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from statistics import median

from animegan_cli.console import table
from animegan_cli.progress import ProgressBar
from animegan_cli.sheets.nearest import Row, nearest_sheet
from animegan_cli.verbs.search import record, summary, verdict_word
from animegan_client import Failure, GeneratedImage, SimilarityClient
from animegan_client.similarity.types import SearchResult
from deploy.local.console import say

_SHOWN = 8  # faces on the sheet and in the table: those that come nearest
_COLUMNS = 2
_TIMEOUT_SECONDS = 120.0


def search(target: str, faces: Sequence[GeneratedImage], out: Path) -> None:
    """Search for the faces; write `nearest.png` and `nearest.json` below `out`.

    Raises:
        AnimeganError: the service refused.
    """
    with (
        SimilarityClient(target) as client,
        closing(
            client.search_stream(faces, timeout=_TIMEOUT_SECONDS, model=faces[0].model)
        ) as stream,
    ):
        results = []
        for answer in ProgressBar(stream, total=len(faces), unit="face", desc="Searching"):
            if isinstance(answer, Failure):
                raise answer.error
            results.append(answer)
    names = [f"{face.seed}.png" for face in faces]
    records = [record(name, result) for name, result in zip(names, results, strict=True)]
    (out / "nearest.json").write_text(json.dumps(records))
    order = sorted(range(len(faces)), key=lambda i: -results[i].matches[0].ssim)[:_SHOWN]
    rows = [Row(faces[i].to_pil(), names[i], results[i]) for i in order]
    nearest_sheet(rows, columns=_COLUMNS).save(out / "nearest.png")
    _report(rows, results)


def _report(rows: Sequence[Row], results: Sequence[SearchResult]) -> None:
    best = [result.matches[0].ssim for result in results]
    say(f"\n{summary(results)}")
    say(f"SSIM to the nearest training image: median {median(best):.3f}, most {max(best):.3f}")
    say(f"the {len(rows)} faces that come nearest:")
    head = ("FACE", "NEAREST", "SSIM", "P", "VERDICT")
    say(table([head, *(_row(row) for row in rows)]))


def _row(row: Row) -> tuple[str, ...]:
    match, verdict = row.result.matches[0], row.result.verdict
    p_value = f"{verdict.p_value:.3g}" if verdict else "-"
    return (row.name, f"#{match.id}", f"{match.ssim:.4f}", p_value, verdict_word(row.result))
