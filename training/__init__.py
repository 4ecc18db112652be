"""Offline training: datasets, networks, metrics, export to ONNX. No service imports it."""
