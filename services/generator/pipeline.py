"""From seeds to encoded pictures: latents → infer → encode, in sub-batches.

The sub-batches of a unary call are all in the making at once; a stream keeps a small window of them
ahead of its reader.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from services.common.batching import Batcher
from services.common.images import Encoder, Format
from services.common.metrics import Metrics
from services.common.triton_client import Triton
from services.generator.latents import latents, noise
from services.generator.models import Catalogue, GeneratorModel
from services.generator.order import Order, check_against

_OUTPUT = "image"
_CANARY = Order(model="", seeds=(0,))


@dataclass(frozen=True)
class Batch:
    """Encoded pictures and the model that made them."""

    model: GeneratorModel
    seeds: Sequence[int]
    format: Format
    pictures: Sequence[bytes]


class Pipeline:
    """Makes what an Order asks for."""

    def __init__(
        self,
        triton: Triton,
        batcher: Batcher,
        catalogue: Catalogue,
        encoder: Encoder,
        metrics: Metrics,
        *,
        sub_batch: int,
        stream_window: int,
    ) -> None:
        """Connect the stages.

        Args:
            triton: draws the canary, past all that waits in `batcher`.
            batcher: runs the models.
            catalogue: knows the models.
            encoder: encodes their pictures.
            metrics: takes the time of each stage and counts the images.
            sub_batch: images that are made together; at most what `batcher` takes.
            stream_window: sub-batches of a stream that are in the making at a time.
        """
        self._triton = triton
        self._batcher = batcher
        self._catalogue = catalogue
        self._encoder = encoder
        self._metrics = metrics
        self._sub_batch = sub_batch
        self._stream_window = stream_window

    async def generate(self, order: Order) -> Batch:
        """Make all pictures of `order`, by one version of the model.

        Raises:
            InvalidField: the model does not support what the order asks for.
            NotFound, Unavailable, DeadlineExceeded, Internal: see `errors.py`.
        """
        return await self._catalogue.run(order.model, partial(self._generate, order))

    async def stream(self, order: Order) -> AsyncGenerator[Batch]:
        """Make the pictures of `order` in its order, a sub-batch at a time.

        Work on the next sub-batches goes on while the caller deals with one, but never more than
        `stream_window` of them; it ends with the iterator.

        Raises:
            As `generate`.
        """
        window: deque[asyncio.Task[Batch]] = deque()
        try:
            for part in self._split(order):
                window.append(asyncio.create_task(self.generate(part)))
                if len(window) == self._stream_window:
                    yield await window.popleft()
            while window:
                yield await window.popleft()
        finally:
            for task in window:
                task.cancel()
            await asyncio.gather(*window, return_exceptions=True)

    async def canary(self) -> None:
        """Look for models and make one picture with the default model, to see that all works."""
        await self._catalogue.refresh()
        await self._catalogue.run(_CANARY.model, self._draw_canary)

    def images_at_once(self, order: Order) -> int:
        """The most images of a stream of `order` that are in the making at a time."""
        return min(len(order.seeds), self._sub_batch * self._stream_window)

    def _split(self, order: Order) -> Iterator[Order]:
        for start in range(0, len(order.seeds), self._sub_batch):
            yield replace(order, seeds=order.seeds[start : start + self._sub_batch])

    async def _generate(self, order: Order, model: GeneratorModel) -> Batch:
        check_against(order, model)
        if len(order.seeds) <= self._sub_batch:
            pictures = await self._make(order, model)
        else:
            pictures = await self._make_all(self._split(order), model)
        self._metrics.images.labels(model=model.name).inc(len(pictures))
        return Batch(model, order.seeds, order.encoding.format, pictures)

    async def _make_all(self, parts: Iterator[Order], model: GeneratorModel) -> Sequence[bytes]:
        tasks = [asyncio.create_task(self._make(part, model)) for part in parts]
        try:
            return [picture for pictures in await asyncio.gather(*tasks) for picture in pictures]
        finally:
            for task in tasks:
                task.cancel()  # what is left when one has failed

    async def _make(self, order: Order, model: GeneratorModel) -> Sequence[bytes]:
        images_NHWC = await self._infer(order, model)
        with self._metrics.stage("encode"):
            return await self._encoder.encode(images_NHWC, order.encoding)

    async def _infer(self, order: Order, model: GeneratorModel) -> NDArray[np.uint8]:
        with self._metrics.stage("latents"):
            inputs = _inputs(order, model)
        with self._metrics.stage("infer"):
            return await self._batcher.infer(model.name, model.version, inputs, _OUTPUT)

    async def _draw_canary(self, model: GeneratorModel) -> None:
        await self._triton.infer(model.name, model.version, _inputs(_CANARY, model), _OUTPUT)


def _inputs(order: Order, model: GeneratorModel) -> dict[str, NDArray[np.float32]]:
    """The tensors that `model` takes, N rows each."""
    inputs = {"z": latents(order.seeds, model.z_dim)}
    if model.supports_truncation:
        chosen = order.truncation
        truncation = model.default_truncation if chosen is None else chosen
        inputs["truncation"] = np.full((len(order.seeds), 1), truncation, np.float32)
    if model.noise_size:
        inputs["noise"] = noise(order.seeds, model.noise_size, order.noise_mode)
    return inputs
