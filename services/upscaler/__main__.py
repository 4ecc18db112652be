"""`python -m services.upscaler`: Settings → Triton → Pipeline → Handler → server."""

import asyncio
import ctypes
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from services.common.rpc.admission import Admission
from services.common.rpc.server import Service, run
from services.common.triton.batching import Batcher
from services.common.triton.client import Triton
from services.upscaler.engine.networks import Inference
from services.upscaler.engine.tiling import TileSettings
from services.upscaler.handler import FULL_NAME, Handler
from services.upscaler.metrics import UpscalerMetrics
from services.upscaler.models import Catalogue
from services.upscaler.pipeline import Pipeline
from services.upscaler.settings import UpscalerSettings

# Parameters of glibc's `mallopt(3)`, in bytes. Left to itself it raises the first to 32 MiB, and
# then the strips of a wide picture (24 MB) leave holes in the heaps of every thread instead of
# going back to the system. Once that is set, the second stays at 128 KiB: the memory of each
# picture of 256x256 pixels would go back, and come anew page by page, in 3 ms of system time.
_M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD = -3, -1
_MALLOC = {_M_MMAP_THRESHOLD: 2**20, _M_TRIM_THRESHOLD: 2**24}


@asynccontextmanager
async def connected(
    settings: UpscalerSettings, metrics: UpscalerMetrics, images: Admission
) -> AsyncIterator[Service]:
    """What the service consists of."""
    # Of the event loop, for all of `asyncio.to_thread`: reading, resampling, encoding.
    threads = ThreadPoolExecutor(settings.encode_threads, thread_name_prefix="image")
    asyncio.get_running_loop().set_default_executor(threads)
    async with Triton(*settings.triton_urls) as triton:
        catalogue = Catalogue(triton, settings.default_method)
        pipeline = Pipeline(
            catalogue,
            _inference(settings, triton, metrics),
            Admission(
                settings.max_pixels_in_flight,
                retry_after_s=settings.retry_after_s,
                metrics=metrics,
                unit="pixels",
                gauge=metrics.pixels_in_flight,
                reserved=settings.pixels_for_unary_calls,
            ),
            metrics,
            TileSettings(side=settings.tile_side),
            max_collected_pixels=settings.max_collected_pixels,
        )
        handler = Handler(
            pipeline,
            catalogue,
            images,
            Admission(
                settings.max_upload_bytes_in_flight,
                retry_after_s=settings.retry_after_s,
                metrics=metrics,
                unit="bytes of files",
                gauge=metrics.upload_bytes,
                work=False,
            ),
            settings.limits,
            stream_window=settings.stream_window,
        )
        yield Service(FULL_NAME, handler.add_to, pipeline.canary)


def _inference(settings: UpscalerSettings, triton: Triton, metrics: UpscalerMetrics) -> Inference:
    batcher = Batcher(
        triton, max_rows=settings.request_pixels, concurrency=settings.triton_requests
    )
    return Inference(triton, batcher, metrics, request_pixels=settings.request_pixels)


def main() -> None:
    """Serve until a signal comes."""
    if mallopt := getattr(ctypes.CDLL(None), "mallopt", None):  # other C libraries have none
        for parameter, value in _MALLOC.items():
            mallopt(parameter, value)
    run("upscaler", UpscalerSettings, UpscalerMetrics, connected)


if __name__ == "__main__":
    main()
