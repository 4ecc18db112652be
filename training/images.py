"""The order in which a run sees the real images, and the latents that it draws.

Everything here is a function of (seed, images seen): a run that was killed goes on exactly where it
was, without any random state in its checkpoint.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from training.datasets.store import Dataset

# Keys of the independent random streams of one run.
ORDER, MIRROR, LATENT, DROPOUT, AUGMENTATION = range(5)


def philox(seed: int, stream: int, position: int) -> np.random.Generator:
    """NumPy's counter-based generator for one stream at one position."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, stream, position])))


def torch_generator(seed: int, stream: int, position: int) -> torch.Generator:
    """PyTorch's CPU generator for one stream at one position."""
    word = np.random.SeedSequence([seed, stream, position]).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(word) >> 1)


class RealImages:
    """Batches of real images, shuffled anew in every epoch.

    Args:
        dataset: images [N, S, S, C] uint8.
        seed: of the order and of the flips.
        mirror: flip half of the images.
    """

    def __init__(self, dataset: Dataset, seed: int, mirror: bool) -> None:
        self.dataset = dataset
        self.seed = seed
        self.mirror = mirror
        self._epoch = -1
        self._order: NDArray[np.int64] = np.empty(0, np.int64)

    def batch(
        self, images_seen: int, count: int, resolution: int, rows: Tensor | None = None
    ) -> Tensor:
        """Return images `images_seen` ... `images_seen + count - 1` of the run, or some of them.

        Args:
            images_seen: images shown before this batch.
            count: images in the whole batch.
            resolution: side to scale them to.
            rows: which of the batch to read, int64; all by default.

        Returns:
            float32 [rows, C, resolution, resolution] in [-1, 1], box-filtered from the dataset's
            size.
        """
        chosen = np.arange(count) if rows is None else rows.numpy()
        indices = np.array([self._index(images_seen + offset) for offset in chosen.tolist()])
        images = torch.from_numpy(self.dataset.images_NHWC[indices]).permute(0, 3, 1, 2).float()
        images = images / 127.5 - 1
        if self.mirror:
            flip = philox(self.seed, MIRROR, images_seen).random(count)[chosen] < 0.5
            flip = torch.from_numpy(flip)
            images = torch.where(flip[:, None, None, None], images.flip(3), images)
        return F.avg_pool2d(images, images.shape[-1] // resolution)

    def _index(self, position: int) -> int:
        """Index in the dataset of the image at a position of the run."""
        epoch, place = divmod(position, len(self.dataset))
        if epoch != self._epoch:
            self._order = philox(self.seed, ORDER, epoch).permutation(len(self.dataset))
            self._epoch = epoch
        return int(self._order[place])
