"""A generator that shows given pictures: whatever is wrong with a model can be planted in it.

Which of N pictures a seed shows is the place of the largest number of its latent, so that every
picture is as likely as any other.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper

from tests.integration.onnx_files import onnx_model
from training.export.model import ServedModel, TensorSpec
from training.export.repository import publish

NAME = "stylegan"
SERVED = 0.7  # default truncation
_BETWEEN = 0.85  # below it the pictures that are served are shown, above it the others

Images = NDArray[np.uint8]


def publish_pictures(
    repository: Path, images_NHWC: Images, served_NHWC: Images | None = None, **card: Any
) -> Path:
    """Publish a generator of these pictures as the next version of `stylegan`.

    Args:
        repository: folder of the model repository.
        images_NHWC: what it shows over the whole range, truncation 1.
        served_NHWC: as many that it shows at its default truncation; None: the same.
        card: more of the model card.
    """
    served_NHWC = images_NHWC if served_NHWC is None else served_NHWC
    count, *shape = images_NHWC.shape
    z, psi = TensorSpec("z", "FP32", (count,)), TensorSpec("truncation", "FP32", (1,))
    image = TensorSpec("image", "UINT8", tuple(shape))
    graph = _graph(np.concatenate([images_NHWC, served_NHWC]), count, shape)
    model = ServedModel(NAME, "generator", graph, (z, psi), (image,), instances=1)
    story = {
        "description": "pictures",
        "kind": "stylegan2",
        "resolution": shape[0],
        "channels": shape[2],
        "z_dim": count,
        "noise_size": 0,
        "default_truncation": SERVED,
        "parity": {"max_levels": 0},
    }
    publish(repository, [(model, story | card)])
    return repository


def _graph(pictures: Images, count: int, shape: list[int]) -> bytes:
    nodes = [
        helper.make_node("ArgMax", ["z"], ["place"], axis=1, keepdims=1),
        helper.make_node("Less", ["truncation", "between"], ["is_served"]),
        helper.make_node("Cast", ["is_served"], ["half"], to=TensorProto.INT64),
        helper.make_node("Mul", ["half", "count"], ["skipped"]),
        helper.make_node("Add", ["place", "skipped"], ["rows"]),
        helper.make_node("Squeeze", ["rows", "second"], ["row"]),
        helper.make_node("Gather", ["pictures", "row"], ["image"], axis=0),
    ]
    constants = {
        "between": np.float32(_BETWEEN),
        "count": np.int64(count),
        "second": np.array([1], np.int64),
        "pictures": pictures,
    }
    inputs = {"z": ("FP32", [count]), "truncation": ("FP32", [1])}
    model = onnx_model(nodes, inputs, {"image": ("UINT8", shape)}, constants)
    return bytes(model.SerializeToString())
