"""The work that all contestants share, and the limit that they are held against."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from benchmarks import in_process
from benchmarks.inference import MAX_BATCH, Generator, onnx_file, pack, unpack
from benchmarks.load import Case
from tests.integration.tiny_models import NOISY, write_model


@pytest.fixture
def models(tmp_path):
    write_model(tmp_path, NOISY, versions=(1, 2, 10))
    return tmp_path


@given(st.lists(st.binary(max_size=50), max_size=10))
def test_files_survive_the_wire(files):
    assert unpack(pack(files)) == files


def test_the_newest_version_is_measured(models):
    assert onnx_file(models, NOISY.name).parent.name == "10"


def test_a_large_call_is_split_and_gives_the_same_pictures(models):
    generator = Generator(onnx_file(models, NOISY.name), threads=1)
    seeds = list(range(MAX_BATCH + 3))
    images_NHWC = generator.images(seeds)
    assert images_NHWC.shape == (len(seeds), NOISY.resolution, NOISY.resolution, NOISY.channels)
    alone_NHWC = np.concatenate([generator.images([seed]) for seed in seeds])
    assert np.array_equal(images_NHWC, alone_NHWC)
    (png,) = generator.pngs([5])
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(png))), images_NHWC[5])


def test_both_ways_in_process_are_measured_with_and_without_png(models):
    case = Case("case", callers=3, images_per_call=1)
    found = in_process.run_case(onnx_file(models, NOISY.name), case, warmup_s=0, seconds=0.05)
    assert set(found) == {(way, png) for way in in_process.WAYS for png in (False, True)}
    for measurement in found.values():
        assert measurement.images == 3 * len(measurement.latencies_s) > 0


@given(st.lists(st.integers()), st.integers(1, 5))
def test_shares_cover_all_seeds_evenly(seeds, parts):
    shares = in_process.shares(seeds, parts)
    assert sorted(seed for share in shares for seed in share) == sorted(seeds)
    assert all(shares)
    assert max(map(len, shares), default=0) - min(map(len, shares), default=0) <= 1
