"""Runs the exported copy detector in this process, with ONNX Runtime, as Triton does.

Shape suffixes: N images, H height, W width, E embedding.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from animegan_cli.progress import ProgressBar
from animegan_search.copies import Detector
from training.copies.export import NAME
from training.export.parity import open_session
from training.export.repository import read_card, versions
from training.export.triton_config import MODEL_FILE
from training.features.extraction import ImageSource

BATCH = 64


class Embedder:
    """The newest version of the copy detector in a model repository.

    Args:
        repository: the folder `models`.

    Raises:
        ValueError: it holds no copy detector.
    """

    def __init__(self, repository: Path) -> None:
        folder = repository / NAME
        found = versions(folder)
        if not found:
            raise ValueError(
                f"{folder} holds no model: name the repository with --models, or publish one with "
                "`anime-gan copies export`"
            )
        card = read_card(folder, found[-1])
        self.detector = Detector(NAME, found[-1], card["files"][MODEL_FILE]["sha256"])
        self.side = int(card["resolution"])
        self.size = int(card["embedding"])
        self._session = open_session((folder / str(found[-1]) / MODEL_FILE).read_bytes())

    def __call__(self, images_NHWC: ImageSource, label: str = "") -> NDArray[np.float32]:
        """Embed images, [N, E], rows of unit length; shows progress where there is a label.

        Raises:
            ValueError: the images have another size.
        """
        result = np.empty((len(images_NHWC), self.size), np.float32)
        with ProgressBar(total=len(result), desc=label, unit="image", disable=not label) as bar:
            for first in range(0, len(result), BATCH):
                places = np.arange(first, min(first + BATCH, len(result)))
                result[places] = self._embed(images_NHWC[places])
                bar.update(len(places))
        return result

    def _embed(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        if images.shape[1:] != (self.side, self.side, 3):
            raise ValueError(
                f"the copy detector takes images of {self.side}x{self.side} RGB pixels, "
                f"these have {list(images.shape[1:])}: import them in that size"
            )
        embeddings: NDArray[np.float32] = self._session.run(["embedding"], {"image": images})[0]
        return embeddings
