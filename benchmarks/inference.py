"""The work of every contestant: PNG files from seeds, by ONNX Runtime in this process."""

import json
import os
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from services.common.pictures.png import encode_png
from services.generator.latents import NoiseMode, latents, noise

# What a server process is told by its environment.
MODEL_VARIABLE = "ANIMEGAN_BENCH_ONNX"
THREADS_VARIABLE = "ANIMEGAN_BENCH_THREADS"

# The largest batch that the exported models are configured for.
MAX_BATCH = 64


class Generator:
    """The exported generator, at the truncation and with the noise that the service uses."""

    def __init__(self, onnx: Path, threads: int) -> None:
        """Load `onnx`, whose model card lies beside it, to run on `threads` threads."""
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        self._session = ort.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])
        self._sizes = {entry.name: entry.shape[1] for entry in self._session.get_inputs()}
        card = json.loads((onnx.parent / "model_card.json").read_text())
        self._truncation = float(card["default_truncation"])
        self._noise_1R = noise([0], self._sizes.get("noise", 0), NoiseMode.CONSTANT)

    @classmethod
    def from_environment(cls) -> "Generator":
        """The generator that the benchmark wants this process to serve."""
        return cls(Path(os.environ[MODEL_VARIABLE]), int(os.environ[THREADS_VARIABLE]))

    def images(self, seeds: Sequence[int]) -> NDArray[np.uint8]:
        """images_NHWC for any number of seeds, in batches of at most 64."""
        parts = [seeds[i : i + MAX_BATCH] for i in range(0, len(seeds), MAX_BATCH)]
        return np.concatenate([self._run(part) for part in parts])

    def pngs(self, seeds: Sequence[int]) -> list[bytes]:
        """A PNG file per seed."""
        return [encode_png(image_HWC) for image_HWC in self.images(seeds)]

    def _run(self, seeds: Sequence[int]) -> NDArray[np.uint8]:
        n = len(seeds)
        inputs = {"z": latents(seeds, self._sizes["z"])}
        if "truncation" in self._sizes:
            inputs["truncation"] = np.full((n, 1), self._truncation, np.float32)
        if "noise" in self._sizes:
            inputs["noise"] = np.repeat(self._noise_1R, n, axis=0)
        images_NHWC: NDArray[np.uint8] = self._session.run(["image"], inputs)[0]
        return images_NHWC


def onnx_file(models: Path, name: str = "stylegan") -> Path:
    """The newest version of a model in a repository."""
    return max((models / name).glob("*/model.onnx"), key=lambda path: int(path.parent.name))


def pack(files: Sequence[bytes]) -> bytes:
    """The body of a peer's answer: each file behind its length."""
    return b"".join(struct.pack(">I", len(file)) + file for file in files)


def unpack(body: bytes) -> list[bytes]:
    """The files of `pack`."""
    files, position = [], 0
    while position < len(body):
        (length,) = struct.unpack_from(">I", body, position)
        position += 4 + length
        files.append(body[position - length : position])
    return files
