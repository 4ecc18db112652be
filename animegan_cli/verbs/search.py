"""`anime-gan search`: are these pictures new?"""

import argparse
import json
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from animegan_cli.console import Parser, complain, say, table
from animegan_cli.files import check_sheet, unreadable, write_picture
from animegan_cli.progress import ProgressBar
from animegan_cli.service import (
    SIMILARITY,
    UsageError,
    add_service_arguments,
    connect,
    name_flags,
    run,
)
from animegan_cli.sheets.nearest import Row, nearest_sheet
from animegan_client import (
    AnimeganError,
    Failure,
    InvalidArgumentError,
    ServerError,
    SimilarityClient,
)
from animegan_client.similarity.types import SearchOptions, SearchResult

PROG = "anime-gan search"
EPILOG = f"""\
examples:
  anime-gan search face.png                             its four nearest training images
  anime-gan search out/demo/faces/*.png --save sheet.png   and a picture of them
  anime-gan search face.jpg --k 10 --index procedural-64 --json

The p-value bounds the share of unseen real images that come as near to the index as the picture.
A picture whose best SSIM lies over the threshold is called a copy.

A file that cannot be read or searched for is told on stderr, and the exit code is 1; the others are
not affected. With --json it is in the list, with an `error` in place of what was found.

{SIMILARITY.environment}"""

# The field that a complaint of the service names, and the flag that fills it.
FLAGS = {
    "query.image.data": "FILE",
    "query.index": "--index",
    "query.k": "--k",
    "query.definition": "--definition",
    "query.false_alarm_rate": "--false-alarm-rate",
    "query.find_copies": "--find-copies",
}
# Rows of a sheet, which is held in memory until it is drawn.
MAX_SHEET_ROWS = 500


@dataclass(frozen=True)
class _Outcome:
    """What came of the files, in their order."""

    found: list[tuple[Path, SearchResult]] = field(default_factory=list)
    failed: list[tuple[Path, str]] = field(default_factory=list)
    records: list[dict[str, Any]] = field(default_factory=list)

    def add(self, file: Path, result: SearchResult) -> None:
        """It was found."""
        self.found.append((file, result))
        self.records.append(record(str(file), result))

    def fail(self, file: Path, reason: str) -> None:
        """It was not; say why."""
        complain(f"{PROG}: {file}: {reason}")
        self.failed.append((file, reason))
        self.records.append({"file": str(file), "error": reason})


def main(argv: list[str]) -> int:
    """Search for files and show what is nearest to each."""
    arguments = _parser().parse_args(argv)
    outcome = _Outcome()
    code = run(PROG, lambda: _search(arguments, outcome), FLAGS, SIMILARITY)
    return code or int(bool(outcome.failed))


def _search(arguments: argparse.Namespace, outcome: _Outcome) -> None:
    files: Sequence[Path] = arguments.files
    if arguments.save:
        check_sheet("--save", arguments.save)
        if len(files) > MAX_SHEET_ROWS:
            raise UsageError(
                f"--save: a sheet shows at most {MAX_SHEET_ROWS} files, not {len(files)}"
            )
    options = SearchOptions(
        index=arguments.index,
        k=arguments.k,
        definition=arguments.definition,
        false_alarm_rate=arguments.false_alarm_rate,
        omit_thumbnails=arguments.save is None,
        find_copies=arguments.find_copies or None,
        model=arguments.model,
    )
    try:
        with connect(SimilarityClient, arguments) as client:
            _ask(client, options, arguments, outcome)
    except (AnimeganError, OSError):
        if outcome.found:  # before it broke
            _show(arguments, outcome)
        raise
    _show(arguments, outcome)


def _ask(
    client: SimilarityClient,
    options: SearchOptions,
    arguments: argparse.Namespace,
    outcome: _Outcome,
) -> None:
    """Search for the files that can be read.

    Raises:
        AnimeganError: what is wrong is wrong with every file, or the service went away.
        OSError: a file went away.
    """
    reasons = unreadable(arguments.files)
    readable = [file for file in arguments.files if file not in reasons]
    with closing(_answers(client, readable, options, arguments.timeout)) as answers:
        for file in ProgressBar(arguments.files, unit="file", disable=arguments.quiet):
            if file in reasons:
                outcome.fail(file, reasons[file])
                continue
            answer = next(answers)
            if isinstance(answer, SearchResult):
                outcome.add(file, answer)
            elif _concerns_all(answer.error):
                raise answer.error
            else:
                outcome.fail(file, name_flags(answer.error, FLAGS))


