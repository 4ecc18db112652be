"""The upscaler's tensor contract: any size, uint8 in and out, float16 only where it is exact."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from training.export.parity import ParityError, open_session
from training.export.repository import read_card
from training.upscaling.export import UpscalerGraph, model_name, publish_upscaler, to_levels
from training.upscaling.half import store_as_float16
from training.upscaling.network import Upscaler

STORY = {"description": "tiny", "licence": "CC0-1.0", "metrics": {"psnr_db": 30.0}}


class Tiny(Upscaler):
    """Down, up, and twice as large: sizes, margins included, must be even."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.scale, self.margin, self.multiple = 2, 3, 2
        self.conv = nn.Conv2d(3, 32, 3)
        self.down = nn.Conv2d(32, 32, 2, stride=2)
        self.up = nn.ConvTranspose2d(32, 32, 2, stride=2)
        self.bottom = nn.ConvTranspose2d(32, 3, 4, stride=2, padding=5)

    def forward(self, rgb_BCHW: Tensor) -> Tensor:
        full = torch.relu(self.conv(rgb_BCHW))
        return self.bottom(self.up(self.down(full)) + full)


@pytest.fixture(scope="module")
def network() -> Upscaler:
    tiny = Tiny()
    tiny.down.weight.data = tiny.down.weight.data.half().float()
    return tiny.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def repository(network: Upscaler, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    publish_upscaler(folder, network, "tiny", noise=1, story=STORY)
    return folder


@pytest.mark.parametrize("height, width", [(1, 1), (1, 9), (6, 3), (17, 30)])
def test_the_graph_takes_any_size(
    network: Upscaler, repository: Path, height: int, width: int
) -> None:
    graph = (repository / "upscale_tiny_2x_noise1" / "1" / "model.onnx").read_bytes()
    image = np.random.default_rng(0).integers(0, 256, (3, height, width, 3), np.uint8)
    got = open_session(graph).run(None, {"image": image})
    wanted, unrounded = UpscalerGraph(network)(torch.from_numpy(image))
    assert len(got) == 1  # what parity checks beside the picture is not published
    assert got[0].shape == (3, 2 * height, 2 * width, 3) == tuple(wanted.shape)
    decided = (unrounded * 255 % 1 - 0.5).abs().permute(0, 2, 3, 1).numpy() > 1e-3
    np.testing.assert_array_equal(got[0][decided], wanted.numpy()[decided])
    assert decided.mean() > 0.95


def test_the_border_is_continued_by_its_pixels(network: Upscaler) -> None:
    image = torch.randint(0, 256, (1, 4, 6, 3), dtype=torch.uint8)
    wider = torch.cat([image[:, :, :1].expand(-1, -1, 4, -1), image], dim=2)
    _, alone = UpscalerGraph(network)(image)
    _, shown = UpscalerGraph(network)(wider)
    torch.testing.assert_close(alone, shown[..., 8:])


def test_the_nearest_level_is_taken_and_the_rest_clipped() -> None:
    values = torch.tensor([-1.0, 0.0, 0.4 / 255, 0.6 / 255, 254.6 / 255, 1.0, 7.0])
    assert to_levels(values).tolist() == [0, 0, 0, 1, 255, 255, 255]


def test_the_card_tells_how_to_divide_a_picture(repository: Path) -> None:
    folder = repository / "upscale_tiny_2x_noise1"
    card = read_card(folder, 1)
    wanted = {
        **STORY,
        "contract": "upscaler",
        "kind": "upscaler",
        "method": "tiny",
        "scale": 2,
        "noise": 1,
        "margin": 3,
        "alignment": 2,
        "pools_globally": False,
        "channels": 3,
    }
    assert {key: card[key] for key in wanted} == wanted
    config = (folder / "config.pbtxt").read_text()
    assert 'input [ { name: "image" data_type: TYPE_UINT8 dims: [ -1, -1, 3 ] } ]' in config
    assert 'output [ { name: "upscaled" data_type: TYPE_UINT8 dims: [ -1, -1, 3 ] } ]' in config
    assert 'parameters { key: "enable_mem_arena" value: { string_value: "1" } }' in config


def test_names_tell_method_scale_and_noise() -> None:
    assert model_name("cunet", 2, -1) == "upscale_cunet_2x"
    assert model_name("cunet", 1, 0) == "upscale_cunet_1x_noise0"


def test_only_what_float16_holds_exactly_is_stored_in_it(repository: Path) -> None:
    graph = onnx.load(repository / "upscale_tiny_2x_noise1" / "1" / "model.onnx").graph
    halves = {w.name for w in graph.initializer if w.data_type == TensorProto.FLOAT16}
    assert [name.removesuffix("_float16").split(".")[-2:] for name in halves] == [
        ["down", "weight"]
    ]


def test_float16_changes_no_number() -> None:
    random = np.random.default_rng(0)
    exact = random.standard_normal((64, 64)).astype(np.float16).astype(np.float32)
    inexact = exact + np.float32(1e-6)
    huge = np.full((64, 64), 1e6, np.float32)
    value = helper.make_tensor_value_info
    model = helper.make_model(
        helper.make_graph(
            [
                helper.make_node("MatMul", ["x", "exact"], ["a"]),
                helper.make_node("MatMul", ["a", "inexact"], ["b"]),
                helper.make_node("MatMul", ["b", "huge"], ["y"]),
            ],
            "three",
            [value("x", TensorProto.FLOAT, [2, 64])],
            [value("y", TensorProto.FLOAT, [2, 64])],
            [
                numpy_helper.from_array(array, name)
                for name, array in (("exact", exact), ("inexact", inexact), ("huge", huge))
            ],
        ),
        opset_imports=[helper.make_opsetid("", 18)],
        ir_version=10,
    )
    x = random.standard_normal((2, 64)).astype(np.float32)
    before, before_bytes = run(model, x), model.ByteSize()
    store_as_float16(model)
    onnx.checker.check_model(model, full_check=True)
    np.testing.assert_array_equal(run(model, x), before)
    assert before_bytes - model.ByteSize() > 0.9 * exact.nbytes / 2


def run(model: onnx.ModelProto, x: np.ndarray) -> np.ndarray:
    result: np.ndarray = open_session(model.SerializeToString()).run(None, {"x": x})[0]
    return result


def test_a_network_that_computes_nonsense_is_not_published(tmp_path: Path) -> None:
    spoilt = Tiny().eval().requires_grad_(False)
    spoilt.bottom.bias[1] = torch.nan
    with pytest.raises(ParityError, match="unrounded"):
        publish_upscaler(tmp_path, spoilt, "tiny", noise=-1, story=STORY)
    assert not any(tmp_path.iterdir())
