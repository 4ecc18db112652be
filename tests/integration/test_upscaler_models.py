"""The shipped upscalers behind Triton answer what ONNX Runtime computes in this process."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
import tritonclient.grpc as triton_grpc

from animegan_kernels.convolution.session import accelerated
from animegan_kernels.libraries import CONVOLUTION
from deploy.local.triton import LocalTriton
from tests.requires import require_folder, require_library

MODELS = Path(__file__).parents[2] / "models"
# Name -> scale.
SHIPPED = {
    "upscale_compact_2x": 2,
    "upscale_upconv7_2x": 2,
    "upscale_cunet_2x": 2,
    "upscale_cunet_1x_noise1": 1,
}


def enlarge(
    graph: bytes, images: np.ndarray, options: ort.SessionOptions | None = None
) -> np.ndarray:
    """What ONNX Runtime computes here, one at a time: a picture does not depend on its company."""
    session = ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(None, {"image": image[None]})[0] for image in images])


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[triton_grpc.InferenceServerClient]:
    require_library(CONVOLUTION)
    repository, log = tmp_path_factory.mktemp("models"), tmp_path_factory.mktemp("triton")
    for name in SHIPPED:
        (repository / name).symlink_to(require_folder(MODELS / name))
    with (
        LocalTriton(repository, log=log / "triton.log") as server,
        triton_grpc.InferenceServerClient(server.grpc_url) as client,
    ):
        yield client


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("batch, height, width", [(1, 1, 1), (3, 17, 22), (9, 8, 5)])
def test_pictures_of_any_size_are_served_as_onnxruntime_enlarges_them(
    client: triton_grpc.InferenceServerClient, name: str, batch: int, height: int, width: int
) -> None:
    images = np.random.default_rng(batch).integers(0, 256, (batch, height, width, 3), np.uint8)
    tensor = triton_grpc.InferInput("image", images.shape, "UINT8").set_data_from_numpy(images)
    served = client.infer(name, [tensor]).as_numpy("upscaled")
    scale = SHIPPED[name]
    assert (served.dtype, served.shape) == (np.uint8, (batch, scale * height, scale * width, 3))
    graph = (MODELS / name / "1" / "model.onnx").read_bytes()
    wanted = enlarge(graph, images)
    # The native convolution rounds otherwise in the last digits, so a value that lies between two
    # levels may become the other one.
    difference = np.abs(served.astype(int) - wanted)
    assert difference.max() <= 1
    assert difference.mean() < 1e-3
    options = ort.SessionOptions()
    np.testing.assert_array_equal(served, enlarge(accelerated(graph, options), images, options))


@pytest.mark.parametrize("name", SHIPPED)
def test_a_picture_does_not_depend_on_its_company(
    client: triton_grpc.InferenceServerClient, name: str
) -> None:
    def serve(images: np.ndarray) -> np.ndarray:
        tensor = triton_grpc.InferInput("image", images.shape, "UINT8").set_data_from_numpy(images)
        return client.infer(name, [tensor]).as_numpy("upscaled")

    images = np.random.default_rng(1).integers(0, 256, (3, 20, 31, 3), np.uint8)
    np.testing.assert_array_equal(serve(images), np.concatenate([serve(i[None]) for i in images]))
