"""Images that a model draws in this process: no service need run for an audit.

A seed's latent is the one that the generator service gives it. A served model also gets the
service's default noise, so that an audit of its ONNX file is an audit of what the service draws.
Weights that are not exported yet are drawn as `anime-gan evaluate` draws them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray

from training.audit.subjects import Images, Places
from training.export.repository import CARD_FILE, versions
from training.files import sha256
from training.metrics.samples import Sampler
from training.networks.interface import ImageGenerator
from training.networks.weights import load_generator

LATENT, CONSTANT_NOISE = 0, 2  # streams of a seed's random numbers, as in services/generator


@dataclass(frozen=True)
class ServedSubjects:
    """Images of a model in the repository, drawn by ONNX Runtime.

    Attributes:
        file: its ONNX graph.
        seeds: one for each image, 0 to 2^64 - 1.
        truncation: psi; None is the model's default.
        card: its model card.
    """

    file: Path
    seeds: Sequence[int]
    truncation: float | None
    card: dict[str, Any] = field(repr=False)

    @classmethod
    def open(
        cls, repository: Path, name: str, seeds: Sequence[int], truncation: float | None
    ) -> ServedSubjects:
        """Take the newest version of a model.

        Raises:
            ValueError: there is no such model, it is no generator of images, or has no truncation.
        """
        found = versions(repository / name)
        if not found:
            known = sorted(path.parent.name for path in repository.glob("*/config.pbtxt"))
            raise ValueError(f"{repository} has no model {name!r}; there are {', '.join(known)}")
        folder = repository / name / str(found[-1])
        card: dict[str, Any] = json.loads((folder / CARD_FILE).read_text())
        if card["contract"] != "generator":
            raise ValueError(f"{name} is a {card['contract']} model: it draws no image from a seed")
        if truncation is not None and "default_truncation" not in card:
            raise ValueError(f"--truncation: {name} has none")
        [(file, told)] = card["files"].items()
        if sha256(folder / file) != told["sha256"]:
            raise ValueError(f"{folder / file} is not the file that its {CARD_FILE} describes")
        return cls(folder / file, seeds, truncation, card)

    def __len__(self) -> int:
        """Number of images."""
        return len(self.seeds)

    def __getitem__(self, places: Places) -> Images:
        """Draw these images, [n, H, W, C], one by one: batches differ in the last bits."""
        return np.concatenate([self._draw(self.seeds[place]) for place in places.tolist()])

    def name(self, place: int) -> str:
        """Its seed."""
        return f"seed {self.seeds[place]}"

    def describe(self) -> dict[str, Any]:
        """The model: name, version, digest of the ONNX file, and how it drew."""
        return {
            "kind": "model",
            "name": self.card["name"],
            "version": self.card["version"],
            "digest": self.card["files"][self.file.name]["sha256"],
            "training_dataset": self.card["dataset"],
            "truncation": self._psi,
            "noise": "constant" if self.card.get("noise_size") else None,
            "seeds": list(self.seeds),
        }

    @property
    def _psi(self) -> float:
        return served_truncation(self.card) if self.truncation is None else self.truncation

    def inputs(self, seed: int) -> dict[str, NDArray[np.float32]]:
        """The tensors that the graph takes for a seed, with one row."""
        given = tensors(self.card, seed, self._psi)
        return {tensor.name: given[tensor.name] for tensor in session_of(self.file).get_inputs()}

    def _draw(self, seed: int) -> Images:
        [image_NHWC] = session_of(self.file).run(["image"], self.inputs(seed))
        return np.asarray(image_NHWC)


@dataclass(frozen=True)
class WeightsSubjects:
    """Images of a weights file, drawn by PyTorch.

    Attributes:
        file: safetensors, as training writes it.
        seeds: one for each image, 0 to 2^64 - 1.
        truncation: psi; 1 for a generator without truncation.
        story: the file's metadata: `training` and `metrics`.
    """

    file: Path
    seeds: Sequence[int]
    truncation: float
    story: dict[str, Any] = field(repr=False)

    @classmethod
    def open(cls, file: Path, seeds: Sequence[int], truncation: float | None) -> WeightsSubjects:
        """Read the metadata, and see that the file holds a generator.

        Raises:
            OSError: there is no such file.
            ValueError: it holds no generator, or the generator has no truncation.
        """
        generator, story = _weights(file)
        if truncation is not None and not generator.supports_truncation:
            raise ValueError(f"--truncation: {file} holds a {generator.kind}, which has none")
        return cls(file, seeds, 1.0 if truncation is None else truncation, story)

    def __len__(self) -> int:
        """Number of images."""
        return len(self.seeds)

    def __getitem__(self, places: Places) -> Images:
        """Draw these images, [n, H, W, C], one by one: batches differ in the last bits."""
        sampler = Sampler(_weights(self.file)[0], self.truncation, torch.device("cpu"), len(self))
        seeds = np.array([self.seeds[place] for place in places.tolist()], np.uint64)
        return np.concatenate([sampler[seeds[[row]]] for row in range(len(seeds))])

    def name(self, place: int) -> str:
        """Its seed."""
        return f"seed {self.seeds[place]}"

    def describe(self) -> dict[str, Any]:
        """The weights and how they drew."""
        return {
            "kind": "weights",
            "name": self.file.stem,
            "digest": sha256(self.file),
            "training_dataset": self.story["training"].get("dataset"),
            "truncation": self.truncation,
            "noise": "random",
            "seeds": list(self.seeds),
        }


def served_truncation(card: Mapping[str, Any]) -> float:
    """Psi that the service takes unless asked for another; 1 for models without truncation."""
    return float(card.get("default_truncation", 1.0))


def tensors(
    card: Mapping[str, Any], seed: int, truncation: float
) -> dict[str, NDArray[np.float32]]:
    """All that a generator may take for a seed, with one row; it takes what its graph names.

    Args:
        card: its model card.
        seed: 0 to 2^64 - 1.
        truncation: psi.
    """
    return {
        "z": _normal(seed, LATENT, card["z_dim"]),
        "truncation": np.array([[truncation]], np.float32),
        "noise": _normal(0, CONSTANT_NOISE, card.get("noise_size", 0)),
    }


@lru_cache
def _weights(file: Path) -> tuple[ImageGenerator, dict[str, Any]]:
    return load_generator(file)


@lru_cache
def session_of(file: Path) -> onnxruntime.InferenceSession:
    """A graph, ready to run on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])


def _normal(seed: int, stream: int, size: int) -> NDArray[np.float32]:
    """Standard normal numbers [1, size] of a seed, by NumPy's Philox."""
    random = np.random.Generator(np.random.Philox(key=stream << 64 | seed))
    return random.standard_normal((1, size), dtype=np.float32)
