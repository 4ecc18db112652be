"""The copies that the network trains with."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from training.augmentation.dice import Dice
from training.copies.views import VIEWS, View, blur, compressed, random_copies

COUNT, SIDE = 12, 16


def pictures(seed: int = 0) -> torch.Tensor:
    """Smooth pictures with a difference between left and right."""
    randomness = torch.Generator().manual_seed(seed)
    small = torch.rand(COUNT, 3, 4, 4, generator=randomness) * 1.6 - 0.8
    return torch.nn.functional.interpolate(small, SIDE, mode="bilinear")


def dice(seed: int = 0) -> Dice:
    return Dice(COUNT, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("view", [view for view, _ in VIEWS], ids=lambda view: view.__name__)
def test_a_view_changes_every_picture_in_its_own_way(view: View) -> None:
    images = pictures()
    before = images.clone()
    changed = view(images, dice())
    assert changed.shape == images.shape
    assert bool(changed.isfinite().all())
    assert torch.equal(images, before), "the input is left as it is"
    assert bool(((changed - images).abs().amax(dim=(1, 2, 3)) > 1e-3).all())
    # Equal pictures are changed differently: the draw is one per picture, though two of twelve may
    # draw the same quality. A mirror has no draw, and the factor of a rescaling is one for all.
    same = view(images[:1].repeat(COUNT, 1, 1, 1), dice(1))
    distinct = len({tuple(picture.flatten().tolist()) for picture in same})
    assert distinct == 1 if view.__name__ in ("mirror", "rescale") else distinct >= COUNT // 2


def test_copies_are_decided_by_the_generator() -> None:
    images = pictures()
    one, again, other = (
        random_copies(images, torch.Generator().manual_seed(seed)) for seed in (5, 5, 6)
    )
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert float(one.abs().max()) <= 1


def test_a_blur_is_the_convolution_with_a_gaussian() -> None:
    impulse = torch.zeros(COUNT, 3, 31, 31)
    impulse[:, :, 15, 15] = 1
    spread = blur(impulse, dice(3))
    torch.testing.assert_close(spread.sum(dim=(2, 3)), torch.ones(COUNT, 3))
    position = torch.arange(31) - 15.0
    variance = (spread.sum(dim=2) * position.square()).sum(dim=2)[:, 0]
    # Cut off at six pixels, a Gaussian of 2.8 has a variance of 6.7 instead of 7.8.
    assert bool((variance > 0.05).all())
    assert bool((variance < 7).all())
    torch.testing.assert_close(spread, spread.transpose(2, 3))


def test_compression_is_pillows() -> None:
    image = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=20)
    np.testing.assert_array_equal(compressed(image, 20), np.asarray(Image.open(file)))
