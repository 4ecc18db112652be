"""The conditions of a run: a number without them is worth nothing."""

import json
import os
import platform
import subprocess
import tomllib
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.in_process import CORES
from benchmarks.servers import Ours, Peer

PROJECT = Path(__file__).parents[1]
PACKAGES = ("onnxruntime", "numpy", "grpcio", "aiohttp", "uvloop", "litserve", "bentoml", "fastapi")


def describe(onnx: Path, plan: Any, servers: Sequence[Ours | Peer]) -> dict[str, Any]:
    """The `environment` of a results file; `plan` is a dataclass."""
    card = json.loads((onnx.parent / "model_card.json").read_text())
    return {
        **machine(),
        "gpu": None,
        "versions": {
            "triton": _triton(),
            **{package: version(package) for package in (*PACKAGES, "uvicorn")},
        },
        "model": {
            "name": card["name"],
            "version": card["version"],
            "resolution": card["resolution"],
            "sha256": card["files"][onnx.name]["sha256"],
        },
        "plan": asdict(plan),
        "configurations": {server.name: server.configuration for server in servers},
    }


def machine() -> dict[str, Any]:
    """Where and when, and how busy the machine was."""
    return {
        "cpu": _cpu(),
        "cores": CORES,
        "load_average_before": os.getloadavg()[0],
        "python": platform.python_version(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
    }


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _triton() -> str:
    """The pinned package that holds Triton; it is not installed as one, but unpacked."""
    groups = tomllib.loads((PROJECT / "pyproject.toml").read_text())["dependency-groups"]
    return str(groups["triton-server"][0])


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty"]
    return subprocess.run(
        command, cwd=PROJECT, check=True, capture_output=True, text=True
    ).stdout.strip()
