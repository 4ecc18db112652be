"""Measurements to numbers: medians, percentiles, ratios, and the table that shows them."""

import json

import pytest

from benchmarks import table
from benchmarks.in_process import WAYS
from benchmarks.load import CASES, Measurement
from benchmarks.report import IN_PROCESS, IN_PROCESS_NO_PNG, Results, report, summary

PEERS = ["litserve", "bentoml", "fastapi"]


def measured(rate: float, latency_s: float = 0.1) -> Measurement:
    return Measurement(
        images=round(10 * rate), wall_s=10, latencies_s=[latency_s] * 10, client_cpu_s=0.02
    )


def results(**rates: list[float]) -> Results:
    """Every case alike; the two ways in process differ by a factor of two."""
    found = Results("anime-gan", PEERS)
    for case in CASES:
        for name, by_round in rates.items():
            found.speed[case, name.replace("_", "-", 1) if name == "anime_gan" else name] += [
                measured(rate) for rate in by_round
            ]
        for name, rate in ((IN_PROCESS, 100), (IN_PROCESS_NO_PNG, 200)):
            for factor, way in zip((1, 2), WAYS, strict=True):
                found.speed[case, f"{name}/{way}"] += [measured(factor * rate)] * 3
    for memory in (100.0, 120.0, 110.0):
        found.memory_mb["anime-gan"].append(
            {"triton": 4 * memory, "generator": memory, "supervisor": 30.0}
        )
        for peer in PEERS:
            found.memory_mb[peer].append({"all": 3 * memory})
    return found


@pytest.fixture
def cases():
    return report(
        results(
            anime_gan=[150, 180, 160], litserve=[100, 90, 80], bentoml=[50, 50, 50],
            fastapi=[10, 300, 20],
        )
    )  # fmt: skip


def test_a_case_holds_our_medians_with_their_range(cases):
    case = cases[0]
    assert case["case"] == "callers_1"
    assert (case["images_per_s"], case["images_per_s_min"], case["images_per_s_max"]) == (
        160, 150, 180,
    )  # fmt: skip
    assert (case["p50_ms"], case["p95_ms"], case["p99_ms"]) == (100, 100, 100)
    assert case["client_cpu_ms_per_call"] == 2
    assert case["calls"] == 30


def test_the_best_peer_is_the_one_with_the_best_median(cases):
    assert cases[0]["best_peer"] == "litserve"
    assert cases[0]["ratio_to_best_peer"] == pytest.approx(2.0)  # median of 1.5, 2 and 2


def test_the_faster_way_in_process_is_the_limit(cases):
    assert cases[0]["in_process"]["images_per_s"] == 200
    assert cases[0]["in_process"]["way"] == list(WAYS)[1]
    assert cases[0]["ratio_to_in_process"] == pytest.approx(0.8)
    assert cases[0]["ratio_to_in_process_without_png"] == pytest.approx(0.4)


def test_memory_is_the_median_of_each_part(cases):
    assert cases[-1] == {
        "case": "memory",
        "triton_mb": 440,
        "generator_mb": 110,
        "supervisor_mb": 30,
        "peers": {peer: {"all": 330} for peer in PEERS},
    }


def test_percentiles_are_those_of_each_round():
    slow_round = Measurement(100, 10, [0.001 * i for i in range(1, 101)], 0)
    numbers = summary([slow_round, slow_round, measured(10, latency_s=1)])
    assert numbers["p50_ms"] == pytest.approx(50.5)
    assert numbers["p99_ms"] == pytest.approx(99.01)
    assert numbers["p99_ms_max"] == 1000


def test_the_documentation_shows_the_committed_results_and_no_other_numbers():
    has_results = table.RESULTS.is_file()
    shown = table.render(json.loads(table.RESULTS.read_text())) if has_results else ""
    page = table.DOCS.read_text()
    assert table.replace_tables(page, "generator", shown) == page


def test_every_number_of_a_results_file_finds_its_row(cases):
    environment = {
        "date": "2026-01-02T03:04:05+00:00",
        "commit": "abc",
        "cpu": "Fast",
        "cores": 2,
        "model": {"name": "stylegan", "version": 3, "resolution": 64},
        "plan": {"rounds": 3, "seconds": 4.0, "warmup_s": 1.0},
    }
    lines = table.render({"environment": environment, "cases": cases}).splitlines()
    assert lines[0].startswith("2026-01-02, commit abc, Fast, 2 cores, model stylegan v3")
    rows = {tuple(line.split(" | ")[:2]) for line in lines}
    assert ("| **anime-gan**", "**160 (150-180)**") in rows
    assert ("| LitServe", "90 (80-100)") in rows
    assert ("| ONNX Runtime in process, with PNG", "200 (200-200)") in rows
    assert ("| anime-gan / in process with PNG", "0.80") in rows
    assert ("| anime-gan / best peer", "2.00 (LitServe)") in rows
    assert ("| BentoML", "100.0 / 100.0 / 100.0") in rows
    assert ("| generator service", "110 |") in rows
    assert ("| Triton with all default models", "440 |") in rows


def test_tables_are_replaced_between_their_markers_only():
    begin, end = "<!-- a: begin -->\n", "<!-- a: end -->\n"
    other = "<!-- b: begin -->\nother\n<!-- b: end -->\n"
    once = table.replace_tables(f"above\n{begin}old\n{end}{other}below\n", "a", "new\n")
    assert once == f"above\n{begin}\nnew\n\n{end}{other}below\n"
    assert table.replace_tables(once, "a", "new\n") == once


def test_a_page_without_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="a: begin"):
        table.replace_tables("above\nbelow\n", "a", "new\n")
