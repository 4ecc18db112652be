"""The copy detector behind Triton answers what ONNX Runtime computes in this process."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tritonclient.grpc as triton_grpc

from deploy.local.triton import LocalTriton
from tests.requires import require_folder
from training.copies.embedding import Embedder

PROJECT = Path(__file__).parents[2]
MODEL = PROJECT / "models" / "copy_detector"


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped model alone: Triton loads nothing else."""
    require_folder(MODEL)
    folder = tmp_path_factory.mktemp("models")
    (folder / MODEL.name).symlink_to(MODEL)
    return folder


@pytest.fixture(scope="module")
def client(
    repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[triton_grpc.InferenceServerClient]:
    log = tmp_path_factory.mktemp("triton") / "triton.log"
    with (
        LocalTriton(repository, log=log) as server,
        triton_grpc.InferenceServerClient(server.grpc_url) as client,
    ):
        yield client


@pytest.mark.parametrize("batch", [1, 5, 64])
def test_served_embeddings_are_those_of_onnxruntime(
    client: triton_grpc.InferenceServerClient, repository: Path, batch: int
) -> None:
    images = np.random.default_rng(batch).integers(0, 256, (batch, 64, 64, 3), np.uint8)
    tensor = triton_grpc.InferInput("image", images.shape, "UINT8").set_data_from_numpy(images)
    served = client.infer("copy_detector", [tensor]).as_numpy("embedding")
    assert (served.dtype, served.shape) == (np.float32, (batch, 128))
    np.testing.assert_allclose(served, Embedder(repository)(images), atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(served, axis=1), 1, atol=1e-6)
