"""Small sets of pictures in place of faces, and what is wrong with the models that draw them.

A picture is a mosaic of 16 colours. A poor model's pictures have grain; nothing else tells them
from real ones.
"""

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from training.datasets.store import Dataset, DatasetWriter, Header
from training.release.gate.limits import DEFAULT

SIDE = 64
COUNT = 64  # images that are drawn, and as many real ones in each half
PICTURES = 256  # of a model

Images = NDArray[np.uint8]


def mosaics(count: int, seed: int) -> Images:
    """Real pictures, [count, SIDE, SIDE, 3]."""
    colours = np.random.default_rng(seed).integers(0, 256, (count, 4, 4, 3), np.uint8)
    return colours.repeat(SIDE // 4, axis=1).repeat(SIDE // 4, axis=2)


TRAINING = mosaics(COUNT, seed=2)


def write(folder: Path, images: Images, name: str) -> Dataset:
    """A data set of pictures."""
    header = Header(name, SIDE, 3, len(images), "CC0-1.0", {"kind": "test", "name": name})
    writer = DatasetWriter(folder, header)
    writer.write_shard(0, images, [{"id": place} for place in range(len(images))])
    writer.finish()
    return Dataset.open(folder)


def model(poor: float, seed: int = 3) -> Images:
    """What a model draws: new pictures, of which a share has grain."""
    images, poorly = mosaics(PICTURES, seed), round(poor * PICTURES)
    return np.concatenate([grainy(images[:poorly]), images[poorly:]])


def grainy(images: Images) -> Images:
    grain = np.random.default_rng(9).normal(0, 3, images.shape)
    return np.clip(images + grain, 0, 255).astype(np.uint8)


def collapsed(images: Images, onto: int) -> Images:
    """A few of the pictures in the place of all."""
    return images[np.arange(len(images)) % onto]


def blurred(images: Images) -> Images:
    soft = ImageFilter.GaussianBlur(1.5)
    return np.stack([np.asarray(Image.fromarray(image).filter(soft)) for image in images])


def copying(images: Images, training: Images, share: float) -> Images:
    """Some are training pictures."""
    copies = round(share * len(images))
    return np.concatenate([training[np.arange(copies) % len(training)], images[copies:]])


def write_limits(file: Path) -> Path:
    """The default limits, for as few images as we draw and for however slow a busy machine is."""
    text = DEFAULT.read_text()
    for key, value in (("images", COUNT), ("latency_ratio", 1e6)):
        text = re.sub(rf"^{key} = .*$", f"{key} = {value}", text, flags=re.MULTILINE)
    file.write_text(text)
    return file


def real_images(folder: Path) -> dict[str, Dataset]:
    """Held-out pictures, and those that the models are said to have learnt from."""
    return {
        "dataset": write(folder / "heldout", mosaics(2 * COUNT, seed=1), "heldout"),
        "training": write(folder / "training", TRAINING, "training"),
    }
