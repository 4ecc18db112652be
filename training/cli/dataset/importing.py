"""`anime-gan dataset import`: one sub-verb for each kind of source."""

from __future__ import annotations

import argparse
from collections import Counter
from functools import partial
from pathlib import Path

from PIL import Image

from animegan_cli.console import say
from training.cli.arguments import HelpFormatter, Verbs, cores, not_negative, positive, words
from training.cli.dataset import render
from training.datasets.growing import SKIPPED
from training.datasets.importing.anime_faces import AnimeFaces
from training.datasets.importing.archive import Archive
from training.datasets.importing.convert import FaceCrop, Recipe
from training.datasets.importing.danbooru import RATINGS, VARIANTS, Danbooru, Filter
from training.datasets.importing.decode import DEFAULT_MAX_PIXELS
from training.datasets.importing.folder import Folder
from training.datasets.importing.framing import Framing
from training.datasets.importing.run import LARGE, Imported, Mapper, import_dataset
from training.datasets.importing.source import Source
from training.datasets.ordered import ordered_map
from training.datasets.remote import ray_map
from training.files import writing

SIZES = range(8, 1025)
MAX_MAX_PIXELS = int(Image.MAX_IMAGE_PIXELS or 0)
"""Pillow's own limit against decompression bombs."""

EPILOG = """\
examples:
  anime-gan dataset import folder pictures --out data/mine --licence CC-BY-4.0
  anime-gan dataset import zip faces.zip --out data/faces --licence LicenseRef-private
  anime-gan dataset import anime-faces archive.zip --out data/anime --licence LicenseRef-unknown
  anime-gan dataset import danbooru danbooru2018 --include 1girl solo --exclude comic \\
      --out data/danbooru --licence LicenseRef-unknown

Pictures that are much larger than --size mostly show more than a face: --faces largest.

When interrupted, run the same command again: it goes on with the shard that was not full, unless
pictures were edited since.
Pictures that are left out are named in skipped.jsonl beside the manifest."""


def add(verbs: Verbs) -> None:
    """Add the verb."""
    parser = verbs.add_parser(
        "import",
        help="make a dataset from pictures of others",
        description="Make a dataset from pictures. Each becomes a square: the middle of it, or a\n"
        "face; resized by Lanczos' filter from the shorter side.",
        epilog=EPILOG,
        formatter_class=HelpFormatter,
    )
    sources = parser.add_subparsers(required=True, metavar="SOURCE")
    render.add(sources, "procedural")
    for name, help_, path in (
        ("folder", "pictures in a folder and the folders below it", "DIR"),
        ("zip", "pictures in a zip archive; hostile archives are refused", "ZIP"),
        ("anime-faces", "the Anime Face Dataset: Kaggle's archive, or the folder", "PATH"),
        ("danbooru", "Danbooru2018: the folder with metadata/ and 512px/ or original/", "DIR"),
    ):
        source = sources.add_parser(
            name, help=help_, description=help_, epilog=EPILOG, formatter_class=HelpFormatter
        )
        source.add_argument("path", type=Path, metavar=path)
        _add_common(source)
        if name == "danbooru":
            _add_danbooru(source)
        source.set_defaults(run=_run, source=name, faces="largest" if name == "danbooru" else "no")


def _add_common(parser: argparse.ArgumentParser) -> None:
    add_argument = parser.add_argument
    add_argument("--out", type=Path, required=True, metavar="DIR", help="dataset directory")
    add_argument(
        "--licence", type=words, required=True, help="of the pictures: SPDX or LicenseRef-..."
    )
    add_argument("--name", help="name in the manifest; the directory's name when absent")
    add_argument("--size", type=_size, default=64, help="pixels a side of the images, 8 to 1024")
    add_argument("--grey", action="store_true", help="one channel instead of three")
    add_argument("--upscale", action="store_true", help="also take what is smaller than --size")
    add_argument(
        "--faces",
        choices=("no", "largest", "all"),
        help="cut out the faces that are found; no: the largest square in the picture's middle, "
        "all right where faces fill the pictures",
    )
    add_argument("--margin", type=not_negative, default=FaceCrop().margin, help="around a face")
    add_argument(
        "--max-pixels",
        type=_max_pixels,
        default=DEFAULT_MAX_PIXELS,
        help="larger pictures are skipped before they are decoded",
    )
    add_argument("--workers", type=positive, default=cores(), help="processes")
    add_argument("--ray", action="store_true", help="work by Ray Data (dependency group `ray`)")
    add_argument(
        "--ray-address", metavar="ADDRESS", help="of a cluster, such as ray://head:10001 (--ray)"
    )


def _add_danbooru(parser: argparse.ArgumentParser) -> None:
    add_argument = parser.add_argument
    add_argument("--variant", choices=VARIANTS, default=VARIANTS[0], help="which pictures")
    add_argument("--include", nargs="+", default=[], metavar="TAG", help="pictures with all these")
    add_argument("--exclude", nargs="+", default=[], metavar="TAG", help="pictures with none")
    add_argument("--ratings", nargs="+", choices=RATINGS, default=["s"], help="accepted ratings")


def _run(arguments: argparse.Namespace) -> int:
    faces = None
    if arguments.faces != "no":
        faces = FaceCrop(margin=arguments.margin, every=arguments.faces == "all")
    recipe = Recipe(
        source=_source(arguments),
        framing=Framing(arguments.size, arguments.grey, arguments.upscale),
        faces=faces,
        max_pixels=arguments.max_pixels,
    )
    name = arguments.name or arguments.out.resolve().name
    with writing(arguments.out):
        result = import_dataset(arguments.out, name, arguments.licence, recipe, _mapper(arguments))
    _report(arguments.out, result)
    if result.large and faces is None:
        say(
            f"{len(result.large)} pictures are {LARGE} times as large as the images or more, "
            f"{result.large[0]} among them; of each, the middle was taken, which may show no face: "
            "--faces largest cuts the largest face out (into another directory)"
        )
    return 0


def _source(arguments: argparse.Namespace) -> Source:
    path: Path = arguments.path
    if arguments.source == "folder":
        return Folder(path)
    if arguments.source == "zip":
        return Archive(path)
    if arguments.source == "anime-faces":
        return AnimeFaces(Folder(path) if path.is_dir() else Archive(path))
    wanted = Filter(
        frozenset(arguments.include), frozenset(arguments.exclude), frozenset(arguments.ratings)
    )
    return Danbooru(path, arguments.variant, wanted)


def _mapper(arguments: argparse.Namespace) -> Mapper:
    if arguments.ray or arguments.ray_address:
        return partial(ray_map, workers=arguments.workers, address=arguments.ray_address)
    return partial(ordered_map, workers=arguments.workers)


def _report(directory: Path, result: Imported) -> None:
    say(f"{directory}: {result.count} images, digest {result.digest}")
    if result.skipped:
        say(f"skipped {len(result.skipped)}, by name in {directory / SKIPPED}:")
        for reason, count in Counter(skipped.reason for skipped in result.skipped).most_common(10):
            say(f"  {count:>8}  {reason}")


def _size(text: str) -> int:
    size = int(text)
    if size not in SIZES:
        raise argparse.ArgumentTypeError(f"must be {SIZES[0]} to {SIZES[-1]}, got {size}")
    return size


def _max_pixels(text: str) -> int:
    number = positive(text)
    if number > MAX_MAX_PIXELS:
        raise argparse.ArgumentTypeError(f"must be at most {MAX_MAX_PIXELS}, got {number}")
    return number
