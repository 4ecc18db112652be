"""`python -m services.similarity`: Settings → Tritons → Pipeline → Handler → server."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack

import structlog
import uvloop

from services.common.pictures.encoding import Encoder
from services.common.rpc import logs
from services.common.rpc.admission import Admission
from services.common.rpc.metrics import process_registry
from services.common.rpc.server import serve
from services.common.triton.client import Triton
from services.similarity.catalogue import Catalogue
from services.similarity.handler import FULL_NAME, Handler
from services.similarity.metrics import IndexCollector, SimilarityMetrics
from services.similarity.pipeline import Pipeline
from services.similarity.request import Limits
from services.similarity.scatter import Scatter
from services.similarity.settings import SimilaritySettings


async def run(settings: SimilaritySettings) -> None:
    """Serve until a signal comes."""
    metrics = SimilarityMetrics(process_registry())
    queries = Admission(
        settings.max_images_in_flight,
        retry_after_s=settings.retry_after_s,
        metrics=metrics,
        reserved=settings.images_for_unary_calls,
    )
    pictures = Admission(
        settings.max_picture_bytes_in_flight,
        retry_after_s=settings.retry_after_s,
        metrics=metrics,
        unit="bytes of pictures",
        gauge=metrics.picture_bytes,
    )
    encoder = Encoder(settings.encode_threads)
    # Of the event loop, for all of `asyncio.to_thread`: decoding, and drawing explanations.
    threads = ThreadPoolExecutor(settings.decode_threads, thread_name_prefix="decode")
    asyncio.get_running_loop().set_default_executor(threads)
    async with AsyncExitStack() as connections:
        tritons = {
            url: await connections.enter_async_context(Triton(url)) for url in settings.triton_urls
        }
        catalogue = Catalogue(tritons, settings.default_index)
        metrics.registry.register(IndexCollector(catalogue.known))
        pipeline = Pipeline(
            catalogue,
            Scatter(catalogue.tritons),
            encoder,
            metrics,
        )
        limits = Limits(max_k=settings.max_k, max_pixels=settings.max_pixels)
        handler = Handler(
            pipeline, catalogue, queries, pictures, limits, stream_window=settings.stream_window
        )
        await serve(
            settings,
            service_name=FULL_NAME,
            add_service=handler.add_to,
            probe=pipeline.canary,
            metrics=metrics,
        )
    encoder.close()


def main() -> None:
    """Read the settings, show them, serve."""
    settings = SimilaritySettings.from_command_line("python -m services.similarity")
    logs.configure("similarity", settings.log_level, secret=settings.auth_token)
    structlog.get_logger().info("settings", **settings.model_dump(mode="json"))
    uvloop.run(run(settings))


if __name__ == "__main__":
    main()
