"""`python -m services.generator`: Settings → Triton → Pipeline → Handler → server."""

import structlog
import uvloop

from services.common.pictures.encoding import Encoder
from services.common.rpc import logs
from services.common.rpc.admission import Admission
from services.common.rpc.metrics import process_registry
from services.common.rpc.server import serve
from services.common.triton.batching import Batcher
from services.common.triton.client import Triton
from services.generator.handler import FULL_NAME, Handler
from services.generator.metrics import GeneratorMetrics
from services.generator.models import Catalogue
from services.generator.pipeline import Pipeline
from services.generator.settings import GeneratorSettings


async def run(settings: GeneratorSettings) -> None:
    """Serve until a signal comes."""
    metrics = GeneratorMetrics(process_registry())
    admission = Admission(
        settings.max_images_in_flight,
        retry_after_s=settings.retry_after_s,
        metrics=metrics,
        reserved=settings.images_for_unary_calls,
    )
    encoder = Encoder(settings.encode_threads)
    async with Triton(*settings.triton_urls) as triton:
        catalogue = Catalogue(triton, settings.default_model)
        batcher = Batcher(triton, max_rows=settings.sub_batch, concurrency=settings.triton_requests)
        pipeline = Pipeline(
            triton, batcher, catalogue, encoder, metrics, sub_batch=settings.sub_batch
        )
        handler = Handler(
            pipeline,
            catalogue,
            admission,
            max_images=settings.max_images,
            sub_batch=settings.sub_batch,
            stream_window=settings.stream_window,
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
    settings = GeneratorSettings.from_command_line("python -m services.generator")
    logs.configure("generator", settings.log_level, secret=settings.auth_token)
    structlog.get_logger().info("settings", **settings.model_dump(mode="json"))
    uvloop.run(run(settings))


if __name__ == "__main__":
    main()
