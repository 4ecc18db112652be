"""The servers that a user would pick instead of ours, each at its best configuration.

All of them do the same work by the same code, `benchmarks.inference`: latents from seeds, the
same ONNX file, the same PNG writer. What differs is how they serve it.
"""
