"""The autoscalers' queries, worked out by promtool from series whose answer is known."""

import subprocess
from pathlib import Path

import pytest
import yaml

from deploy.k8s.checks.policies.autoscaling import LABEL_MATCHERS, adapter_queries
from tests.requires import require_program

MATCHERS = 'namespace="anime-gan",job="animegan-triton-generator"'
QUEUE, BUSY = "animegan_triton_queue_seconds", "animegan_triton_busy_instances"


def series(metric: str, model: str, per_second: float, instance: str = "pod-0") -> dict[str, str]:
    """A counter that grows evenly for five minutes, seen every seven seconds."""
    labels = f'{MATCHERS},model="{model}",version="1",instance="{instance}"'
    return {"series": f"{metric}{{{labels}}}", "values": f"0+{per_second * 7:g}x43"}


def traffic(model: str, requests: float, queue_ms: float, batch: float, infer_ms: float, **where):
    """What Triton counts of a model: requests a second, and the milliseconds of each."""
    return [
        series("nv_inference_request_success", model, requests, **where),
        series("nv_inference_queue_duration_us", model, requests * queue_ms * 1000, **where),
        series(
            "nv_inference_compute_infer_duration_us", model, requests * infer_ms * 1000, **where
        ),
        series("nv_inference_exec_count", model, requests / batch, **where),
    ]


IDLE = traffic("idle", requests=0, queue_ms=0, batch=1, infer_ms=0)
# A canary a second, each of which waits for long: no reason for another pod.
CANARIES = traffic("canaries", requests=0.5, queue_ms=900, batch=1, infer_ms=10)
HOT = traffic("hot", requests=100, queue_ms=40, batch=4, infer_ms=60)
HOT_ON_TWO = [
    *traffic("hot", requests=50, queue_ms=20, batch=4, infer_ms=60, instance="pod-0"),
    *traffic("hot", requests=150, queue_ms=60, batch=4, infer_ms=60, instance="pod-1"),
]
LIGHT = traffic("light", requests=200, queue_ms=1, batch=1, infer_ms=2)


@pytest.mark.parametrize(
    ("query", "input_series", "expected"),
    [
        pytest.param(QUEUE, HOT, 0.04, id="queue time of a request, not of a batch"),
        pytest.param(QUEUE, HOT + LIGHT, 0.04, id="many quick requests hide no slow model"),
        pytest.param(QUEUE, HOT_ON_TWO, 0.05, id="pods count by their requests"),
        pytest.param(QUEUE, CANARIES + LIGHT, 0.001, id="canaries are no traffic"),
        pytest.param(QUEUE, CANARIES, 0.0, id="nothing but canaries"),
        pytest.param(QUEUE, IDLE, 0.0, id="an idle Triton"),
        pytest.param(QUEUE, [], None, id="no Triton is seen: no answer, nothing is scaled"),
        pytest.param(BUSY, HOT, 1.5, id="25 executions a second of 60 ms"),
        pytest.param(BUSY, HOT + LIGHT + IDLE, 1.9, id="of all models"),
        pytest.param(BUSY, HOT_ON_TWO, 3.0, id="over all pods"),
        pytest.param(BUSY, IDLE, 0.0, id="an idle Triton is not busy"),
        pytest.param(BUSY, [], None, id="no Triton is seen by busy"),
    ],
)
def test_queries(tmp_path: Path, query, input_series, expected):
    promtool = require_program("promtool")
    expression = adapter_queries()[query].replace(LABEL_MATCHERS, MATCHERS)
    # To the microsecond: promtool compares floats exactly.
    case = {
        "expr": f"round({expression}, 1e-6)",
        "eval_time": "5m",
        "exp_samples": [] if expected is None else [{"value": expected, "labels": "{}"}],
    }
    test = {"tests": [{"interval": "7s", "input_series": input_series, "promql_expr_test": [case]}]}
    file = tmp_path / "test.yml"
    file.write_text(yaml.safe_dump(test))
    result = subprocess.run(
        [promtool, "test", "rules", str(file)], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
