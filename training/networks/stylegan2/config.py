"""The shape of a StyleGAN2: everything that decides which tensors a checkpoint holds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class NetworkConfig:
    """Sizes of the generator and the discriminator.

    Attributes:
        resolution: side of the square image in pixels; a power of two of at least 8.
        image_channels: 3 for RGB, 1 for grey.
        z_dim: dimensions of the input latent z.
        w_dim: dimensions of the intermediate latent w.
        mapping_layers: dense layers from z to w.
        channel_base: feature maps at resolution r are `channel_base / r` ...
        channel_max: ... but never more than this ...
        channel_min: ... nor less than this.
        from_rgb_kernel: side of the discriminator's first convolution, 1 or 3; 3 sees every edge of
            the picture, 1 only those inside the 2x2 pixels that it folds.
        resampling: "learnt" doubles and halves the resolution by 4x4 kernels, as weights have that
            are older than the choice; "smooth" by 3x3 kernels that a box of 2x2 pixels widens.

    Raises:
        ValueError: a field is out of range; the message names it.
    """

    resolution: int = 64
    image_channels: int = 3
    z_dim: int = 128
    w_dim: int = 128
    mapping_layers: int = 4
    channel_base: int = 1024
    channel_max: int = 128
    channel_min: int = 4
    from_rgb_kernel: int = 1
    resampling: str = "learnt"

    def __post_init__(self) -> None:
        """Refuse sizes that no network can be built from."""
        if self.resolution < 8 or self.resolution & (self.resolution - 1):
            raise ValueError(f"resolution: {self.resolution} is not a power of two of at least 8")
        if self.image_channels not in (1, 3):
            raise ValueError(
                f"image_channels: {self.image_channels} is neither 1 (grey) nor 3 (RGB)"
            )
        for name in ("z_dim", "w_dim", "mapping_layers", "channel_base", "channel_min"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: {getattr(self, name)} is less than 1")
        if self.from_rgb_kernel not in (1, 3):
            raise ValueError(f"from_rgb_kernel: {self.from_rgb_kernel} is neither 1 nor 3")
        if self.resampling not in ("learnt", "smooth"):
            raise ValueError(f"resampling: {self.resampling!r} is neither 'learnt' nor 'smooth'")
        if self.channel_max < self.channel_min:
            raise ValueError(f"channel_max: {self.channel_max} is less than channel_min")

    def channels(self, resolution: int) -> int:
        """Feature maps at one resolution."""
        return max(self.channel_min, min(self.channel_max, self.channel_base // resolution))

    @property
    def smooth(self) -> bool:
        """Whether kernels that change the resolution are smooth."""
        return self.resampling == "smooth"

    @property
    def resolutions(self) -> list[int]:
        """Resolutions of the synthesis blocks, coarse to fine: 4, 8, ..., resolution."""
        return [2**power for power in range(2, self.resolution.bit_length())]

    @property
    def num_layers(self) -> int:
        """Styles that the synthesis network takes (L in the tensor contracts)."""
        return 2 * len(self.resolutions)

    @property
    def noise_sizes(self) -> list[int]:
        """Side of each layer's noise map, coarse to fine: one layer at 4 px, two at each other."""
        return [4, *(side for side in self.resolutions[1:] for _ in range(2))]

    @property
    def noise_size(self) -> int:
        """Length of the flat noise vector: all maps, row-major, coarse to fine."""
        return sum(side * side for side in self.noise_sizes)
