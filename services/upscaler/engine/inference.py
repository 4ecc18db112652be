"""Runs the networks: tiles of different pictures and calls go to Triton together."""

import asyncio

import numpy as np
from numpy.typing import NDArray

from services.common.rpc.errors import NotFound, Unavailable
from services.common.triton.batching import Batcher
from services.common.triton.client import Triton
from services.upscaler.metrics import UpscalerMetrics
from services.upscaler.models import INPUT, OUTPUT, Method, UpscalerModel
from services.upscaler.plan import Filter

_CANARY = np.zeros((1, 8, 8, 3), np.uint8)


class Inference:
    """The networks as functions of tiles."""

    def __init__(
        self, triton: Triton, batcher: Batcher, metrics: UpscalerMetrics, *, request_pixels: int
    ) -> None:
        """Ask Triton for at most `request_pixels` pixels (of the input) in one request.

        Args:
            triton: answers canaries, past all that waits in `batcher`.
            batcher: joins tiles.
            metrics: takes the time of each request, and counts the pixels.
            request_pixels: more are joined to no request.
        """
        self._triton = triton
        self._batcher = batcher
        self._metrics = metrics
        self._request_pixels = request_pixels

    async def run(self, model: UpscalerModel, tiles_NHWC: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Enlarge tiles of one shape: uint8 [N,h,w,3] -> uint8 [N,scale*h,scale*w,3].

        Raises:
            Unavailable: the model, or this version of it, is not there (any more).
            DeadlineExceeded, Internal: see `errors.py`.
        """
        _, height, width, _ = tiles_NHWC.shape
        max_rows = min(model.max_batch, max(1, self._request_pixels // (height * width)))
        with self._metrics.stage("infer"):
            try:
                enlarged = await self._batcher.infer(
                    model.name, model.version, {INPUT: tiles_NHWC}, OUTPUT, max_rows=max_rows
                )
            except NotFound as error:
                raise Unavailable(
                    f"the model {model.name} version {model.version} is not being served any more; "
                    "try again"
                ) from error
        self._metrics.network_pixels.labels(model=model.name).inc(enlarged.size // 3)
        return enlarged

    async def canary(self, method: Method | Filter) -> None:
        """Let every model of a method enlarge a few pixels.

        Raises:
            ServiceError: one of them does not.
        """
        models = method.models if isinstance(method, Method) else ()
        requests = (
            self._triton.infer(model.name, model.version, {INPUT: _CANARY}, OUTPUT)
            for model in models
        )
        await asyncio.gather(*requests)
