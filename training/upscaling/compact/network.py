"""A compact 2x network for drawn faces: a column of 3x3 convolutions beside a linear upsampling.

While it learns, each convolution is a wide linear block: a kernel to many channels, a 1x1 kernel
back to few, and the identity. Nothing but linear maps lies between, so each block is one small
convolution, and is computed as one in training too (Bhardwaj et al. 2022, "Collapsible linear
blocks for super-efficient super resolution", arXiv:2103.09404, section 3; Zhang, Zeng, Zhang 2021,
ECBSR, folds such branches only after training). `collapse` writes the small kernels out.

Flat colours stay flat by design: the first kernels sum to zero for each colour, so that a flat
picture of any colour gives one and the same answer; that answer is subtracted at the end.

Shape suffixes: B batch, C channels, H height, W width, O outputs, I inputs, K side of a kernel.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.upscaling.network import Upscaler

SCALE = 2
COLOURS = 3
FIRST, OTHER = 5, 3  # sides of the kernels
SLOPE = 0.1  # of the leaky rectifier; ONNX Runtime fuses it into the convolution
# Cubic convolution (Keys 1981, a = -1/2): weights of the pixels at -2 ... 2 for the left of the two
# new pixels, which lies at -1/4; those of the right one are mirrored.
BICUBIC = (-0.0234375, 0.2265625, 0.8671875, -0.0703125, 0.0)


@dataclass(frozen=True)
class CompactConfig:
    """Sizes of the network.

    Attributes:
        width: channels of every layer.
        depth: convolutions between the first and the last.
        expansion: how many times wider a block is while it learns.

    Raises:
        ValueError: a field is less than 1; the message names it.
    """

    width: int = 32
    depth: int = 6
    expansion: int = 4

    def __post_init__(self) -> None:
        """Refuse what no network can be built from."""
        for name in ("width", "depth", "expansion"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: {getattr(self, name)} is less than 1")

    @property
    def margin(self) -> int:
        """Pixels beyond a part of the input that the part's output depends on."""
        return FIRST // 2 + (self.depth + 1) * (OTHER // 2)


class LinearBlock(nn.Module):
    """A convolution that learns as squeeze(expand(x)) [+ x]."""

    def __init__(self, inputs: int, outputs: int, side: int, expansion: int) -> None:
        super().__init__()
        wide = expansion * max(inputs, outputs)
        self.expand = nn.Parameter(torch.empty(wide, inputs, side, side))
        self.squeeze = nn.Parameter(torch.empty(outputs, wide))
        nn.init.kaiming_normal_(self.expand, a=SLOPE)
        nn.init.normal_(self.squeeze, std=wide**-0.5)
        self.residual = inputs == outputs

    def kernel(self) -> Tensor:
        """The one convolution that the block is, [O, I, K, K]."""
        kernel_OIKK = torch.einsum("ow,wikl->oikl", self.squeeze, self.expand)
        if self.residual:
            middle = self.expand.shape[-1] // 2
            identity_OI = torch.eye(len(self.squeeze), device=kernel_OIKK.device)
            kernel_OIKK = kernel_OIKK + F.pad(identity_OI[..., None, None], (middle,) * 4)
        return kernel_OIKK


class LearningUpscaler(Upscaler):
    """The network as it learns."""

    scale = SCALE
    is_light = True

    bicubic: Tensor

    def __init__(self, config: CompactConfig) -> None:
        super().__init__()
        self.config = config
        self.margin = config.margin
        width, expansion = config.width, config.expansion
        phases = COLOURS * SCALE**2
        self.first = LinearBlock(COLOURS, width, FIRST, expansion)
        self.body = nn.ModuleList(
            LinearBlock(width, width, OTHER, expansion) for _ in range(config.depth)
        )
        self.last = LinearBlock(width, phases, OTHER, expansion)
        self.biases = nn.Parameter(torch.zeros(config.depth + 1, width))
        self.linear = nn.Parameter(torch.zeros(phases, COLOURS, FIRST, FIRST))
        self.register_buffer("bicubic", bicubic_kernels(), persistent=False)
        # The first answer is the bicubic one.
        nn.init.zeros_(self.last.squeeze)

    def collapse(self) -> CompactUpscaler:
        """The same function with one kernel per layer."""
        collapsed = CompactUpscaler(self.config).to(self.biases.device)
        with torch.no_grad():
            for parameter, value in zip(collapsed.parameters(), self.tensors(), strict=True):
                parameter.copy_(value)
        return collapsed.eval()

    def tensors(self) -> list[Tensor]:
        """The collapsed weights, in the order of `CompactUpscaler.parameters`."""
        kernels = [_zero_sum(self.first.kernel())]
        kernels += [block.kernel() for block in self.body]  # type: ignore[operator]
        last = self.last.kernel()
        linear = self.bicubic + _zero_sum(self.linear)
        biases = list(self.biases)
        layers = [tensor for pair in zip(kernels, biases, strict=True) for tensor in pair]
        return [*layers, last, -_answer_to_flat(kernels, biases, last), linear]

    def forward(self, rgb_BCHW: Tensor) -> Tensor:
        """Enlarge; the gradient passes through the collapsed kernels."""
        with torch.autocast(rgb_BCHW.device.type, enabled=False):
            tensors = self.tensors()
        return upscale(rgb_BCHW, tensors)


