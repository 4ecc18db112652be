"""`anime-gan upscaler blend`."""

from __future__ import annotations

import argparse
from pathlib import Path

from animegan_cli.console import say
from training.cli.arguments import HelpFormatter, Verbs
from training.export.licence import learnt_from
from training.files import sha256
from training.upscaling.compact.network import blended
from training.upscaling.compact.weights import load_upscaler, save_upscaler


def add(verbs: Verbs) -> None:
    """Add the verb."""
    parser = verbs.add_parser(
        "blend",
        help="weights between those that a run began with and those that it ended with",
        description="Weights between those that a run began with and those that it ended with:\n"
        "the new pictures are learnt without the old ones being forgotten.",
        formatter_class=HelpFormatter,
    )
    option = parser.add_argument
    option("--initial", type=Path, required=True, help="what the run began with")
    option("--final", type=Path, required=True, help="what it ended with")
    option("--share", type=float, required=True, help="0 is the initial weights, 1 the final ones")
    option("--out", type=Path, required=True, help="safetensors file to write")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    initial, before = load_upscaler(arguments.initial)
    final, training = load_upscaler(arguments.final)
    network = blended(initial, final, arguments.share)
    begun = {"preset": before["preset"], "images_seen": before["images_seen"]}
    blend = {"share": arguments.share, "initial": begun}
    # All that either has learnt from is in the sum, whatever the final weights tell of the initial.
    both = learnt_from({"datasets": [*learnt_from(before), *learnt_from(training)]})
    begun_with = {"sha256": sha256(arguments.initial), "datasets": both}
    save_upscaler(arguments.out, network, training | {"blend": blend, "begun_with": begun_with})
    say(f"{arguments.out}")
    return 0
