"""What Triton answers is what onnxruntime computes in this process, to the last bit."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tritonclient.grpc as triton_grpc

from deploy.local.triton import LocalTriton
from tests.integration.local.inference import in_process, served
from tests.integration.local.polling import until
from tests.integration.tiny_models import GRAY, NOISY, STYLEGAN, TinyGenerator


@pytest.mark.parametrize("model", [STYLEGAN, NOISY, GRAY], ids=lambda model: model.name)
def test_concurrent_requests_get_the_pictures_of_in_process_onnxruntime(
    triton: LocalTriton, model: TinyGenerator
) -> None:
    """Requests of many sizes at once: Triton joins them to batches and takes those apart again."""
    inputs = [model.latents(size, seed) for seed, size in enumerate([1, 2, 7, 16, 64] * 8)]
    with (
        triton_grpc.InferenceServerClient(triton.grpc_url) as client,
        ThreadPoolExecutor(max_workers=16) as callers,
    ):
        answers = list(callers.map(lambda each: served(client, model, each), inputs))

    for answer, each in zip(answers, inputs, strict=True):
        assert answer.dtype == np.uint8
        np.testing.assert_array_equal(answer, in_process(model, each))
    distinct = {picture.tobytes() for answer in answers for picture in answer}
    assert len(distinct) == sum(map(len, answers)), "every latent has a picture of its own"


def test_requests_are_joined_to_batches(triton: LocalTriton) -> None:
    """Otherwise the test above would prove nothing about taking batches apart."""
    with (
        triton_grpc.InferenceServerClient(triton.grpc_url) as client,
        ThreadPoolExecutor(max_workers=32) as callers,
    ):

        def statistics() -> tuple[int, int]:
            entry = client.get_inference_statistics(NOISY.name).model_stats[0]
            return entry.inference_count, entry.execution_count

        images, executions = statistics()
        list(callers.map(lambda seed: served(client, NOISY, NOISY.latents(1, seed)), range(200)))
        until(lambda: statistics()[0] == images + 200)  # Triton counts after it has answered

        assert statistics()[1] < executions + 200
