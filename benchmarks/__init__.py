"""Runnable comparisons with other systems, each with its results file in `results/`."""

import os

# Before ONNX Runtime is loaded: its wheels report their use to their makers.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
