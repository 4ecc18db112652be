"""The shipped upscalers behind Triton answer what ONNX Runtime computes in this process."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tritonclient.grpc as triton_grpc

from deploy.local.triton import LocalTriton
from tests.requires import require_folder
from training.export.parity import open_session

MODELS = Path(__file__).parents[2] / "models"
# Name -> scale.
SHIPPED = {"upscale_upconv7_2x": 2, "upscale_cunet_2x": 2, "upscale_cunet_1x_noise1": 1}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[triton_grpc.InferenceServerClient]:
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
    session = open_session((MODELS / name / "1" / "model.onnx").read_bytes())
    # One at a time: a picture does not depend on its company.
    wanted = [session.run(None, {"image": image[None]})[0][0] for image in images]
    scale = SHIPPED[name]
    assert (served.dtype, served.shape) == (np.uint8, (batch, scale * height, scale * width, 3))
    np.testing.assert_array_equal(served, wanted)