def deepened(network: LearningUpscaler, config: CompactConfig) -> LearningUpscaler:
    """A network of the same width that begins with the weights of a shallower one.

    The new layers are spread evenly and are the identity but for their rectifiers, after Net2Net
    (Chen, Goodfellow, Shlens 2016, arXiv:1511.05641), whose rectifiers may be repeated unchanged.

    Raises:
        ValueError: the sizes differ in more than the depth, or it is less.
    """
    old = network.config
    if replace(old, depth=config.depth) != config or old.depth > config.depth:
        raise ValueError(f"weights of {old} cannot begin a network of {config}")
    result = LearningUpscaler(config)
    places = [place * config.depth // old.depth for place in range(old.depth)]
    with torch.no_grad():
        for block in result.body:
            nn.init.zeros_(block.squeeze)  # type: ignore[arg-type]
        for place, block in zip(places, network.body, strict=True):
            result.body[place].load_state_dict(block.state_dict())
        result.biases[[0, *(place + 1 for place in places)]] = network.biases
        result.linear.copy_(network.linear)
    result.first.load_state_dict(network.first.state_dict())
    result.last.load_state_dict(network.last.state_dict())
    return result


def blended(initial: LearningUpscaler, final: LearningUpscaler, share: float) -> LearningUpscaler:
    """Weights on the line between those before and after a run on other pictures.

    Such a network keeps more of what it knew than it loses of what it learnt (Wortsman et al. 2022,
    "Robust fine-tuning of zero-shot models", arXiv:2109.01903, section 3).

    Args:
        initial: what the run began with.
        final: what it ended with.
        share: 0 is `initial`, 1 is `final`.

    Raises:
        ValueError: the networks' sizes differ, or the share is outside [0, 1].
    """
    if initial.config != final.config:
        raise ValueError(f"weights of {initial.config} and of {final.config} cannot be blended")
    if not 0 <= share <= 1:
        raise ValueError(f"share: {share} is outside [0, 1]")
    result = LearningUpscaler(initial.config)
    with torch.no_grad():
        for parameter, old, new in zip(
            result.parameters(), initial.parameters(), final.parameters(), strict=True
        ):
            parameter.copy_(torch.lerp(old, new, share))
    return result


class CompactUpscaler(Upscaler):
    """The network as it is served: plain convolutions."""

    scale = SCALE
    is_light = True

    def __init__(self, config: CompactConfig) -> None:
        super().__init__()
        self.config = config
        self.margin = config.margin
        width, phases = config.width, COLOURS * SCALE**2
        shapes = [
            (COLOURS, width, FIRST),
            *[(width, width, OTHER)] * config.depth,
            (width, phases, OTHER),
        ]
        self.layers = nn.ModuleList(nn.Conv2d(*shape) for shape in shapes)
        self.linear = nn.Conv2d(COLOURS, phases, FIRST, bias=False)

    def forward(self, rgb_BCHW: Tensor) -> Tensor:
        """Enlarge."""
        return upscale(rgb_BCHW, list(self.parameters()))


def upscale(rgb_BCHW: Tensor, tensors: list[Tensor]) -> Tensor:
    """Run the collapsed network.

    Args:
        rgb_BCHW: in [0, 1], with the margin.
        tensors: kernel and bias of each layer, and the kernels of the linear path.

    Returns:
        [B, 3, 2H, 2W], H and W without the margin.
    """
    first, first_bias, *layers, last, last_bias, linear = tensors
    # The linear path sees less far than the column of layers.
    crop = (len(layers) // 2 + 1) * (OTHER // 2)
    # bfloat16 has 8 bits: of pixels it would leave noise, of what the column adds it leaves enough.
    with torch.autocast(rgb_BCHW.device.type, enabled=False):
        base = F.conv2d(rgb_BCHW[..., crop:-crop, crop:-crop], linear)
        x = F.leaky_relu(F.conv2d(rgb_BCHW, first, first_bias), SLOPE)
    for kernel, bias in zip(layers[::2], layers[1::2], strict=True):
        x = F.leaky_relu(F.conv2d(x, kernel, bias), SLOPE)
    added = F.conv2d(x, last, last_bias)
    return F.pixel_shuffle(added.float() + base, SCALE)


def bicubic_kernels() -> Tensor:
    """Bicubic 2x as a convolution before a pixel shuffle, [12, 3, 5, 5]."""
    left = torch.tensor(BICUBIC)
    sides = torch.stack([left, left.flip(0)])
    phases = torch.einsum("yk,xl->yxkl", sides, sides).reshape(SCALE**2, FIRST, FIRST)
    kernels = torch.zeros(COLOURS, SCALE**2, COLOURS, FIRST, FIRST)
    for colour in range(COLOURS):
        kernels[colour, :, colour] = phases
    return kernels.reshape(COLOURS * SCALE**2, COLOURS, FIRST, FIRST)


def _zero_sum(kernel_OIKK: Tensor) -> Tensor:
    """The nearest kernel that does not answer to flat colours."""
    return kernel_OIKK - kernel_OIKK.mean(dim=(2, 3), keepdim=True)


def _answer_to_flat(kernels: list[Tensor], biases: list[Tensor], last: Tensor) -> Tensor:
    """What the column of layers gives where the picture is flat, [12]; no colour matters."""
    x = F.leaky_relu(biases[0], SLOPE)
    for kernel, bias in zip(kernels[1:], biases[1:], strict=True):
        x = F.leaky_relu(kernel.sum(dim=(2, 3)) @ x + bias, SLOPE)
    return last.sum(dim=(2, 3)) @ x
