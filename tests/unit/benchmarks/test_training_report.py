"""The report of the training benchmark, from rounds whose figures are known."""

import json

import pytest
import torch

from benchmarks import training_table
from benchmarks.flops import FlopCounter
from benchmarks.table import DOCS, replace_tables
from benchmarks.training import COMPARED, COMPARED_FP32, PEER, RESULTS, presets_for, report
from training.gan.presets import PRESETS


def found(images_per_s: float, gflops: float, precision: str = "fp32") -> dict[str, object]:
    return {
        "images_per_s": images_per_s,
        "flops_per_image": gflops * 1e9,
        "precision": precision,
        "batch": 16,
        "resolution": 64,
        "parameters": {"generator": 1, "discriminator": 2},
    }


ROUNDS = {
    "peak": [{"fp32": 50e9, "bf16": 200e9}, {"fp32": 100e9, "bf16": 150e9}] * 2,
    "loader": [{"images_per_s": 1000.0}] * 3,
    COMPARED: [found(rate, 1, "bf16") for rate in (10, 50, 20)],
    COMPARED_FP32: [found(rate, 1) for rate in (8, 12, 30)],
    PEER: [found(rate, 2) for rate in (4, 4, 5)],
}


def test_a_case_has_the_median_rate_and_its_share_of_the_best_peak() -> None:
    case = report([COMPARED], ROUNDS)[0]

    assert case["case"] == COMPARED
    assert (case["images_per_s"], case["images_per_s_min"], case["images_per_s_max"]) == (
        20,
        10,
        50,
    )
    assert case["share_of_peak"] == pytest.approx(20e9 / 200e9)
    assert case["loader_ratio"] == 50


def test_the_peer_is_compared_at_its_precision_round_by_round() -> None:
    case = report([COMPARED], ROUNDS)[0]

    assert case["best_peer"] == PEER
    assert case["ratio_to_best_peer"] == 3  # median of 8/4, 12/4, 30/5
    assert case["ratio_to_best_peer_in_flops"] == 1.5


def test_presets_for_a_gpu_are_left_out_without_one() -> None:
    without = presets_for(gpu=False)

    assert COMPARED in without
    assert not any(name.endswith(("-gpu", "-tiny")) for name in without)
    assert set(without) < set(presets_for(gpu=True)) < set(PRESETS)


def test_a_convolution_and_its_gradients_are_counted() -> None:
    image = torch.randn(2, 3, 8, 8, requires_grad=True)
    weight = torch.randn(5, 3, 3, 3, requires_grad=True)
    forward = 2 * 2 * 5 * 8 * 8 * 3 * 3 * 3  # multiply-adds count twice
    with FlopCounter() as counter:
        output = torch.nn.functional.conv2d(image, weight, padding=1)
        assert counter.total == forward
        output.sum().backward()
    assert counter.total == 3 * forward


def test_the_page_shows_the_results_in_the_repository() -> None:
    page = DOCS.read_text()
    shown = training_table.render(json.loads(RESULTS.read_text()))
    assert replace_tables(page, "training", shown) == page
