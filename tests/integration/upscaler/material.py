"""Tiny networks, the service over them, and the answers that it must give."""

from io import BytesIO
from pathlib import Path

import numpy as np
import onnxruntime
from animegan.image.v1 import image_pb2
from animegan.upscaler.v1 import upscaler_pb2 as pb
from PIL import Image

from tests.integration.generator.service import ServiceProcess
from tests.integration.tiny_upscalers import TinyUpscaler, write_upscaler

# Everything; and one that denoises by itself only.
MODELS = (
    TinyUpscaler("tiny"),
    TinyUpscaler("tiny", noise=1),
    TinyUpscaler("tiny", scale=1, noise=1),
    TinyUpscaler("other", seed=1),
    TinyUpscaler("other", scale=1, noise=0, seed=1),
)
FILTERS = ["nearest", "bilinear", "bicubic", "lanczos"]

CALLS = "animegan_upscaler_requests_total"
MADE = "animegan_upscaler_network_pixels_total"


class UpscalerProcess(ServiceProcess):
    """`python -m services.upscaler` on free ports, with "tiny" as the default method."""

    name = "upscaler"

    def __init__(self, triton_url: str, log: Path, *flags: str, **environment: str) -> None:
        super().__init__(triton_url, log, "--default-method", "tiny", *flags, **environment)


def write_repository(folder: Path) -> Path:
    """A model repository with the tiny networks."""
    for model in MODELS:
        write_upscaler(folder, model)
    return folder


def noise(height: int, width: int, channels: int = 3, seed: int = 0) -> np.ndarray:
    """A picture of which no two pixels are alike, uint8 [H,W,C]."""
    shape = (height, width, channels)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def png(pixels: np.ndarray) -> bytes:
    """A file of pixels, uint8 [H,W,C]."""
    file = BytesIO()
    Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).save(file, "PNG")
    return file.getvalue()


def pixels(file: bytes) -> np.ndarray:
    """The pixels of a file, uint8 [H,W,C]."""
    with Image.open(BytesIO(file)) as image:
        return np.atleast_3d(np.asarray(image))


def run(model: TinyUpscaler, image: np.ndarray) -> np.ndarray:
    """In-process ONNX Runtime on the whole picture: uint8 [h,w,3] -> uint8 [s*h,s*w,3]."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.graph().SerializeToString(), options)
    return session.run(["upscaled"], {"image": image[np.newaxis]})[0][0]


def request(image: np.ndarray, **options) -> pb.UpscaleRequest:
    """A unary request with a PNG."""
    return pb.UpscaleRequest(
        image=image_pb2.Image(data=png(image)), options=pb.UpscaleOptions(**options)
    )
