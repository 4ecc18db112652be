"""Models as the catalogue describes them, without a Triton."""

from services.upscaler.models import Method, UpscalerModel


def network(method: str, scale: int, noise: int, version: int = 1) -> UpscalerModel:
    """A model that does this."""
    return UpscalerModel(
        name=f"upscale_{method}_{scale}x" + (f"_noise{noise}" if noise >= 0 else ""),
        version=version,
        description="",
        method=method,
        scale=scale,
        noise=noise,
        margin=7,
        alignment=1,
        pools_globally=False,
        max_batch=16,
        licence="MIT",
        sha256="0" * 64,
        metrics={},
    )


def method(name: str, *abilities: tuple[int, int]) -> Method:
    """A method with models of these scales and noise levels."""
    return Method(name, [network(name, *ability) for ability in sorted(abilities)])


# As waifu2x has them: with everything; denoising in a model of its own; nothing but enlarging.
FULL = method("full", (2, -1), *((scale, noise) for scale in (1, 2) for noise in range(4)))
APART = method("apart", (2, -1), *((1, noise) for noise in range(4)))
PLAIN = method("plain", (2, -1))
# Without a model that leaves the size as it is.
LARGER = method("larger", *((2, noise) for noise in range(-1, 4)))
