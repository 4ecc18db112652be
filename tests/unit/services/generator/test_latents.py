"""Seeds are a promise: these numbers may never change."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.generator.latents import NoiseMode, latents, noise

seeds = st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=20)

KNOWN = {
    0: ["0x1.eaca8c0000000p-5", "0x1.fddbac0000000p-7", "-0x1.86f9fa0000000p+0"],
    1: ["0x1.1778f00000000p+0", "0x1.d2c43c0000000p-2", "-0x1.c468980000000p-2"],
    42: ["0x1.74219e0000000p-3", "-0x1.3e1d9c0000000p+0", "-0x1.a705440000000p-3"],
    2**64 - 1: ["-0x1.be96280000000p+0", "-0x1.f2d99e0000000p-2", "0x1.5f7b4a0000000p-2"],
}


@pytest.mark.parametrize("seed", KNOWN)
def test_known_answers(seed):
    z_Z = latents([seed], 128)[0]
    assert [float(z_Z[i]).hex() for i in (0, 1, 127)] == KNOWN[seed]


def test_known_noise():
    constant, random = (noise([42], 50, mode)[0] for mode in (NoiseMode.CONSTANT, NoiseMode.RANDOM))
    assert [float(constant[i]).hex() for i in (0, 49)] == [
        "0x1.38d4980000000p+1",
        "-0x1.6420bc0000000p-2",
    ]
    assert [float(random[i]).hex() for i in (0, 49)] == [
        "0x1.5f14200000000p+0",
        "0x1.5fa2ec0000000p-4",
    ]


def test_latents_are_numpys_philox_keyed_with_the_seed_alone():
    expected = np.random.Generator(np.random.Philox(key=42)).standard_normal(128, dtype=np.float32)
    assert np.array_equal(latents([42], 128)[0], expected)


@given(seeds)
def test_a_row_does_not_depend_on_its_neighbours(seeds):
    together = latents(seeds, 16)
    assert together.dtype == np.float32
    assert together.shape == (len(seeds), 16)
    assert np.array_equal(together, np.concatenate([latents([seed], 16) for seed in seeds]))
    together = noise(seeds, 16, NoiseMode.RANDOM)
    alone = [noise([seed], 16, NoiseMode.RANDOM) for seed in seeds]
    assert np.array_equal(together, np.concatenate(alone))


def test_latents_are_standard_normal():
    z_NZ = latents(range(2000), 128)
    assert abs(z_NZ.mean()) < 0.01
    assert abs(z_NZ.std() - 1) < 0.01
    assert np.abs(np.corrcoef(z_NZ[:100]) - np.eye(100)).max() < 0.5


def test_noise_is_another_stream_than_the_latent():
    z_Z = latents([42], 100)[0]
    random_R, constant_R = (
        noise([42], 100, mode)[0] for mode in (NoiseMode.RANDOM, NoiseMode.CONSTANT)
    )
    for a, b in ((z_Z, random_R), (z_Z, constant_R), (random_R, constant_R)):
        assert abs(np.corrcoef(a, b)[0, 1]) < 0.4


def test_constant_noise_is_the_same_for_all_and_no_noise_is_zero():
    constant_NR = noise([1, 2, 3], 50, NoiseMode.CONSTANT)
    assert (constant_NR == constant_NR[0]).all()
    assert constant_NR.std() > 0.5
    assert not noise([1, 2, 3], 50, NoiseMode.NONE).any()
