"""`python -m deploy.k8s.replay`: does the autoscaler follow the load, and come back?

Runs the component autoscale-triton-hpa, its queries, targets and behaviour as they are, against a
real Prometheus that scrapes real Tritons under a real load, ten times faster than a cluster does:
pods are Tritons of this machine, started and stopped as the algorithm of autoscaler.py decides.
Writes docs/operations/autoscaling.json and .png. Takes four minutes.
"""

import argparse
import asyncio
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import uvloop
import yaml
from tqdm import tqdm

from deploy.k8s.monitoring.files import hurried_query
from deploy.k8s.replay import figure
from deploy.k8s.replay.autoscaler import (
    SYNC_SECONDS,
    Autoscaler,
    Direction,
    by_average,
    by_value,
)
from deploy.k8s.replay.load import Load
from deploy.k8s.replay.pods import JOB, Pods, write_model
from deploy.k8s.replay.prometheus import Prometheus

PROJECT = Path(__file__).resolve().parents[3]
COMPONENT = PROJECT / "deploy" / "k8s" / "components" / "autoscale-triton-hpa"
OUT = PROJECT / "docs" / "operations"

HURRY = 10.0
REQUEST_SECONDS = 0.1
# Requests a second, and for how many seconds: a pod of two instances carries 20.
PHASES = ((10, 25), (60, 50), (10, 155))


async def replay(folder: Path) -> list[dict[str, Any]]:
    """Run all phases; return what was seen at every decision."""
    write_model(folder / "models", REQUEST_SECONDS)
    queue, busy = _queries()
    scaler, (queue_target, busy_target) = _autoscaler()
    pods = Pods(folder / "models", folder)
    pods.scale(scaler.least)
    rows = []
    with Prometheus(folder, pods.targets) as prometheus:
        while len(pods.ready) < scaler.least:
            await asyncio.sleep(0.1)
            pods.look()
        async with Load(pods) as load:
            began = time.monotonic()
            for rate in tqdm(list(_rates()), desc="decisions", unit=""):
                load.rate = rate
                await asyncio.sleep(SYNC_SECONDS / HURRY)
                pods.look()
                now, current, ready = time.monotonic() - began, pods.count, len(pods.ready)
                waits = await asyncio.to_thread(prometheus.value, queue)
                works = await asyncio.to_thread(prometheus.value, busy)
                proposals = [
                    None if waits is None else by_value(current, ready, waits, queue_target),
                    None if works is None else by_average(current, works, busy_target),
                ]
                pods.scale(scaler.decide(now, current, proposals))
                seen = {"seconds": round(now, 2), "rate": rate, "queue_s": waits, "busy": works}
                rows.append(seen | {"ready": ready, "replicas": pods.count, **load.counted()})
    await pods.close()
    return rows


def _rates() -> list[int]:
    """The load at each decision."""
    return [rate for rate, seconds in PHASES for _ in range(round(seconds * HURRY / SYNC_SECONDS))]


def _queries() -> list[str]:
    """What prometheus-adapter would ask, with its ranges shortened."""
    adapter = yaml.safe_load((COMPONENT / "prometheus-adapter.yaml").read_text())
    return [
        hurried_query(
            rule["metricsQuery"].replace("<<.LabelMatchers>>", f'job="{JOB}",namespace="replay"'),
            HURRY,
        )
        for rule in adapter["externalRules"]
    ]


def _autoscaler() -> tuple[Autoscaler, list[float]]:
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
        prog="python -m deploy.k8s.replay",
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
        "phases": [{"requests_per_second": rate, "seconds": s} for rate, s in PHASES],
    }
    text = json.dumps({"conditions": conditions, "decisions": rows}, indent=1)
    (out / "autoscaling.json").write_text(text + "\n")
    figure.draw(rows, HURRY, out / "autoscaling.png")


if __name__ == "__main__":
    main()
