"""Inference as the tests of the local stack need it."""

from collections.abc import Mapping

import numpy as np
import onnxruntime as ort
import tritonclient.grpc as triton_grpc

from tests.integration.tiny_models import TinyGenerator

Inputs = Mapping[str, np.ndarray]


def infer(
    client: triton_grpc.InferenceServerClient,
    name: str,
    inputs: Inputs,
    *outputs: str,
    timeout: float = 60.0,
) -> triton_grpc.InferResult:
    """Ask Triton for the named outputs, all of them if none is named."""
    tensors = [
        triton_grpc.InferInput(tensor, array.shape, "FP32").set_data_from_numpy(array)
        for tensor, array in inputs.items()
    ]
    requested = [triton_grpc.InferRequestedOutput(output) for output in outputs] or None
    return client.infer(name, tensors, outputs=requested, client_timeout=timeout)


def served(
    client: triton_grpc.InferenceServerClient, model: TinyGenerator, inputs: Inputs
) -> np.ndarray:
    """Return the pictures that Triton makes: UINT8 [N, H, W, C]."""
    return infer(client, model.name, inputs, "image").as_numpy("image")


def in_process(model: TinyGenerator, inputs: Inputs) -> np.ndarray:
    """Return the pictures that onnxruntime makes in this process."""
    session = ort.InferenceSession(
        model.graph().SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(["image"], dict(inputs))[0]
