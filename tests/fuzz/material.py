"""What the fuzz targets work on: an index with embeddings, and a model."""

from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from animegan_search.copies import Detector, Manifest
from animegan_search.ssim.index.manifest import read_manifest
from animegan_search.ssim.verdict import Calibration
from tests.unit.search.copies.material import unit
from tests.unit.search.ssim.index.material import noise, write_index
from training.copies.building import write_embeddings
from training.index.changing import remove

IMAGES = 37  # three shards


def write_indexes(folder: Path) -> Path:
    """The index "some": 12x12 pixels, embeddings of 8 numbers; always the same bytes."""
    directory = folder / "some"
    write_index(directory, noise(IMAGES, seed=1), noise(20, seed=2), shard_images=16)
    remove(directory, [2, 20])
    digest = read_manifest(directory).digest
    calibration = Calibration(np.linspace(0, 0.9, 199), digest, "heldout", "d", identical=0)
    manifest = Manifest(digest, Detector("copy_detector", 1, "abc"), 30, 8, {}, calibration)
    arrays = {"embeddings.npy": unit(30, 0), "ids.npy": np.arange(30)}
    write_embeddings(directory, arrays, manifest)
    return folder


def write_model(folder: Path) -> Path:
    """Version 1 of y = x + bias, which is 100 where it is left out."""
    kind, shapes = TensorProto.FLOAT, {"x": ["n", "m"], "bias": ["k", 1], "y": ["n", "m"]}
    x, bias, y = (helper.make_tensor_value_info(name, kind, shapes[name]) for name in shapes)
    stored = [numpy_helper.from_array(np.array([[100]], np.float32), "bias")]
    node = helper.make_node("Add", ["x", "bias"], ["y"])
    graph = helper.make_graph([node], "sum", [x, bias], [y], stored)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    (folder / "1").mkdir(parents=True)
    (folder / "1" / "model.onnx").write_bytes(model.SerializeToString())
    return folder
