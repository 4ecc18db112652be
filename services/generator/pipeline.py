"""From seeds to encoded pictures: latents → infer → encode, in sub-batches.

All sub-batches of what is asked for at once are in the making at once. A stream asks for one after
the other: see `handler.py`.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from services.common.pictures.encoding import Encoder
from services.common.triton.batching import Batcher
from services.common.triton.client import Triton
from services.common.triton.traffic import Route
from services.generator.latents import latents, noise
from services.generator.metrics import GeneratorMetrics
from services.generator.models import Catalogue, GeneratorModel
from services.generator.types import Batch, Order, Picture, check_against, split

_OUTPUT = "image"
_CANARY = Order(model="", seeds=(0,))


class Pipeline:
    """Makes what an Order asks for."""

    def __init__(
        self,
        triton: Triton,
        batcher: Batcher,
        catalogue: Catalogue,
        encoder: Encoder,
        metrics: GeneratorMetrics,
        *,
        sub_batch: int,
    ) -> None:
        """Connect the stages.

        Args:
            triton: draws the canary, past all that waits in `batcher`.
            batcher: runs the models.
            catalogue: knows the models.
            encoder: encodes their pictures.
            metrics: takes the time of each stage and counts the images.
            sub_batch: images that are made together; at most what `batcher` takes.
        """
        self._triton = triton
        self._batcher = batcher
        self._catalogue = catalogue
        self._encoder = encoder
        self._metrics = metrics
        self._sub_batch = sub_batch

    async def generate(self, order: Order) -> Batch:
        """Make all pictures of `order`.

        All are made by one version of the model, but while another is on trial: then each seed is
        made by the version that it falls to.

        Raises:
            InvalidField: the model does not support what the order asks for.
            NotFound, Unavailable, DeadlineExceeded, Internal: see `errors.py`.
        """
        return await self._catalogue.run(order.model, partial(self._generate, order))

    async def canary(self) -> None:
        """Look for models and make one picture with the default model, to see that all works."""
        await self._catalogue.refresh()
        await self._catalogue.run(_CANARY.model, self._draw_canary)

    async def _generate(self, order: Order, route: Route[GeneratorModel]) -> Batch:
        check_against(order, route.stable)
        parts = [
            (sub_batch, model)
            for model, part in _by_version(order, route)
            for sub_batch in split(part, self._sub_batch)
        ]
        if len(parts) == 1:
            pictures = await self._make(*parts[0])
        else:
            of_seed = {picture.seed: picture for picture in await self._make_all(parts)}
            pictures = [of_seed[seed] for seed in order.seeds]
        self._metrics.images.labels(model=route.stable.name).inc(len(pictures))
        return Batch(route.stable, order.encoding.format, pictures)

    async def _make_all(self, parts: Iterable[tuple[Order, GeneratorModel]]) -> Sequence[Picture]:
        tasks = [asyncio.create_task(self._make(*part)) for part in parts]
        try:
            return [picture for pictures in await asyncio.gather(*tasks) for picture in pictures]
        finally:
            for task in tasks:
                task.cancel()  # what is left when one has failed

    async def _make(self, order: Order, model: GeneratorModel) -> Sequence[Picture]:
        with self._metrics.version(model.name, model.version):
            images_NHWC = await self._infer(order, model)
        with self._metrics.stage("encode"):
            files = await self._encoder.encode(images_NHWC, order.encoding)
        return [
            Picture(seed, model.version, file)
            for seed, file in zip(order.seeds, files, strict=True)
        ]

    async def _infer(self, order: Order, model: GeneratorModel) -> NDArray[np.uint8]:
        with self._metrics.stage("latents"):
            inputs = _inputs(order, model)
        with self._metrics.stage("infer"):
            return await self._batcher.infer(model.name, model.version, inputs, _OUTPUT)

    async def _draw_canary(self, route: Route[GeneratorModel]) -> None:
        model = route.stable
        await self._triton.infer(model.name, model.version, _inputs(_CANARY, model), _OUTPUT)


def _by_version(
    order: Order, route: Route[GeneratorModel]
) -> Sequence[tuple[GeneratorModel, Order]]:
    """What each version has to make."""
    if route.candidate is None:
        return [(route.stable, order)]
    seeds: dict[int, list[int]] = {}
    for seed in order.seeds:
        seeds.setdefault(route.of(seed).version, []).append(seed)
    return [
        (model, replace(order, seeds=seeds[model.version]))
        for model in (route.stable, route.candidate)
        if model.version in seeds
    ]


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
