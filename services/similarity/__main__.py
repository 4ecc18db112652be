"""`python -m services.similarity`: Settings → Tritons → Pipeline → Handler → server."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, closing

from services.common.pictures.encoding import Encoder
from services.common.rpc.admission import Admission
from services.common.rpc.server import Service, run
from services.common.triton.client import Triton
from services.similarity.handler import FULL_NAME, Handler
from services.similarity.indexes import Catalogue
from services.similarity.metrics import IndexCollector, SimilarityMetrics
from services.similarity.pipeline import Pipeline
from services.similarity.scatter import Scatter
from services.similarity.settings import SimilaritySettings
from services.similarity.types import Limits


@asynccontextmanager
async def connected(
    settings: SimilaritySettings, metrics: SimilarityMetrics, queries: Admission
) -> AsyncIterator[Service]:
    """What the service consists of."""
    pictures = Admission(
        settings.max_picture_bytes_in_flight,
        retry_after_s=settings.retry_after_s,
        metrics=metrics,
        unit="bytes of pictures",
        gauge=metrics.picture_bytes,
    )
    # Of the event loop, for all of `asyncio.to_thread`: decoding, and drawing explanations.
    threads = ThreadPoolExecutor(settings.decode_threads, thread_name_prefix="decode")
    asyncio.get_running_loop().set_default_executor(threads)
    async with AsyncExitStack() as connections:
        encoder = connections.enter_context(closing(Encoder(settings.encode_threads)))
        tritons = {
            url: await connections.enter_async_context(Triton(url)) for url in settings.triton_urls
        }
        catalogue = Catalogue(tritons, settings.default_index)
        metrics.registry.register(IndexCollector(catalogue.known))
        pipeline = Pipeline(catalogue, Scatter(catalogue.tritons), encoder, metrics)
        limits = Limits(max_k=settings.max_k, max_pixels=settings.max_pixels)
        handler = Handler(
            pipeline, catalogue, queries, pictures, limits, stream_window=settings.stream_window
        )
        yield Service(FULL_NAME, handler.add_to, pipeline.canary)


def main() -> None:
    """Serve until a signal comes."""
    run("similarity", SimilaritySettings, SimilarityMetrics, connected)


if __name__ == "__main__":
    main()
