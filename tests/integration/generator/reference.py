"""What the service should answer, computed without any of its code."""

from io import BytesIO
from pathlib import Path

import numpy as np
import onnxruntime
from animegan.generator.v1 import generator_pb2 as pb
from PIL import Image


def philox_normal(key: int, size: int) -> np.ndarray:
    return np.random.Generator(np.random.Philox(key=key)).standard_normal(size, dtype=np.float32)


def images(model_file: Path, seeds: list[int], **inputs: np.ndarray) -> np.ndarray:
    """In-process ONNX Runtime, one image at a time: uint8 [N, H, W, C].

    `inputs` are those beside z, FP32 [N, size].
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model_file, options)
    z_dim = next(tensor.shape[1] for tensor in session.get_inputs() if tensor.name == "z")
    z = np.stack([philox_normal(seed, z_dim) for seed in seeds])
    rows = [
        session.run(
            ["image"], {name: rows[i : i + 1] for name, rows in ({"z": z} | inputs).items()}
        )
        for i in range(len(seeds))
    ]
    return np.concatenate([row[0] for row in rows])


def decoded(image: pb.GeneratedImage) -> np.ndarray:
    """The pixels, uint8 [H, W, C]."""
    with Image.open(BytesIO(image.image.data)) as picture:
        return np.atleast_3d(np.asarray(picture))
