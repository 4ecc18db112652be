"""`anime-gan compare-upscalers`: which method comes nearest to the truth?

Large pictures are made small by five filters and enlarged again by every method that
there is: classical filters, and the networks of the model repository. What comes out is
measured against the large pictures.
"""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from animegan_cli.console import complain, say
from training.cli.arguments import HelpFormatter, positive
from training.datasets.importing.source import UnusablePictureError
from training.datasets.store import DatasetError
from training.files import pretty, write
from training.markdown import replace_tables
from training.run.folder import git_commit
from training.upscaling.comparison import compare, to_json
from training.upscaling.comparison_report import draw, to_markdown
from training.upscaling.material import (
    HELDOUT_SEED,
    Material,
    ink_drawings,
    pictures_of,
    procedural_faces,
)
from training.upscaling.methods import Method, classical_methods, networks

PACKAGES = ("numpy", "onnxruntime", "pillow", "skia-python")
TABLES = "comparison"  # name of the markers in the page
SHOWN = ("nearest", "bicubic", "lanczos")  # of the classical methods, in the figure
EPILOG = """\
examples:
  anime-gan compare-upscalers                                  procedural faces and line art
  anime-gan compare-upscalers --pictures faces.zip --name "real faces"   and pictures of your own

writes comparison.json, comparison.png and, where --docs says so, the tables in a page. Of
--pictures only figures are written, never a picture.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return the exit code: 0 done, 1 refused, 2 wrong usage."""
    options = parser().parse_args(argv)
    try:
        methods = (*classical_methods(), *networks(options.models, options.threads))
        materials = _materials(options)
    except (DatasetError, UnusablePictureError, ValueError, ImportError) as error:
        complain(f"anime-gan compare-upscalers: {error}")
        return 1
    cases = compare(materials, methods)
    tables = to_markdown(cases, {each.name: _count(each) for each in materials})
    options.out.mkdir(parents=True, exist_ok=True)
    record = {"environment": _environment(methods, materials), "cases": to_json(cases)}
    write(options.out / "comparison.json", pretty(record))
    shown = [each for each in methods if each.name in SHOWN or each.sha256]
    draw(materials, shown, options.show, options.out / "comparison.png")
    say(tables)
    if options.docs:
        page = replace_tables(options.docs.read_text(), TABLES, tables)
        write(options.docs, page.encode())
    return 0


def _materials(options: argparse.Namespace) -> list[Material]:
    drawn = [
        procedural_faces(options.count, options.face_size),
        ink_drawings(options.count, options.line_art_size),
    ]
    if options.pictures is None:
        return drawn
    return [*drawn, pictures_of(options.pictures, options.name)]


def _count(material: Material) -> str:
    """As in "60 of 256x256 pixels"."""
    sizes = {f"{picture.shape[1]}x{picture.shape[0]}" for picture in material.pictures}
    size = sizes.pop() if len(sizes) == 1 else "different"
    return f"{len(material.pictures)} of {size} pixels"


def _environment(methods: Sequence[Method], materials: Sequence[Material]) -> dict[str, Any]:
    return {
        "machine": platform.machine(),
        "python": platform.python_version(),
        "versions": {package: version(package) for package in PACKAGES},
        "date": datetime.now(UTC).date().isoformat(),
        "commit": git_commit(),
        "networks": {method.name: method.sha256 for method in methods if method.sha256},
        "pictures": {material.name: _count(material) for material in materials},
        "first_seed": HELDOUT_SEED,
        "intervals": "95 %, bootstrap over the pictures",
    }


def parser() -> argparse.ArgumentParser:
    """The command line."""
    result = argparse.ArgumentParser(
        prog="anime-gan compare-upscalers",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=HelpFormatter,
    )
    add = result.add_argument
    add("--out", type=Path, default=Path("out/comparison"), help="folder of what is written")
    add("--docs", type=Path, metavar="PAGE", help="put the tables between this page's markers")
    add("--models", type=Path, default=Path("models"), help="Triton model repository")
    add("--count", type=positive, default=40, help="faces, and as many ink drawings, to render")
    # 64 pixels is what generators draw; thinner lines than those of 256 pixels would be no lines.
    add("--face-size", type=int, default=128, help="pixels a side, enlarged from half of it")
    add("--line-art-size", type=int, default=256, help="the same of ink drawings")
    add("--pictures", type=Path, metavar="PATH", help="a folder or zip archive of more pictures")
    add("--name", default="pictures", help="what to call them")
    add("--show", nargs="+", type=int, default=[0, 4], help="which of the rendered to draw")
    add("--threads", type=positive, default=1, help="of ONNX Runtime")
    return result


if __name__ == "__main__":
    sys.exit(main())
