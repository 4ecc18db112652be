"""The shape of a DCGAN: everything that decides which tensors a checkpoint holds."""

from __future__ import annotations

from dataclasses import dataclass

# Strides of the generator's transposed convolutions: from the dense layer's side, times eight.
STRIDES = (1, 2, 2, 2)


@dataclass(frozen=True)
class DcganConfig:
    """Sizes and parts of the generator and the discriminator.

    Attributes:
        resolution: side of the square image in pixels; the dense layer's side is an eighth of it.
        image_channels: 3 for RGB, 1 for grey.
        z_dim: dimensions of the latent z.
        generator_widths: feature maps after the dense layer and after each transposed convolution
            but the last.
        generator_kernel: side of the kernels of stride 2; those of stride 1 have 3 instead of 4.
        generator_norm: "batch" normalises every hidden layer of the generator, "none" none.
        discriminator_widths: feature maps after each convolution of stride 2.
        discriminator_kernel: side of its kernels.
        discriminator_norm: "batch", "spectral" (Miyato et al. 2018) or "none".
        dropout: share of the discriminator's features that training sets to zero.
        minibatch_deviation: tell the discriminator how much the images of a batch differ.
        init: "glorot" (uniform), or "normal" with deviation 0.02 (Radford et al., section 4).

    Raises:
        ValueError: a field is out of range; the message names it.
    """

    resolution: int = 64
    image_channels: int = 3
    z_dim: int = 64
    generator_widths: tuple[int, ...] = (128, 128, 64, 32)
    generator_kernel: int = 4
    generator_norm: str = "batch"
    discriminator_widths: tuple[int, ...] = (32, 64, 128)
    discriminator_kernel: int = 4
    discriminator_norm: str = "none"
    dropout: float = 0.0
    minibatch_deviation: bool = False
    init: str = "normal"

    def __post_init__(self) -> None:
        """Refuse what no network can be built from; JSON's lists become tuples."""
        for name in ("generator_widths", "discriminator_widths"):
            widths = tuple(getattr(self, name))
            object.__setattr__(self, name, widths)
            if not widths or min(widths) < 1:
                raise ValueError(f"{name}: {widths} must be numbers of feature maps")
        if len(self.generator_widths) != len(STRIDES):
            raise ValueError(f"generator_widths: {self.generator_widths} must be {len(STRIDES)}")
        if self.resolution < 8 or self.resolution % 2 ** len(self.discriminator_widths):
            raise ValueError(
                f"resolution: {self.resolution} cannot be halved "
                f"{len(self.discriminator_widths)} times, once for each of discriminator_widths"
            )
        if self.resolution % 8:
            raise ValueError(f"resolution: {self.resolution} is not a multiple of 8")
        if self.image_channels not in (1, 3):
            raise ValueError(
                f"image_channels: {self.image_channels} is neither 1 (grey) nor 3 (RGB)"
            )
        if self.z_dim < 1:
            raise ValueError(f"z_dim: {self.z_dim} is less than 1")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout: {self.dropout} is outside [0, 1)")
        for name, choices in (
            ("generator_kernel", (4, 5)),
            ("discriminator_kernel", (4, 5)),
            ("generator_norm", ("batch", "none")),
            ("discriminator_norm", ("batch", "spectral", "none")),
            ("init", ("glorot", "normal")),
        ):
            if getattr(self, name) not in choices:
                raise ValueError(f"{name}: {getattr(self, name)!r} is none of {choices}")

    @property
    def dense_side(self) -> int:
        """Side of the dense layer's feature maps: 8 for 64 px."""
        return self.resolution // 8

    @property
    def noise_size(self) -> int:
        """A DCGAN draws from z alone."""
        return 0
