"""What Triton answers is what onnxruntime computes in this process, to the last bit."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnxruntime as ort
import pytest
import tritonclient.grpc as triton_grpc

from deploy.local.triton import LocalTriton
from tests.integration.tiny_models import GRAY, NOISY, STYLEGAN, TinyGenerator


def infer(client: triton_grpc.InferenceServerClient, model: TinyGenerator, inputs) -> np.ndarray:
    tensors = []
    for name, array in inputs.items():
        tensor = triton_grpc.InferInput(name, array.shape, "FP32")
        tensors.append(tensor.set_data_from_numpy(array))
    return client.infer(model.name, tensors, client_timeout=60).as_numpy("image")


def in_process(model: TinyGenerator) -> ort.InferenceSession:
    return ort.InferenceSession(
        model.graph().SerializeToString(), providers=["CPUExecutionProvider"]
    )


@pytest.mark.parametrize("model", [STYLEGAN, NOISY, GRAY], ids=lambda model: model.name)
def test_concurrent_requests_get_the_pictures_of_in_process_onnxruntime(
    triton: LocalTriton, model: TinyGenerator
) -> None:
    """Requests of many sizes at once: Triton batches them together, and takes them apart again."""
    sizes = [1, 2, 7, 16, 64] * 8
    inputs = [model.latents(size, seed) for seed, size in enumerate(sizes)]
    session = in_process(model)
    expected = [session.run(["image"], each)[0] for each in inputs]
    with (
        triton_grpc.InferenceServerClient(triton.grpc_url) as client,
        ThreadPoolExecutor(max_workers=16) as callers,
    ):
        served = list(callers.map(lambda each: infer(client, model, each), inputs))

    for got, want in zip(served, expected, strict=True):
        assert got.dtype == np.uint8
        np.testing.assert_array_equal(got, want)
    distinct = {picture.tobytes() for batch in served for picture in batch}
    assert len(distinct) == sum(sizes), "every latent has a picture of its own"


def test_requests_are_batched_dynamically(triton: LocalTriton) -> None:
    """Otherwise the test above would prove nothing about taking batches apart."""
    with (
        triton_grpc.InferenceServerClient(triton.grpc_url) as client,
        ThreadPoolExecutor(max_workers=32) as callers,
    ):
        before = client.get_inference_statistics(NOISY.name).model_stats[0]
        list(callers.map(lambda s: infer(client, NOISY, NOISY.latents(1, s)), range(200)))
        after = client.get_inference_statistics(NOISY.name).model_stats[0]

    executions = after.execution_count - before.execution_count
    assert after.inference_count - before.inference_count == 200
    assert executions < 200
