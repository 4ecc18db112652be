"""`python -m services.generator`: Settings → Triton → Pipeline → Handler → server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing

from services.common.pictures.encoding import Encoder
from services.common.rpc.admission import Admission
from services.common.rpc.server import Service, run
from services.common.triton.batching import Batcher
from services.common.triton.client import Triton
from services.generator.handler import FULL_NAME, Handler
from services.generator.metrics import GeneratorMetrics
from services.generator.models import Catalogue
from services.generator.pipeline import Pipeline
from services.generator.settings import GeneratorSettings


@asynccontextmanager
async def connected(
    settings: GeneratorSettings, metrics: GeneratorMetrics, images: Admission
) -> AsyncIterator[Service]:
    """What the service consists of."""
    with closing(Encoder(settings.encode_threads)) as encoder:
        async with Triton(*settings.triton_urls) as triton:
            catalogue = Catalogue(triton, settings.default_model)
            batcher = Batcher(
                triton, max_rows=settings.sub_batch, concurrency=settings.triton_requests
            )
            pipeline = Pipeline(
                triton, batcher, catalogue, encoder, metrics, sub_batch=settings.sub_batch
            )
            handler = Handler(
                pipeline,
                catalogue,
                images,
                max_images=settings.max_images,
                sub_batch=settings.sub_batch,
                stream_window=settings.stream_window,
            )
            yield Service(FULL_NAME, handler.add_to, pipeline.canary)


def main() -> None:
    """Serve until a signal comes."""
    run("generator", GeneratorSettings, GeneratorMetrics, connected)


if __name__ == "__main__":
    main()
