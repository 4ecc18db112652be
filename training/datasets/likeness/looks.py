"""What images are compared by: their pixels, perceptual hashes, thumbnails, and embeddings.

pHash (signs of the low frequencies of the cosine transform, by the package imagehash) of the image
and of its mirror image; a thumbnail; and the vector of our own copy detector, which sees copies
that were moved, cut or turned. Kept in a cache by the digest of the images.

Shape suffixes: N images, H height, W width, C channels, E embedding.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cache as once
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from animegan_cli.progress import ProgressBar
from training.files import sha256, write
from training.networks.copy_detector_weights import SHIPPED

if TYPE_CHECKING:  # they load SciPy and PyTorch, which takes seconds
    import imagehash

    from training.features.extraction import ImageSource

THUMBNAIL = 16
"""Pixels a side of the thumbnails."""
BATCH = 64
DEFINITION = "looks 3"
"""Another one for any change of what is computed here: it names the cached files."""


@dataclass(frozen=True, eq=False)
class Looks:
    """What N images are compared by.

    Attributes:
        pixels: S64 [N], sha256 of the pixels in hexadecimal digits.
        phash: uint64 [N].
        phash_mirrored: uint64 [N], of the mirror images.
        thumbnails: uint8 [N, 16, 16, 3].
        deviation: float32 [N], of a channel's levels, of the channel where it is largest.
        correlation: float32 [N], -1 to 1, of neighbouring pixels: near 1 in pictures, near 0 in
            noise.
        embeddings: float32 [N, E] of unit length; E is 0 for grey images and for those smaller
            than the copy detector's.
    """

    pixels: NDArray[np.bytes_]
    phash: NDArray[np.uint64]
    phash_mirrored: NDArray[np.uint64]
    thumbnails: NDArray[np.uint8]
    deviation: NDArray[np.float32]
    correlation: NDArray[np.float32]
    embeddings: NDArray[np.float32]

    def __len__(self) -> int:
        """Number of images."""
        return len(self.pixels)

    def take(self, indices: NDArray[np.int64]) -> Looks:
        """Those of some images, in this order."""
        return Looks(*(getattr(self, field.name)[indices] for field in fields(self)))


def pixel_key(image_HWC: np.ndarray) -> str:
    """sha256 of the pixels, in hexadecimal digits."""
    return hashlib.sha256(np.ascontiguousarray(image_HWC).data).hexdigest()


def neighbour_correlation(image_HWC: NDArray[np.uint8]) -> float:
    """Correlation of pixels with those beside and below them; 1 for a plain colour.

    Args:
        image_HWC: uint8, at least two pixels a side.
    """
    levels = image_HWC - image_HWC.mean(axis=(0, 1))
    power = np.square(levels).mean()
    if power == 0:
        return 1.0
    beside, below = levels[:, 1:] * levels[:, :-1], levels[1:] * levels[:-1]
    return float((beside.mean() + below.mean()) / (2 * power))


def look(images_NHWC: ImageSource, label: str, cache: Path, name: str) -> Looks:
    """Look at every image, with a progress bar; what an earlier run saw is taken over.

    Args:
        images_NHWC: uint8, square, at least one, C being 1 or 3.
        label: what the progress bar calls them.
        cache: folder for what was seen.
        name: all that decides which image lies where, such as a digest.
    """
    key = hashlib.sha256(f"{DEFINITION} {_detector_digest()} {name}".encode()).hexdigest()
    path = cache / f"looks-{key[:32]}.npz"
    found = _read(path, len(images_NHWC))
    if found is None:
        found = _look(images_NHWC, label)
        _write(path, found)
    return found


def _look(images_NHWC: ImageSource, label: str) -> Looks:
    count, embed = len(images_NHWC), _detector()
    # Filled in place: small arrays kept between the network's large ones would pin its memory.
    found = Looks(
        np.empty(count, "S64"),
        np.empty(count, np.uint64),
        np.empty(count, np.uint64),
        np.empty((count, THUMBNAIL, THUMBNAIL, 3), np.uint8),
        np.empty(count, np.float32),
        np.empty(count, np.float32),
        np.empty((count, embed(images_NHWC[np.arange(1)]).shape[1]), np.float32),
    )
    with ProgressBar(total=count, unit="image", desc=f"looking at {label}") as bar:
        for first in range(0, count, BATCH):
            places = np.arange(first, min(first + BATCH, count))
            batch = images_NHWC[places]
            found.embeddings[places] = embed(batch)
            for place, image in zip(places.tolist(), batch, strict=True):
                _fill(found, place, image)
            bar.update(len(batch))
    return found


def _fill(looks: Looks, place: int, image_HWC: np.ndarray) -> None:
    import imagehash

    picture = Image.fromarray(image_HWC.squeeze(axis=2) if image_HWC.shape[2] == 1 else image_HWC)
    mirrored = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    looks.pixels[place] = pixel_key(image_HWC).encode()
    looks.phash[place] = _packed(imagehash.phash(picture))
    looks.phash_mirrored[place] = _packed(imagehash.phash(mirrored))
    small = picture.convert("RGB").resize((THUMBNAIL,) * 2, Image.Resampling.BOX)
    looks.thumbnails[place] = np.asarray(small)
    looks.deviation[place] = image_HWC.std(axis=(0, 1)).max()
    looks.correlation[place] = neighbour_correlation(image_HWC)


def _packed(found: imagehash.ImageHash) -> int:
    """The 64 bits of a hash as one integer."""
    return int.from_bytes(np.packbits(found.hash).tobytes())


@once
def _detector_digest() -> str:
    return sha256(SHIPPED)


@once
def _detector() -> Callable[[NDArray[np.uint8]], NDArray[np.float32]]:
    """The copy detector: images [B, H, W, C] -> [B, E], or [B, 0] for those it was not made for."""
    import torch

    from training.features.copy_detector import LevelsDetector

    network = LevelsDetector()

    @torch.no_grad()
    def embed(images_BHWC: NDArray[np.uint8]) -> NDArray[np.float32]:
        _, height, _, channels = images_BHWC.shape
        # Fewer pixels or no colours would make strangers alike: it was never measured on those.
        if channels != 3 or height < network.side:
            return np.empty((len(images_BHWC), 0), np.float32)
        embeddings: NDArray[np.float32] = network(torch.from_numpy(images_BHWC)).numpy()
        return embeddings

    return embed


def _read(path: Path, count: int) -> Looks | None:
    """What was seen before; None if there is nothing whole of so many images."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            found = Looks(**{field.name: arrays[field.name] for field in fields(Looks)})
    except (OSError, ValueError, EOFError, KeyError, BadZipFile):
        return None
    return found if all(len(getattr(found, f.name)) == count for f in fields(Looks)) else None


def _write(path: Path, looks: Looks) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    content = io.BytesIO()
    np.savez(content, **{field.name: getattr(looks, field.name) for field in fields(Looks)})
    write(path, content.getvalue())
