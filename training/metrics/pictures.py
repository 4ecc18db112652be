"""Where images come from: data sets in random order, and pictures in a folder and below it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from training.datasets.grey import with_channels
from training.datasets.store import Dataset, NotADatasetError
from training.metrics.intervals import philox

if TYPE_CHECKING:  # it loads PyTorch, which pictures do without
    from training.features.extraction import ImageSource

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")


@dataclass(frozen=True)
class Collection:
    """Images of one size that lie on a disk.

    Attributes:
        name: for people.
        digest: of the content.
        resolution: side in pixels.
        images: in random order, uint8 [N, H, W, C].
        order: what decides this order, for the names of cached files.
    """

    name: str
    digest: str
    resolution: int
    images: ImageSource
    order: str

    @property
    def cache_name(self) -> str:
        """Says which image lies at which place."""
        return f"{self.digest} {self.order}"


def channels_of(path: Path) -> int:
    """1 if a data set, or the first picture of a folder, is grey, else 3; errors as below."""
    try:
        return Dataset.open(path).header.channels
    except NotADatasetError:
        with Image.open(_files(path)[0]) as image:
            return 1 if image.mode in ("1", "L", "LA") else 3


def open_collection(path: Path, channels: int, seed: int) -> Collection:
    """Open a data set, or a folder of pictures if it is none.

    Args:
        path: the directory.
        channels: of the images, 1 or 3; colours are turned to grey for 1.
        seed: of the random order.

    Raises:
        ValueError: it is neither, its images differ in size, or are grey where colour is wanted.
        DatasetError: the data set is damaged.
    """
    try:
        dataset = with_channels(Dataset.open(path), channels)
    except NotADatasetError:
        folder = PictureFolder.open(path, channels)
        shuffled = Shuffled.of(folder, seed)
        return Collection(path.name, folder.digest, folder.side, shuffled, f"folder {seed}")
    header, shuffled = dataset.header, Shuffled.of(dataset.images_NHWC, seed)
    return Collection(header.name, dataset.digest, header.resolution, shuffled, str(seed))


@dataclass(frozen=True)
class Shuffled:
    """The same images in another order."""

    images: ImageSource
    order: NDArray[np.int64]

    @classmethod
    def of(cls, images: ImageSource, seed: int) -> Shuffled:
        """In the random order of a seed."""
        return cls(images, philox(seed).permutation(len(images)))

    def __len__(self) -> int:
        """Number of images."""
        return len(self.order)

    def __getitem__(self, index: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Images [n, H, W, C] by their places in this order."""
        return self.images[self.order[index]]


@dataclass(frozen=True)
class PictureFolder:
    """Square pictures of one size in a folder, decoded when they are asked for.

    Attributes:
        files: sorted by their paths.
        root: the folder.
        side: in pixels.
        channels: 1 or 3; pictures are converted.
        digest: sha256 of names and contents.
    """

    files: Sequence[Path]
    root: Path
    side: int
    channels: int
    digest: str

    def name(self, place: int) -> str:
        """The path of a picture below the folder, with slashes."""
        return self.files[place].relative_to(self.root).as_posix()

    @classmethod
    def open(cls, path: Path, channels: int) -> PictureFolder:
        """Read the names and the digest; the size is that of the first picture.

        Raises:
            ValueError: there are no pictures, or the first is damaged or not square.
        """
        files = _files(path)
        try:
            with Image.open(files[0]) as image:
                width, height = image.size
        except UnidentifiedImageError as error:
            raise ValueError(f"{files[0]}: cannot be read: {error}") from error
        if width != height:
            raise ValueError(f"{files[0]}: {width}x{height} pixels, which is not square")
        total = hashlib.sha256()
        for file in files:
            content = hashlib.sha256(file.read_bytes()).hexdigest()
            total.update(f"{content} {file.relative_to(path).as_posix()}\n".encode())
        return cls(files, path, width, channels, f"{total.hexdigest()}-{channels}")

    def __len__(self) -> int:
        """Number of pictures."""
        return len(self.files)

    def __getitem__(self, index: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Images [n, H, W, C] by their places among the sorted names.

        Raises:
            ValueError: a picture cannot be read or has another size.
        """
        return np.stack([self._read(self.files[place]) for place in index.tolist()])

    def _read(self, file: Path) -> NDArray[np.uint8]:
        try:
            with Image.open(file) as image:
                levels = np.asarray(image.convert("L" if self.channels == 1 else "RGB"))
        except OSError as error:  # UnidentifiedImageError is one
            raise ValueError(f"{file}: cannot be read: {error}") from error
        if levels.shape[:2] != (self.side, self.side):
            height, width = levels.shape[:2]
            raise ValueError(f"{file}: {width}x{height} pixels, the first picture {self.side}")
        return levels.reshape(self.side, self.side, self.channels)


def _files(path: Path) -> list[Path]:
    files = sorted(
        file
        for file in path.rglob("*")
        if file.suffix.lower() in SUFFIXES and not file.name.startswith(".") and file.is_file()
    )
    if not files:
        kinds = ", ".join(SUFFIXES)
        raise ValueError(f"{path}: neither a data set nor a folder of pictures ({kinds})")
    return files
