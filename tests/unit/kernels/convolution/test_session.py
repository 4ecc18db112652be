"""Models run with the native convolutions, to the same pictures."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from animegan_kernels.convolution import session
from animegan_kernels.libraries import CONVOLUTION
from tests.requires import require_library
from tests.unit.kernels.convolution.graphs import convolution

MODELS = Path(__file__).resolve().parents[4] / "models"
UPSCALERS = sorted(path.name for path in MODELS.glob("upscale_*"))


def run(graph: bytes, options: ort.SessionOptions, image: np.ndarray) -> np.ndarray:
    options.intra_op_num_threads = 1
    found = ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    return found.run(None, {"image": image})[0]


@pytest.mark.parametrize("name", UPSCALERS)
def test_the_models_that_are_served_give_the_same_picture(name: str) -> None:
    require_library(CONVOLUTION)
    graph = (MODELS / name / "1" / "model.onnx").read_bytes()
    random = np.random.default_rng(4)
    image = random.integers(0, 256, (1, 37, 50, 3), dtype=np.uint8)
    options = ort.SessionOptions()
    changed = session.accelerated(graph, options)
    nodes = {node.op_type for node in onnx.load_model_from_string(changed).graph.node}
    assert "Conv3x3" in nodes
    theirs = run(graph, ort.SessionOptions(), image).astype(int)
    difference = np.abs(run(changed, options, image) - theirs)
    assert difference.max() <= 1
    assert difference.mean() < 1e-3


def test_a_model_without_such_convolutions_is_not_changed() -> None:
    graph = convolution(np.ones((16, 16, 5, 5), np.float32)).SerializeToString()
    assert session.accelerated(graph, ort.SessionOptions()) is graph
