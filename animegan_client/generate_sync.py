"""Writes the synchronous clients: the asyncio ones, which are written by hand, without asyncio.

    python animegan_client/generate_sync.py             (`make client`)
    python animegan_client/generate_sync.py --check     (`make lint`): exit code 1 if one is stale

unasync takes the words `async` and `await` out and renames what NAMES says; what docstrings say of
asyncio only is replaced by SENTENCES; ruff puts the imports and the lines in order. It needs the
dependency group `lint`, and is not in the wheel.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from unasync import Rule, unasync_files

PACKAGE = Path(__file__).resolve().parent
FILES = {"async_client.py": "client.py", "async_connection.py": "connection.py"}
NAMES = {
    "AsyncConnection": "Connection",
    "AsyncGeneratorClient": "GeneratorClient",
    "AsyncPictures": "Pictures",
    "AsyncSimilarityClient": "SimilarityClient",
    "AsyncUpscalerClient": "UpscalerClient",
    "aclosing": "closing",
    "async_connection": "connection",
    "each_async": "each",
    "open_async_channel": "open_channel",
}
SENTENCES = {
    "The asyncio client of the generator service: `GeneratorClient`'s twin, method for method.": (
        "The synchronous client of the generator service."
    ),
    "The asyncio client of the similarity service: `SimilarityClient`'s twin, method for method.": (
        "The synchronous client of the similarity service."
    ),
    "The asyncio client of the upscaler service: `UpscalerClient`'s twin, method for method.": (
        "The synchronous client of the upscaler service."
    ),
    "what all asyncio clients are made on": "what all synchronous clients are made on",
    " from one event loop; any number of tasks may share one.": "; threads may share one.",
    "any number of tasks may share one.": "threads may share one.",
    ", in a running event loop": "",
    "Pictures are read a little ahead of the answers.": (
        "Pictures are read a little ahead, by a thread."
    ),
    "`AsyncConnection`": "`Connection`",
    "`contextlib.aclosing`": "`contextlib.closing`",
}
HEADER = "# Generated from {}, by `make client`: change that one.\n"


class StaleError(Exception):
    """A sentence that should be replaced stands nowhere."""


def generated(package: Path = PACKAGE) -> dict[Path, str]:
    """The text of every synchronous module, by its path.

    Raises:
        StaleError: SENTENCES has one that no asyncio module says any more.
    """
    sources = sorted(path for path in package.rglob("*.py") if path.name in FILES)
    with tempfile.TemporaryDirectory() as folder:
        # Copied as they lie in the package: ruff sorts imports by what lies where it works.
        copies = [Path(folder, package.name, path.relative_to(package)) for path in sources]
        for source, copy in zip(sources, copies, strict=True):
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, copy)
        rules = [Rule(f"/{old}", f"/{new}", NAMES) for old, new in FILES.items()]
        unasync_files(list(map(str, copies)), rules)
        unused = set(SENTENCES)
        targets = [copy.with_name(FILES[copy.name]) for copy in copies]
        for copy, target in zip(copies, targets, strict=True):
            text = target.read_text()
            for sentence, replacement in SENTENCES.items():
                if sentence in text:
                    text = text.replace(sentence, replacement)
                    unused.discard(sentence)
            target.write_text(HEADER.format(copy.name) + text)
        if unused:
            raise StaleError(f"no asyncio client says any more: {'; '.join(sorted(unused))}")
        _put_in_order(targets, Path(folder))
        return {
            source.with_name(FILES[source.name]): target.read_text()
            for source, target in zip(sources, targets, strict=True)
        }


def main(argv: list[str] | None = None) -> int:
    """Write what is stale, or only name it; return the exit code."""
    parser = argparse.ArgumentParser(
        description="Write the synchronous clients from the asyncio ones.",
    )
    parser.add_argument("--check", action="store_true", help="write nothing; 1 if one is stale")
    arguments = parser.parse_args(argv)
    stale = [
        (path, text)
        for path, text in generated().items()
        if not path.exists() or path.read_text() != text
    ]
    for path, text in stale:
        if arguments.check:
            sys.stderr.write(f"{path}: is stale; `make client` writes it anew\n")
        else:
            path.write_text(text)
            sys.stdout.write(f"{path}\n")
    return int(arguments.check and bool(stale))


def _put_in_order(files: list[Path], folder: Path) -> None:
    """Sort imports, write `yield from` where loops only yield, and break lines anew."""
    ruff = [sys.executable, "-m", "ruff"]
    config = ["--quiet", "--no-cache", "--config", str(PACKAGE.parent / "pyproject.toml")]
    ours = f"lint.isort.known-first-party = ['{PACKAGE.name}']"  # the folder holds little of it
    names = [str(path) for path in files]
    # "Unsafe" is `yield from` where somebody sends values into a generator.
    fix = ["check", "--fix-only", "--unsafe-fixes", "--select", "I,UP028", "--config", ours]
    for command in ([*ruff, *fix, *config, *names], [*ruff, "format", *config, *names]):
        subprocess.run(command, check=True, cwd=folder)  # noqa: S603


if __name__ == "__main__":
    sys.exit(main())
