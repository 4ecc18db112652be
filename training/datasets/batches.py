"""The order in which a run sees the real images, and the latents that it draws.

Everything here is a function of (seed, images seen): a run that was killed goes on exactly where it
was, without any random state in its checkpoint.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from training.datasets.store import Dataset

CPU = torch.device("cpu")
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

    They are read as the dataset holds them, as uint8, by one thread that is a step ahead, and
    become floats on the device that asks for them: a quarter of the bytes travel.

    Args:
        dataset: images [N, S, S, C] uint8.
        seed: of the order and of the flips.
        mirror: flip half of the images.
    """

    def __init__(self, dataset: Dataset, seed: int, mirror: bool) -> None:
        self.dataset = dataset
        self.seed = seed
        self.mirror = mirror
        self._reader = ThreadPoolExecutor(1, "real-images")
        self._ahead: dict[tuple[int, int, bytes], Future[Tensor]] = {}
        self._orders: dict[int, NDArray[np.int64]] = {}  # by epoch; the reader alone sees it

    def batch(
        self,
        images_seen: int,
        count: int,
        resolution: int,
        rows: Tensor | None = None,
        device: torch.device = CPU,
    ) -> Tensor:
        """Return images `images_seen` ... `images_seen + count - 1` of the run, or some of them.

        The same rows of the batch after this one are read meanwhile.

        Args:
            images_seen: images shown before this batch.
            count: images in the whole batch.
            resolution: side to scale them to.
            rows: which of the batch to read, int64; all by default.
            device: where to.

        Returns:
            float32 [rows, C, resolution, resolution] in [-1, 1], channels last, box-filtered from
            the dataset's size.
        """
        chosen = np.arange(count) if rows is None else rows.numpy()
        # The other parts of these two batches may wait; what lies elsewhere is not asked for.
        near = images_seen, images_seen + count
        self._ahead = {key: read for key, read in self._ahead.items() if key[0] in near}
        for first in near:
            key = first, count, chosen.tobytes()
            if key not in self._ahead:
                pinned = device.type == "cuda"
                self._ahead[key] = self._reader.submit(self.levels, first, count, chosen, pinned)
        read = self._ahead.pop((images_seen, count, chosen.tobytes()))
        levels_NHWC = read.result().to(device, non_blocking=True)
        images = levels_NHWC.permute(0, 3, 1, 2).float().div_(127.5).sub_(1)
        factor = images.shape[-1] // resolution
        return images if factor == 1 else F.avg_pool2d(images, factor)

    def levels(
        self, images_seen: int, count: int, rows: NDArray[np.int64], pinned: bool = False
    ) -> Tensor:
        """Read rows of a batch as the dataset holds them, flipped where they shall be.

        Args:
            images_seen: images shown before the batch.
            count: images in the whole batch.
            rows: which of the batch to read.
            pinned: into memory that a GPU copies from by itself.

        Returns:
            uint8 [rows, S, S, C], on the CPU.
        """
        epochs, places = np.divmod(images_seen + rows, len(self.dataset))
        indices = np.empty(len(rows), np.int64)
        for epoch in np.unique(epochs):
            those = epochs == epoch
            indices[those] = self._order(int(epoch))[places[those]]
        images_NHWC = self.dataset.images_NHWC[indices]
        if self.mirror:
            flipped = philox(self.seed, MIRROR, images_seen).random(count)[rows] < 0.5
            images_NHWC[flipped] = images_NHWC[flipped, :, ::-1]
        levels = torch.from_numpy(images_NHWC)
        return levels.pin_memory() if pinned else levels

    def _order(self, epoch: int) -> NDArray[np.int64]:
        """Indices in the dataset of the images of an epoch."""
        if epoch not in self._orders:
            if len(self._orders) > 1:
                self._orders.clear()
            self._orders[epoch] = philox(self.seed, ORDER, epoch).permutation(len(self.dataset))
        return self._orders[epoch]
