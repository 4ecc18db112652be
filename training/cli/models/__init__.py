"""`anime-gan models gate|publish|load|canary|watch|promote|rollback|history`."""

from __future__ import annotations

from collections.abc import Sequence

from deploy.local.console import LocalStackError
from training.cli.models import canary, gate, history, load, promote, publish, rollback, watch
from training.cli.verbs import run_verb
from training.release.errors import ReleaseError

VERBS = (gate, publish, load, canary, watch, promote, rollback, history)
DESCRIPTION = """\
Brings a new version of a model into production, and back.

  anime-gan export --weights RUN/generator.safetensors --models out/candidate
  anime-gan models gate    --candidate out/candidate --dataset HELDOUT --training DATASET
  anime-gan models publish --candidate out/candidate --models models
  anime-gan models load
  anime-gan models canary --share 0.05
  anime-gan models watch  --dataset HELDOUT --training DATASET
  anime-gan models promote          (or: anime-gan models rollback)
  anime-gan models history

docs/operations/releases.md tells the whole story."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one step; returns the exit code: 0 done, 1 refused, 2 wrong usage, 130 interrupted."""
    refusals = (ReleaseError, LocalStackError, OSError, ValueError, ImportError)
    return run_verb("anime-gan models", DESCRIPTION, VERBS, refusals, argv)
