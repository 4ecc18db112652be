"""Each colour operation against SciPy, Pillow and arithmetic."""

import math

import numpy as np
import torch
from PIL import Image, ImageEnhance
from scipy.spatial.transform import Rotation
from torch import Tensor

from training.augmentation import colour
from training.augmentation.colour import draw_colour, recolour
from training.augmentation.dice import Dice


class Loaded(Dice):
    """Dice that always fall the same way."""

    def __init__(self, value: float) -> None:
        super().__init__(2, torch.Generator())
        self.value = value

    def integer(self, sides: int) -> Tensor:
        return torch.full((self.count,), self.value)

    def uniform(self, bound: float) -> Tensor:
        return torch.full((self.count,), self.value)

    def normal(self, deviation: float) -> Tensor:
        return torch.full((self.count,), self.value)

    def octaves(self, deviation: float) -> Tensor:
        return torch.full((self.count,), self.value)


def pictures(channels: int = 3) -> Tensor:
    return torch.rand(2, channels, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_brightness_adds() -> None:
    image = pictures()
    torch.testing.assert_close(recolour(image, colour.brightness(Loaded(0.3))), image + 0.3)


def test_contrast_multiplies() -> None:
    image = pictures()
    torch.testing.assert_close(recolour(image, colour.contrast(Loaded(1.7))), image * 1.7)


def test_luma_flip_negates_the_mean_and_keeps_the_colour() -> None:
    image = pictures()
    flipped = recolour(image, colour.luma_flip(Loaded(1)))
    mean = image.mean(dim=1, keepdim=True)
    torch.testing.assert_close(flipped, image - 2 * mean)
    torch.testing.assert_close(recolour(image, colour.luma_flip(Loaded(0))), image)


def test_hue_is_the_rotation_of_scipy() -> None:
    image = pictures()
    turn = Rotation.from_rotvec(np.ones(3) / math.sqrt(3) * 0.8)
    expected = turn.apply(image.permute(0, 2, 3, 1).reshape(-1, 3).numpy())
    found = recolour(image, colour.hue(Loaded(0.8))).permute(0, 2, 3, 1).reshape(-1, 3)
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-6)
    third = recolour(image, colour.hue(Loaded(2 * math.pi / 3)))  # red -> green -> blue -> red
    torch.testing.assert_close(third, image.roll(1, dims=1))


def test_saturation_is_that_of_pillow_where_luma_is_the_mean() -> None:
    image = pictures() / 2
    found = recolour(image, colour.saturation(Loaded(1.5)))
    mean = image.mean(dim=1, keepdim=True)
    torch.testing.assert_close(found, mean + 1.5 * (image - mean))
    # Pillow weighs the channels: take a colour whose weighted and plain means are the same.
    red, green, blue = 0.587 - 0.114, 0.114 - 0.299, 0.299 - 0.587  # orthogonal to both
    pixel = np.uint8([128 + 60 * red, 128 + 60 * green, 128 + 60 * blue])
    pillow = ImageEnhance.Color(Image.fromarray(pixel.reshape(1, 1, 3))).enhance(2.0)
    tensor = torch.from_numpy(pixel / 127.5 - 1).float().reshape(1, 3, 1, 1)
    ours = (recolour(tensor, colour.saturation(Loaded(2.0))[:1]) + 1) * 127.5
    np.testing.assert_allclose(ours.flatten().numpy(), np.asarray(pillow).flatten(), atol=1.5)


def test_grey_images_stay_grey() -> None:
    dice = Dice(2, torch.Generator().manual_seed(1))
    matrix = draw_colour(dice, 1.0)
    grey = pictures(channels=1)
    found = recolour(grey, matrix)
    assert found.shape == grey.shape
    torch.testing.assert_close(
        found.expand(-1, 3, -1, -1), recolour(grey.expand(-1, 3, -1, -1), matrix)
    )


def test_each_operation_draws_from_its_distribution() -> None:
    dice = Dice(20_000, torch.Generator().manual_seed(0))
    assert abs(colour.brightness(dice)[:, 0, 3].std() - 0.2) < 0.01
    assert abs(colour.contrast(dice)[:, 0, 0].log2().std() - 0.5) < 0.02
    flips = (colour.luma_flip(dice)[:, 0, 1] != 0).float().mean()
    assert abs(flips - 0.5) < 0.02
    cos = (colour.hue(dice)[:, 0, 0] - 1 / 3) * 1.5
    assert abs(cos.mean()) < 0.02
    assert abs(cos.var() - 0.5) < 0.02
    # The diagonal is 1/3 of grey and 2/3 of what is scaled.
    factor = colour.saturation(dice)[:, 0, 0] - 1 / 3
    assert abs((factor * 1.5).log2().std() - 1) < 0.03
