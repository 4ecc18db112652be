"""Small releases: a model and one part, as the exporter publishes them."""

import json
from pathlib import Path
from typing import Any

from training.export.model import ServedModel, TensorSpec
from training.export.repository import publish
from training.release.errors import ReleaseError
from training.release.tritons import Tritons

IMAGE = TensorSpec("image", "UINT8", (8, 8, 3))
Z = TensorSpec("z", "FP32", (4,))


def served(name: str, content: bytes, outputs: tuple[TensorSpec, ...] = (IMAGE,)) -> ServedModel:
    contract = "generator" if name == "stylegan" else "mapping"
    return ServedModel(name, contract, content, (Z,), outputs, instances=1)


def export(folder: Path, content: bytes, **card: Any) -> Path:
    """Publish one more version of `stylegan` and `stylegan_mapping` into `folder`."""
    story = {"description": "a toy", "kind": "stylegan2", **card}
    models = served("stylegan", content), served("stylegan_mapping", b"mapping " + content)
    publish(folder, [(model, story) for model in models])
    return folder


def cards(config: Any) -> dict[str, Any]:
    """The versions that a configuration tells of, with the sha256 of each."""
    found = {
        name.removeprefix("model_card_"): json.loads(value.string_value)
        for name, value in config.parameters.items()
        if name.startswith("model_card_")
    }
    return {number: card["files"]["model.onnx"]["sha256"] for number, card in found.items()}


class Recorder(Tritons):
    """Tritons that note what they are told; `refused` versions are not ready."""

    def __init__(self) -> None:
        super().__init__([])
        self.told: list[tuple[str, ...]] = []
        self.refused: set[int] = set()

    def load(self, models):
        self.told.append(("load", *models))

    def check(self, models, version):
        if version in self.refused:
            raise ReleaseError(f"version {version} is not ready")
        self.told.append(("check", *models, str(version)))
