"""Client of the upscaler API: larger pictures. Synchronous or with asyncio.

Example:

    from animegan_client import UpscalerClient

    with UpscalerClient("127.0.0.1:50052") as client:
        client.upscale("face.png", scale=4).image.to_pil().show()
"""

from animegan_client.upscaler.async_client import AsyncUpscalerClient
from animegan_client.upscaler.client import UpscalerClient

__all__ = ["AsyncUpscalerClient", "UpscalerClient"]
