"""The networks against other implementations: Chainer's own, ncnn's runtime, ONNX Runtime.

chainer.npz holds what waifu2x 2024.0.1's srcnn.py answered under Chainer 7.8.1, for weights and a
picture that `chainer_weights` draws again; Chainer itself no longer runs beside NumPy 2.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from tests.requires import require_module
from training.upscaling.network import Upscaler
from training.upscaling.waifu2x.cunet import CUNet
from training.upscaling.waifu2x.ncnn import read_network
from training.upscaling.waifu2x.networks import VGG7, DenoisingVGG7, UpConv7, UpResNet10
from training.upscaling.waifu2x.npz import read_npz

MODELS = Path(__file__).parents[5] / "models"
CHAINER = np.load(Path(__file__).with_name("chainer.npz"))
COMMITTED = [
    ("upscale_upconv7_2x", "WAIFU2X_ANIME_UP2X", UpConv7()),
    ("upscale_cunet_2x", "WAIFU2X_CUNET_UP2X", CUNet(scale=2)),
    ("upscale_cunet_1x_noise1", "WAIFU2X_CUNET_UP1X_DENOISE1X", CUNet(scale=1)),
]


@pytest.fixture(scope="module", params=COMMITTED, ids=lambda each: each[0])
def committed(request: pytest.FixtureRequest) -> tuple[onnxruntime.InferenceSession, str, Upscaler]:
    name, stem, network = request.param
    session = onnxruntime.InferenceSession(
        MODELS / name / "1" / "model.onnx", providers=["CPUExecutionProvider"]
    )
    return session, stem, network


def chainer_weights(network: Upscaler, random: np.random.Generator) -> bytes:
    """Random weights in Chainer's file format, drawn in the order of its names."""
    arrays = {}
    for name, tensor in sorted(
        (key.replace(".", "/").replace("weight", "W").replace("bias", "b"), tensor)
        for key, tensor in network.state_dict().items()
    ):
        fan_in = int(np.prod(tensor.shape[1:])) if tensor.ndim > 1 else 100
        arrays[name] = (random.standard_normal(tensor.shape) / np.sqrt(fan_in)).astype(np.float32)
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


@pytest.mark.parametrize(("network", "side"), [(VGG7(scale=1), 18), (UpResNet10(), 32)])
def test_chainers_networks_answer_as_under_chainer(network: Upscaler, side: int) -> None:
    random = np.random.Generator(np.random.Philox(key=11))
    state = read_npz(chainer_weights(network, random))
    network.load_state_dict({name: torch.from_numpy(array) for name, array in state.items()})
    rgb = torch.from_numpy(random.random((1, 3, side, side)).astype(np.float32))
    with torch.no_grad():
        got = network(rgb).numpy()
    np.testing.assert_allclose(got, CHAINER[type(network).__name__], atol=1e-5)


def test_vgg7_enlarges_what_nearest_neighbours_enlarged() -> None:
    torch.manual_seed(0)
    network, filter_alone = VGG7(scale=2).eval(), VGG7(scale=1).eval()
    filter_alone.load_state_dict(network.state_dict())
    rgb = torch.rand(1, 3, 9, 6)
    pad = torch.nn.functional.pad
    with torch.no_grad():
        got = network(pad(rgb, (network.margin,) * 4, mode="replicate"))
        # As the original does: enlarge, continue the border, filter.
        large = rgb.repeat_interleave(2, 2).repeat_interleave(2, 3)
        wanted = filter_alone(pad(large, (7,) * 4, mode="replicate"))
    torch.testing.assert_close(got, wanted, atol=1e-6, rtol=0)


def test_denoising_vgg7_is_one_network_after_the_other() -> None:
    torch.manual_seed(0)
    both = DenoisingVGG7().eval()
    rgb = torch.rand(1, 3, 30, 28)
    with torch.no_grad():
        wanted = both.enlarge(both.denoise(rgb).clamp(0, 1))
        assert both(rgb).shape == (1, 3, 2 * (30 - 2 * 11), 2 * (28 - 2 * 11))
        torch.testing.assert_close(both(rgb), wanted)


def test_pytorch_and_ncnns_runtime_agree_on_the_published_files(
    committed: tuple[onnxruntime.InferenceSession, str, Upscaler], published: Path
) -> None:
    _, stem, network = committed
    fill(network, published, stem)
    margin = network.margin
    rgb = np.random.default_rng(0).random((3, 24 + 2 * margin, 16 + 2 * margin), np.float32)
    with torch.no_grad():
        ours = network(torch.from_numpy(rgb)[None])[0].numpy()
    np.testing.assert_allclose(ours, under_ncnn(published, stem, rgb), atol=2e-5)


@pytest.mark.parametrize("height, width", [(1, 1), (3, 26), (21, 16)])
def test_the_committed_models_answer_as_ncnns_runtime(
    committed: tuple[onnxruntime.InferenceSession, str, Upscaler],
    published: Path,
    height: int,
    width: int,
) -> None:
    session, stem, network = committed
    scale, margin, multiple = network.scale, network.margin, network.multiple
    image = np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)
    # waifu2x-ncnn-vulkan continues the border by the margin, and further where sizes must divide.
    after = [margin + -(size + 2 * margin) % multiple for size in (height, width)]
    padded = np.pad(image, ((margin, after[0]), (margin, after[1]), (0, 0)), "edge")
    rgb = np.ascontiguousarray(padded.transpose(2, 0, 1)) / np.float32(255)
    wanted = under_ncnn(published, stem, rgb)[:, : scale * height, : scale * width]
    levels = np.floor(np.clip(wanted * 255 + 0.5, 0, 255)).astype(np.uint8).transpose(1, 2, 0)
    got = session.run(["upscaled"], {"image": image[None]})[0][0]
    assert (got.shape, got.dtype) == ((scale * height, scale * width, 3), np.uint8)
    difference = np.abs(got.astype(int) - levels)
    # What lies on the border between two levels may fall to either side.
    assert difference.max() <= 1
    assert (difference > 0).mean() < 0.002


def fill(network: Upscaler, published: Path, stem: str) -> None:
    param = (published / f"{stem}.param").read_text()
    state = read_network(param, (published / f"{stem}.bin").read_bytes(), network)
    network.load_state_dict({name: torch.tensor(array) for name, array in state.items()})


def under_ncnn(published: Path, stem: str, rgb_CHW: np.ndarray) -> np.ndarray:
    """RGB in [0, 1] -> RGB, by ncnn in float32."""
    ncnn = require_module("ncnn")
    net = ncnn.Net()
    net.opt.num_threads = 1
    net.opt.use_fp16_storage = net.opt.use_fp16_packed = net.opt.use_fp16_arithmetic = False
    net.load_param(str(published / f"{stem}.param"))
    net.load_model(str(published / f"{stem}.bin"))
    extractor = net.create_extractor()
    extractor.input("Input1", ncnn.Mat(rgb_CHW))
    return np.array(extractor.extract("Eltwise4")[1])
