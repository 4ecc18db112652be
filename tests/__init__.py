"""Tests, and what they run on."""

import os

# Before ONNX Runtime is loaded: its wheels report their use to their makers.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
