"""Each geometric operation against NumPy and SciPy, and the statistics of the draws."""

import math

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter, map_coordinates
from torch import Tensor

from training.augmentation import geometry
from training.augmentation.dice import Dice
from training.augmentation.geometry import (
    draw_geometry,
    lowpass,
    rotate2d,
    scale2d,
    translate2d,
    warp,
)

SIDE = 32
ONE = torch.ones(2)


def dice(count: int = 20_000, seed: int = 0) -> Dice:
    return Dice(count, torch.Generator().manual_seed(seed))


def pictures(sigma: float = 1.5) -> Tensor:
    """Two smooth random pictures in [-1, 1], [2, 3, 32, 32]."""
    noise = np.random.default_rng(0).normal(size=(2, 3, SIDE, SIDE))
    smooth = gaussian_filter(noise, (0, 0, sigma, sigma))
    return torch.from_numpy(smooth / np.abs(smooth).max()).float()


def by_scipy(image_BCHW: Tensor, matrix_33: Tensor) -> Tensor:
    """Cubic interpolation of the picture, mirrored at the centres of its outermost pixels."""
    centre = (SIDE - 1) / 2
    y, x = np.meshgrid(np.arange(SIDE) - centre, np.arange(SIDE) - centre, indexing="ij")
    points = np.stack([x.ravel(), y.ravel(), np.ones(SIDE * SIDE)])
    source_x, source_y, _ = np.linalg.inv(matrix_33.double().numpy()) @ points
    where = [source_y + centre, source_x + centre]
    planes = [
        map_coordinates(plane, where, order=3, mode="mirror").reshape(SIDE, SIDE)
        for plane in image_BCHW.flatten(0, 1).double().numpy()
    ]
    return torch.from_numpy(np.stack(planes)).reshape(image_BCHW.shape).float()


def test_doubling_and_halving_give_the_image_back() -> None:
    image = pictures(sigma=1.0)
    back = warp(image, torch.eye(3).repeat(2, 1, 1))
    assert (back - image).abs().max() < 4e-3  # half a level of 255


def test_the_filter_is_symmetric_and_keeps_greys() -> None:
    taps = lowpass()
    assert torch.equal(taps, taps.flip(0))
    grey = torch.full((1, 1, SIDE, SIDE), 0.25)
    anywhere = rotate2d(torch.tensor([0.7])) @ translate2d(torch.tensor([5.0]), torch.tensor([3.0]))
    torch.testing.assert_close(warp(grey, anywhere), grey)


def test_mirrored_turned_and_shifted_images_are_those_of_numpy() -> None:
    image = pictures()
    assert (warp(image, scale2d(-ONE, ONE)) - image.flip(3)).abs().max() < 4e-3
    clockwise = torch.from_numpy(np.rot90(image.numpy(), -1, (2, 3)).copy())
    assert (warp(image, rotate2d(ONE * math.pi / 2)) - clockwise).abs().max() < 4e-3
    padded = np.pad(image.numpy(), ((0, 0), (0, 0), (0, 4), (3, 0)), mode="reflect")
    moved = torch.from_numpy(padded[:, :, 4:, :SIDE].copy())  # 3 to the right, 4 up
    assert (warp(image, translate2d(ONE * 3, ONE * -4)) - moved).abs().max() < 4e-3


@pytest.mark.parametrize(
    "matrix",
    [
        scale2d(ONE * 1.3, ONE * 1.3),
        scale2d(ONE * 0.8, ONE / 0.8),
        rotate2d(ONE * 0.4),
        translate2d(ONE * 2.3, ONE * -40.6),  # mirrored twice: it leaves the picture far behind
        rotate2d(ONE * 2.0) @ scale2d(ONE * 0.9, ONE * 1.2) @ translate2d(ONE * 1.5, ONE * 4.25),
    ],
    ids=["zoom", "stretch", "rotation", "shift", "all"],
)
def test_any_warp_is_that_of_scipy(matrix: Tensor) -> None:
    image = pictures(sigma=2.5)
    error = (warp(image, matrix) - by_scipy(image, matrix[0])).abs()
    assert error.max() < 0.02
    assert error.mean() < 0.004


def test_shrinking_does_not_alias() -> None:
    # Stripes of one pixel, shrunk by 1.7, must become grey and not wider stripes.
    stripes = (torch.arange(64) % 2 * 2.0 - 1).expand(1, 1, 64, 64).contiguous()
    shrunk = warp(stripes, scale2d(ONE[:1] / 1.7, ONE[:1]))
    naive = torch.nn.functional.interpolate(stripes, size=(64, 38), mode="nearest")
    assert shrunk[0, 0, 32, 16:48].abs().mean() < 0.2 < naive.abs().mean()


def test_gradients_are_exact() -> None:
    # The warp is linear in the image: its derivative in a direction is the warp of that direction.
    image, weight = pictures().requires_grad_(True), torch.randn(2, 3, SIDE, SIDE)
    matrix = rotate2d(ONE * 0.3) @ scale2d(ONE * 1.2, ONE * 0.9)
    (gradient,) = torch.autograd.grad((warp(image, matrix) * weight).sum(), image)
    direction = torch.randn(2, 3, SIDE, SIDE)
    expected = (warp(direction, matrix) * weight).sum()
    torch.testing.assert_close((gradient * direction).sum(), expected, rtol=1e-3, atol=1e-3)


def test_each_operation_draws_from_its_distribution() -> None:
    draws = dice()
    flipped = geometry.mirror(draws, 64)[:, 0, 0]
    assert set(flipped.tolist()) == {-1.0, 1.0}
    assert abs(flipped.mean()) < 0.03
    turns = geometry.quarter_turns(draws, 64)[:, :2, 0].round()  # images of the x axis
    for axis in ([1, 0], [0, 1], [-1, 0], [0, -1]):
        assert abs((turns == torch.tensor(axis)).all(1).float().mean() - 0.25) < 0.02
    pixels = geometry.whole_pixels(draws, 64)[:, :2, 2]
    assert torch.equal(pixels, pixels.round())
    assert pixels.abs().max() == 8
    zoomed = geometry.zoom(draws, 64)
    assert torch.equal(zoomed[:, 0, 0], zoomed[:, 1, 1])
    assert abs(zoomed[:, 0, 0].log2().std() - 0.2) < 0.01
    angle = torch.atan2(*geometry.rotation(draws, 64)[:, :2, 0].unbind(1)[::-1])
    assert abs(angle.std() - 2 * math.pi / math.sqrt(12)) < 0.05
    stretched = geometry.stretch(draws, 64)
    torch.testing.assert_close(stretched[:, 0, 0] * stretched[:, 1, 1], torch.ones(20_000))
    assert abs(stretched[:, 0, 0].log2().std() - 0.2) < 0.01
    assert abs(geometry.shift(draws, 64)[:, :2, 2].std() - 8) < 0.2


def test_p_is_the_probability_of_each_operation(monkeypatch: pytest.MonkeyPatch) -> None:
    def marked(draws: Dice, side: int) -> Tensor:
        return translate2d(torch.ones(draws.count), torch.zeros(draws.count))

    monkeypatch.setattr(geometry, "OPERATIONS", (marked,))
    share = draw_geometry(dice(), 0.3, 64)[:, 0, 2].mean()
    assert abs(share - 0.3) < 0.02
    monkeypatch.setattr(geometry, "OPERATIONS", (geometry.rotation, geometry.rotation))
    turned = (draw_geometry(dice(), 0.3, 64) != torch.eye(3)).flatten(1).any(1).float().mean()
    assert abs(turned - 0.3) < 0.02  # either of the two rotations
