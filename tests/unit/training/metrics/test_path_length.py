"""Path lengths whose value is known in closed form, on generators and features that are linear."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from sklearn.metrics.pairwise import euclidean_distances
from torch import Tensor

from tests.unit.training.metrics.clouds import normal
from tests.unit.training.metrics.tiny import tiny
from training.metrics.path_length import (
    on_sphere,
    path_in_w,
    path_in_z,
    real_spread,
    slerp,
    squared_speed,
)
from training.metrics.samples import Sampler

CPU = torch.device("cpu")
SEEDS = np.arange(64)


@dataclass
class Identity:
    """The latent itself as an image, its values far from the clamp."""

    z_dim: int = 64
    noise_size: int = 0

    @property
    def config(self) -> "Identity":
        return self

    def sample(self, z_BZ: Tensor, truncation: float, noise_BN: Tensor) -> Tensor:
        return z_BZ.reshape(-1, 1, 8, 8) / 10


def flat(levels_BHWC: Tensor) -> Tensor:
    """Undo the identity's scale and that of the levels."""
    return (levels_BHWC / 127.5 - 1).flatten(1) * 10


def test_a_great_circle_has_constant_speed_and_stays_on_the_sphere() -> None:
    start, end = (on_sphere(torch.randn(5, 64, dtype=torch.float64)) for _ in range(2))
    times = torch.arange(11, dtype=torch.float64) / 10
    points = torch.stack([slerp(start, end, time.expand(5, 1)) for time in times])
    torch.testing.assert_close(points[0], start)
    torch.testing.assert_close(points[10], end)
    torch.testing.assert_close(points.norm(dim=2), torch.full_like(points[..., 0], 8.0))
    steps = points.diff(dim=0).norm(dim=2)
    torch.testing.assert_close(steps, steps[:1].expand(10, -1))


def test_the_identity_moves_as_fast_as_its_latent() -> None:
    """On a sphere of radius sqrt(Z) the squared speed is Z times the squared angle."""
    sampler = Sampler(Identity(), 1.0, CPU, 64)
    path = path_in_z(sampler, SEEDS)
    start, end = (on_sphere(sampler.latents(SEEDS, stream)) for stream in (0, 2))
    angle = torch.acos(torch.nn.functional.cosine_similarity(start, end)).numpy()
    speeds = squared_speed(path, sampler.uniform(SEEDS, 3) * 0.9, flat)
    np.testing.assert_allclose(speeds, 64 * angle**2, rtol=0.02)


def test_a_straight_path_reaches_the_floor() -> None:
    """Its mean squared speed is the mean squared distance of its ends: nothing can be less."""
    start, end = (torch.from_numpy(normal(2000, seed, 64)) for seed in (1, 2))

    def path(time: Tensor) -> Tensor:
        return torch.lerp(start, end, time).reshape(-1, 1, 8, 8) / 10

    speeds = squared_speed(path, torch.full((2000, 1), 0.5), flat)
    floor = real_spread(normal(2000, 3, 64))
    assert speeds.mean() == pytest.approx(floor.value, rel=0.03)
    detour = squared_speed(lambda t: path(t**2), torch.full((2000, 1), 0.9), flat)
    assert detour.mean() > 2 * floor.value


def test_the_floor_is_the_mean_over_all_pairs() -> None:
    x = normal(60, seed=1)
    pairs = euclidean_distances(x, squared=True)[~np.eye(60, dtype=bool)]
    score = real_spread(x)
    assert score.value == pytest.approx(pairs.mean(), rel=1e-5)
    assert score.low is not None and score.high is not None
    assert score.low < score.value < score.high


def test_paths_begin_and_end_at_the_images_of_their_latents() -> None:
    sampler = Sampler(tiny(), 1.0, CPU, 8)
    seeds, noise = np.arange(4), sampler.noise(np.arange(4))
    for path in (path_in_z(sampler, seeds), path_in_w(sampler, seeds)):
        for time, stream in ((0.0, 0), (1.0, 2)):
            expected = sampler.generator.sample(sampler.latents(seeds, stream), 1.0, noise)
            torch.testing.assert_close(path(torch.full((4, 1), time)), expected, atol=1e-4, rtol=0)


def test_a_path_does_not_depend_on_the_others() -> None:
    sampler = Sampler(tiny(), 1.0, CPU, 8)
    time = torch.full((1, 1), 0.3)
    together = path_in_z(sampler, np.arange(4))(time.expand(4, 1))
    torch.testing.assert_close(path_in_z(sampler, np.array([2]))(time), together[2:3])


def test_a_network_without_w_has_no_paths_there() -> None:
    class NoW:
        kind = "dcgan"

    with pytest.raises(TypeError, match="a dcgan has no W space"):
        path_in_w(Sampler(NoW(), 1.0, CPU, 8), SEEDS)
