"""ICC profiles: the colours that a picture's numbers mean, as sRGB."""

from io import BytesIO

import numpy as np
from PIL import Image, ImageCms

from services.common.pictures.headers import PictureError

# A large profile takes long to compile. Printers' profiles, the largest in use, have 0.5 to 3 MB.
MAX_PROFILE_BYTES = 4 * 2**20

_SPACES = {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK", "LAB": "Lab"}  # ICC.1:2022, 7.2.6
_INTENT = ImageCms.Intent.RELATIVE_COLORIMETRIC
_FLAGS = ImageCms.Flags.BLACKPOINTCOMPENSATION
_SAME = 1  # levels: a profile that changes no colour by more is sRGB under another name
_PROBE_STEPS = 9


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """A picture of mode L, LA, RGB, RGBA, CMYK or LAB in sRGB; grey stays grey.

    Args:
        image: as decoded.
        profile: the ICC profile that came with it; None for LAB, which needs none.

    Returns:
        `image` itself where the profile is unreadable, is for another kind of pixels or is sRGB;
        browsers do the same.

    Raises:
        PictureError: the profile is too large.
    """
    if profile and len(profile) > MAX_PROFILE_BYTES:
        raise PictureError(
            f"its colour profile has {len(profile)} bytes, over the limit of {MAX_PROFILE_BYTES}; "
            "convert it to sRGB"
        )
    mode = image.mode.removesuffix("A")
    transform = _transform(mode, profile)
    if transform is None or (mode == "RGB" and _is_identity(transform)):
        return image
    if image.mode in ("LA", "RGBA"):
        converted = _applied(image.convert(mode), transform)
        converted.putalpha(image.getchannel("A"))
        return converted
    return _applied(image, transform)


def _transform(mode: str, profile: bytes | None) -> ImageCms.ImageCmsTransform | None:
    """From the profile to sRGB; None if it is not for pixels of this mode, or broken."""
    try:
        source = (
            ImageCms.ImageCmsProfile(BytesIO(profile))
            if profile
            else ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
        )
        if source.profile.xcolor_space.strip() != _SPACES.get(mode):
            return None
        target = ImageCms.createProfile("sRGB")
        return ImageCms.buildTransform(source, target, mode, "RGB", _INTENT, _FLAGS)
    except (OSError, ImageCms.PyCMSError):
        return None


def _is_identity(transform: ImageCms.ImageCmsTransform) -> bool:
    """True if colours all over the cube stay where they are."""
    steps = np.linspace(0, 255, _PROBE_STEPS).round().astype(np.uint8)
    cube = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(1, -1, 3)
    converted = np.asarray(transform.apply(Image.fromarray(cube)))
    return bool(np.abs(converted.astype(int) - cube).max() <= _SAME)


def _applied(image: Image.Image, transform: ImageCms.ImageCmsTransform) -> Image.Image:
    """The picture in sRGB: mode L for L, whose colours are neutral, else RGB."""
    converted = transform.apply(image)
    return converted.getchannel("G") if image.mode == "L" else converted
