"""Client of the similarity API: is a picture new? Synchronous or with asyncio.

Example:

    from animegan_client import SimilarityClient

    with SimilarityClient("127.0.0.1:50053") as client:
        result = client.search("face.png")
        print(result.matches[0].ssim, result.verdict)
"""

from animegan_client.similarity.async_client import AsyncSimilarityClient
from animegan_client.similarity.client import SimilarityClient

__all__ = ["AsyncSimilarityClient", "SimilarityClient"]
