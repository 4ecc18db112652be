"""`anime-gan explain`: where is a picture like another one?"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from PIL import Image

from animegan_cli.console import Parser, say
from animegan_cli.files import check_sheet, write_picture
from animegan_cli.service import SIMILARITY, add_service_arguments, connect, run
from animegan_cli.sheets.contact import contact_sheet
from animegan_client import SimilarityClient
from animegan_client.similarity.types import Explanation

EPILOG = f"""\
examples:
  anime-gan explain face.png --out map.png              with its nearest training image
  anime-gan explain face.png --id 12345 --out map.png   with the image 12345 of the index
  anime-gan explain face.png --other copy.jpg --out map.png

The picture shows both and the map between them: dark violet where they are unlike, over green to
yellow where they are equal.

{SIMILARITY.environment}"""

FLAGS = {
    "query.image.data": "FILE",
    "query.index": "--index",
    "image.data": "FILE",
    "other_image.data": "--other",
}
_GAP_PX = 8


def main(argv: list[str]) -> int:
    """Compare a pair and draw it."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    return run(parser.prog, lambda: _explain(arguments), FLAGS, SIMILARITY)


def _explain(arguments: argparse.Namespace) -> None:
    if arguments.out:
        check_sheet("--out", arguments.out)
    with connect(SimilarityClient, arguments) as client:
        other: int | Path = arguments.other or arguments.id
        if other is None:
            found = client.search(
                arguments.file, k=1, index=arguments.index, timeout=arguments.timeout
            )
            other = found.matches[0].id
        explanation = client.explain(
            arguments.file, other, index=arguments.index, timeout=arguments.timeout
        )
    if arguments.json:
        record = asdict(explanation)
        for picture in ("heatmap", "query", "reference"):
            del record[picture]
        say(json.dumps(record))
    else:
        name = other if isinstance(other, Path) else f"image {other} of {explanation.index}"
        channels = ", ".join(f"{ssim:.4f}" for ssim in explanation.channel_ssim)
        say(f"{arguments.file} and {name}: SSIM {explanation.ssim:.6f} ({explanation.definition})")
        say(f"by channel: {channels}")
    if arguments.out:
        write_picture(arguments.out, _drawn(explanation))
        say(f"{arguments.out}: the picture, the map, the other one")


def _drawn(explanation: Explanation) -> Image.Image:
    heatmap = explanation.heatmap.to_pil()
    # Nearest: whole pixels, as the map has them.
    pair = [
        picture.to_pil().resize(heatmap.size, 0)
        for picture in (explanation.query, explanation.reference)
    ]
    return contact_sheet([pair[0], heatmap, pair[1]], columns=3, gap=_GAP_PX)


def _parser() -> Parser:
    parser = Parser(
        prog="anime-gan explain",
        description="Show where a picture is like an image of an index, or like another picture.",
        epilog=EPILOG,
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="PNG, JPEG, WebP, ...")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--id", type=int, help="an image of the index (default: the nearest one)")
    which.add_argument("--other", type=Path, metavar="FILE", help="another picture")
    parser.add_argument("--index", help="default: the service's; see `anime-gan indexes`")
    parser.add_argument("--out", type=Path, metavar="PNG", help="draw both and the map between")
    parser.add_argument("--json", action="store_true", help="print the numbers, the map included")
    add_service_arguments(parser, SIMILARITY)
    return parser
