"""Client of the generation API: faces from seeds. Synchronous or with asyncio.

Example:

    from animegan_client import GeneratorClient

    with GeneratorClient("127.0.0.1:50051") as client:
        for face in client.generate(seeds=[1, 2, 3]).images:
            face.to_pil().show()
"""

from animegan_client.generator.async_client import AsyncGeneratorClient
from animegan_client.generator.client import GeneratorClient

__all__ = ["AsyncGeneratorClient", "GeneratorClient"]
