"""Offline training: datasets, networks, metrics, export to ONNX. No service imports it."""

import os

# Before ONNX Runtime is loaded: its wheels report their use to their makers.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
