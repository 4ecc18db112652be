"""`python -m benchmarks.autoscaling`: does the autoscaler follow the load, and come back?

Runs the component autoscale-triton-hpa, its queries, targets and behaviour as they are, against a
real Prometheus that scrapes real Tritons under a real load, ten times faster than a cluster does:
pods are Tritons of this machine, started and stopped as the algorithm of autoscaler.py decides.
Writes docs/operations/autoscaling.{json,png} and the figures of autoscaling.md. Takes five minutes.
"""

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import uvloop
import yaml

from animegan_cli.progress import ProgressBar
from benchmarks.autoscaling import figure, report
from benchmarks.autoscaling.autoscaler import (
    SYNC_SECONDS,
    Autoscaler,
    Direction,
    by_average,
    by_value,
)
from benchmarks.autoscaling.load import Load
from benchmarks.autoscaling.pods import JOB, Pods, write_model
from benchmarks.autoscaling.prometheus import Prometheus
from deploy.k8s.checks.policies.autoscaling import LABEL_MATCHERS, adapter_queries
from deploy.k8s.monitoring.files import hurried_query
from training.markdown import replace_tables

PROJECT = Path(__file__).resolve().parents[2]
COMPONENT = PROJECT / "deploy" / "k8s" / "components" / "autoscale-triton-hpa"
OUT = PROJECT / "docs" / "operations"
PAGE = OUT / "autoscaling.md"

HURRY = 10.0
REQUEST_SECONDS = 0.1
# Of the cluster: until a new pod is ready. A Triton here is within a second or two.
START_SECONDS = 60.0
# Requests a second, and for how many seconds: a pod of two instances carries 20.
PHASES = ((10, 20), (60, 125), (10, 110))


async def replay(folder: Path) -> list[dict[str, Any]]:
    """Run all phases; return what was seen at every decision."""
    write_model(folder / "models", REQUEST_SECONDS)
    queue, busy = _queries()
    scaler, targets = autoscaler()
    pods = Pods(folder / "models", folder, START_SECONDS / HURRY)
    pods.scale(scaler.least)
    rows = []
    with Prometheus(folder, pods.targets) as prometheus:
        while len(pods.ready) < scaler.least:
            await asyncio.sleep(0.1)
            pods.look()
        async with Load(pods) as load:
            began = time.monotonic()
            for rate in ProgressBar(list(_rates()), desc="decisions", unit=""):
                load.rate = rate
                await asyncio.sleep(SYNC_SECONDS / HURRY)
                pods.look()
                now = round(time.monotonic() - began, 3)
                row = {
                    "seconds": now,
                    "rate": rate,
                    "queue_s": await asyncio.to_thread(prometheus.value, queue),
                    "busy": await asyncio.to_thread(prometheus.value, busy),
                    "ready": len(pods.ready),
                }
                wanted = proposals(row, pods.count, targets)
                pods.scale(scaler.decide(now, pods.count, wanted))
                rows.append(row | {"replicas": pods.count, **load.counted()})
    await pods.close()
    return rows


def _rates() -> list[int]:
    """The load at each decision."""
    return [rate for rate, seconds in PHASES for _ in range(round(seconds * HURRY / SYNC_SECONDS))]


def _queries() -> list[str]:
    """What prometheus-adapter would ask, with its ranges shortened."""
    pods = f'job="{JOB}",namespace="replay"'
    asked = adapter_queries().values()
    return [hurried_query(query.replace(LABEL_MATCHERS, pods), HURRY) for query in asked]


def proposals(row: Mapping[str, Any], current: int, targets: Sequence[float]) -> list[int | None]:
    """The replicas that each of the two metrics asks for."""
    waits, works = row["queue_s"], row["busy"]
    return [
        None if waits is None else by_value(current, row["ready"], waits, targets[0]),
        None if works is None else by_average(current, works, targets[1]),
    ]


def autoscaler() -> tuple[Autoscaler, list[float]]:
    """The generator's, as the component builds it, and the targets of its two metrics."""
    spec = yaml.safe_load((COMPONENT / "behavior.yaml").read_text())["spec"]
    scalers = yaml.safe_load_all((COMPONENT / "scalers.yaml").read_text())
    ours = next(one for one in scalers if one["metadata"]["name"] == "triton-generator")
    targets = [metric["external"]["target"] for metric in ours["spec"]["metrics"]]
    values = [target.get("value") or target["averageValue"] for target in targets]
    up, down = (Direction.of(spec["behavior"][way], HURRY) for way in ("scaleUp", "scaleDown"))
    scaler = Autoscaler(spec["minReplicas"], spec["maxReplicas"], up, down)
    return scaler, [float(value.removesuffix("m")) / 1000 for value in values]


def main() -> None:
    """Replay, write the figures."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.autoscaling",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", type=Path, default=OUT, help="folder (default: %(default)s)")
    out: Path = parser.parse_args().out
    with tempfile.TemporaryDirectory() as folder:
        rows = uvloop.run(replay(Path(folder)))
    conditions = {
        "hurry": HURRY,
        "request_seconds": REQUEST_SECONDS,
        "start_seconds": START_SECONDS,
        "phases": [{"requests_per_second": rate, "seconds": s} for rate, s in PHASES],
    }
    text = json.dumps({"conditions": conditions, "decisions": rows}, indent=1)
    (out / "autoscaling.json").write_text(text + "\n")
    figure.draw(rows, HURRY, out / "autoscaling.png")
    if out == OUT:
        PAGE.write_text(page())


def page() -> str:
    """docs/operations/autoscaling.md with the figures of autoscaling.json."""
    document = json.loads((OUT / "autoscaling.json").read_text())
    _, (queue_target, _) = autoscaler()
    return replace_tables(PAGE.read_text(), "replay", report.render(document, queue_target))


if __name__ == "__main__":
    main()