def _answers(
    client: SimilarityClient, files: Sequence[Path], options: SearchOptions, timeout: float | None
) -> Generator[SearchResult | Failure]:
    """One for each file."""
    if len(files) > 1:
        yield from client.search_stream(files, timeout=timeout, **options)
        raise ServerError("the service ended the stream before the last answer")
    for file in files:
        try:
            yield client.search(file, timeout=timeout, **options)
        except InvalidArgumentError as error:
            yield Failure(error)


def _concerns_all(error: AnimeganError) -> bool:
    """Whether every other file would fail in the same way."""
    if not isinstance(error, InvalidArgumentError):
        return True
    return any(not each.field.startswith("query.image.") for each in error.violations)


def _show(arguments: argparse.Namespace, outcome: _Outcome) -> None:
    files = [file for file, _ in outcome.found]
    results = [result for _, result in outcome.found]
    if arguments.json:
        say(json.dumps(outcome.records, indent=2))
    elif results:
        say(table([_head(results), *map(_row, files, results)]))
        say(summary(results))
    if arguments.save and results:
        write_picture(arguments.save, _sheet(files, results))
        say(f"{arguments.save}: each picture beside its nearest")


def summary(results: Sequence[SearchResult]) -> str:
    """What was searched and how many pictures are original, in a line or two."""
    first = results[0]
    line = f"{first.index}: {first.count} images, {first.definition}, all compared"
    verdicts = [result.verdict for result in results if result.verdict]
    if not verdicts:
        return f"{line}; not calibrated: no verdict"
    original = sum(verdict.original for verdict in verdicts)
    return (
        f"{line}\n{original} of {len(results)} original: best SSIM at most "
        f"{verdicts[0].threshold:.4f}, false-alarm rate {verdicts[0].false_alarm_rate:.2g}"
    )


def _head(results: Sequence[SearchResult]) -> tuple[str, ...]:
    most = max(len(result.matches) for result in results)
    nearest = [cell for i in range(most) for cell in ("NEAREST" if i == 0 else "", "SSIM")]
    head = ("FILE", *nearest, "MEAN", "P", "VERDICT")
    return (*head, "CHANGED COPY OF") if results[0].copies else head


def _row(file: Path, result: SearchResult) -> tuple[str, ...]:
    nearest = [cell for match in result.matches for cell in (str(match.id), f"{match.ssim:.4f}")]
    p_value = f"{result.verdict.p_value:.3g}" if result.verdict else "-"
    row = (str(file), *nearest, f"{result.mean:.4f}", p_value, verdict_word(result))
    return (*row, _copy_of(result)) if result.copies else row


def _copy_of(result: SearchResult) -> str:
    """What the copy detector says."""
    if not result.copies or not result.copies.copied:
        return "nothing"
    match = result.copies.matches[0]
    return f"#{match.id} (cosine {match.similarity:.2f})"


def verdict_word(result: SearchResult) -> str:
    """The verdict in a word."""
    if result.verdict is None:
        return "-"
    return "original" if result.verdict.original else "copy"


def record(name: str, result: SearchResult) -> dict[str, Any]:
    """All that was found for a file, as plain JSON values without pictures."""
    found = asdict(result)
    for match in found["matches"]:
        del match["thumbnail"]
    return {"file": name, **found}


def _sheet(files: Sequence[Path], results: Sequence[SearchResult]) -> Image.Image:
    rows = []
    for file, result in zip(files, results, strict=True):
        with Image.open(file) as picture:
            rows.append(Row(picture.convert("RGB"), file.name, result))
    return nearest_sheet(rows)


def _parser() -> Parser:
    parser = Parser(
        prog="anime-gan search",
        description="Compare pictures with every image of an index by SSIM, exactly: what is\n"
        "nearest, how near, and is that nearer than an unseen real image would be?",
        epilog=EPILOG,
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="PNG, JPEG, WebP, ...")
    parser.add_argument("--index", help="default: the service's; see `anime-gan indexes`")
    parser.add_argument("--k", type=int, metavar="N", help="nearest images to show (default 4)")
    parser.add_argument("--definition", help="insist on this SSIM: uniform7 or gaussian")
    parser.add_argument(
        "--false-alarm-rate",
        type=float,
        metavar="RATE",
        help="share of unseen real images that may be called copies (default 0.01)",
    )
    parser.add_argument(
        "--find-copies",
        action="store_true",
        help="also ask the copy detector: mirrored, cut, moved, turned",
    )
    parser.add_argument("--model", help="what made the pictures, for the service's metrics")
    parser.add_argument(
        "--save", type=Path, metavar="SHEET", help="a picture: each file beside its four nearest"
    )
    parser.add_argument("--json", action="store_true", help="print all that was found, as JSON")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    add_service_arguments(parser, SIMILARITY)
    return parser
