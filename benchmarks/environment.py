"""The conditions of a serving benchmark: a number without them is worth nothing."""

import json
import tomllib
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.machine import PROJECT, machine
from benchmarks.servers import Ours, Peer

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


def _triton() -> str:
    """The pinned package that holds Triton; it is not installed as one, but unpacked."""
    groups = tomllib.loads((PROJECT / "pyproject.toml").read_text())["dependency-groups"]
    return str(groups["triton-server"][0])
