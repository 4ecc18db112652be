"""From a picture to its nearest images: decode → search → images → encode.

The queries of a stream are worked on a few at a time, in order; Triton joins them into one pass.
"""

import asyncio
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from typing import ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray

from animegan_search.ssim.verdict import FALSE_ALARM_RATE, TooFewHeldoutError, Verdict
from services.common.pictures.encoding import PNG, Encoder, Encoding
from services.common.pictures.headers import PictureError, PictureFile
from services.common.rpc.errors import InvalidField, NotFound, forget_frames
from services.similarity.contract import Copies
from services.similarity.indexes import Catalogue, Index
from services.similarity.metrics import SimilarityMetrics
from services.similarity.pictures import Prepared, explain, prepare, thumbnails
from services.similarity.scatter import Gathered, Scatter
from services.similarity.types import (
    Encoded,
    ExplainOrder,
    ExplainResult,
    Failure,
    ImageOrder,
    Match,
    SearchOrder,
    SearchResult,
)

P = ParamSpec("P")
T = TypeVar("T")


class Pipeline:
    """Answers what orders ask."""

    def __init__(
        self,
        catalogue: Catalogue,
        scatter: Scatter,
        encoder: Encoder,
        metrics: SimilarityMetrics,
    ) -> None:
        """Connect the stages.

        Args:
            catalogue: knows the indexes.
            scatter: searches them.
            encoder: encodes pictures.
            metrics: takes the time of each stage, and how near pictures come.
        """
        self._catalogue = catalogue
        self._scatter = scatter
        self._encoder = encoder
        self._metrics = metrics

    async def search(self, order: SearchOrder) -> SearchResult:
        """Find the images that are nearest to a picture.

        Raises:
            InvalidField: the picture is broken, or the index cannot do what the order asks.
            NotFound, Unavailable, DeadlineExceeded, Internal: see `errors.py`.
        """
        return await self._catalogue.run(order.index, partial(self._search, order))

    async def answer(self, item: SearchOrder | Failure) -> SearchResult | Failure:
        """`search` for a query of a stream; a Failure tells what concerns this query alone.

        Raises:
            Unavailable, DeadlineExceeded, Internal: see `errors.py`.
        """
        if isinstance(item, Failure):
            return item
        with item.room or nullcontext():
            try:
                return await self.search(item)
            except (InvalidField, NotFound) as error:
                forget_frames(error)
                return Failure(error)

    async def explain(self, order: ExplainOrder) -> ExplainResult:
        """Compare a pair.

        Raises:
            InvalidField: a picture is broken, or the index has another definition.
            NotFound: no such index, or no such image in it.
            Unavailable, DeadlineExceeded, Internal: see `errors.py`.
        """
        return await self._catalogue.run(order.index, partial(self._explain, order))

    async def image(self, order: ImageOrder) -> tuple[Index, Encoded]:
        """One image of an index.

        Raises:
            NotFound: no such index, or no such image in it.
            Unavailable, DeadlineExceeded, Internal: see `errors.py`.
        """
        return await self._catalogue.run(order.index, partial(self._image, order))

    async def canary(self) -> None:
        """Look for indexes, and let a Triton for each shard answer a small question."""
        await self._catalogue.check_every_shard()

    async def _search(self, order: SearchOrder, index: Index) -> SearchResult:
        await self._check_definition(order.definition, index, "query.definition")
        prepared = await self._prepare(order.picture, index, "query.image")
        with self._metrics.stage("search"):
            gathered = await self._scatter.search(
                index, prepared.pixels, order.k, all_scores=order.include_scores
            )
        verdict = _verdict(order, index, gathered)
        copies = await self._copies(order, index, prepared) if order.find_copies else None
        matches = await self._matches(order, index, gathered)
        self._metrics.images.labels(model=index.name).inc()
        if matches:
            self._metrics.observe_best(order.model, index.name, matches[0].ssim)
        found = gathered.found
        return SearchResult(
            index=index,
            picture=replace(order.picture, data=b""),  # while the answer waits it is not needed
            prepared=prepared,
            matches=matches,
            count=found.count,
            mean=found.mean,
            histogram=found.histogram,
            verdict=verdict,
            score_ids=gathered.score_ids,
            scores=found.scores,
            copies=copies,
        )

    async def _copies(self, order: SearchOrder, index: Index, prepared: Prepared) -> Copies:
        """What the copy detector says.

        Raises:
            InvalidField: it cannot say anything about this index.
        """
        rate = order.false_alarm_rate
        if rate is None:
            # Embeddings are calibrated with the same held-out images as their index.
            rate = index.calibration.default_rate if index.calibration else FALSE_ALARM_RATE
        with self._metrics.stage("copies"):
            try:
                return await self._scatter.copies(index, prepared.pixels, order.k, rate)
            except NotFound as error:
                raise InvalidField(
                    "query.find_copies",
                    f"the images of the index {index.name} are not embedded for the copy "
                    "detector: `anime-gan copies index` does that; or leave it out",
                ) from error

    async def _matches(
        self, order: SearchOrder, index: Index, gathered: Gathered
    ) -> Sequence[Match]:
        ids, scores = gathered.found.rows, gathered.found.ssim.tolist()
        pictures: Sequence[Encoded | None] = [None] * len(ids)
        if order.thumbnails:
            with self._metrics.stage("images"):
                images = await self._scatter.images(index, ids)
            images = await asyncio.to_thread(thumbnails, images)
            pictures = await self._encode(images, order.thumbnails)
        return [Match(*match) for match in zip(ids.tolist(), scores, pictures, strict=True)]

    async def _explain(self, order: ExplainOrder, index: Index) -> ExplainResult:
        await self._check_definition(order.definition, index, "definition")
        pictures = [order.picture]
        prepared = [await self._prepare(order.picture, index, "image")]
        if isinstance(order.other, PictureFile):
            pictures.append(order.other)
            prepared.append(await self._prepare(order.other, index, "other_image"))
            other = prepared[1].pixels
        else:
            other = (await self._scatter.images(index, np.array([order.other], np.int64)))[0]
        query = prepared[0].pixels
        with self._metrics.stage("explain"):
            explanation = await asyncio.to_thread(explain, query, other, index.definition)
        query_png, reference_png = await self._encode(np.stack([query, other]), PNG)
        (heatmap_png,) = await self._encode(explanation.heatmap[np.newaxis], PNG)
        return ExplainResult(
            index, pictures, prepared, explanation, heatmap_png, query_png, reference_png
        )

    async def _image(self, order: ImageOrder, index: Index) -> tuple[Index, Encoded]:
        images = await self._scatter.images(index, np.array([order.id], np.int64))
        (encoded,) = await self._encode(images, order.encoding)
        return index, encoded

    async def _prepare(self, picture: PictureFile, index: Index, field: str) -> Prepared:
        with self._metrics.stage("decode"):
            try:
                return await asyncio.to_thread(prepare, picture, index.shape)
            except PictureError as error:
                raise InvalidField(f"{field}.data", str(error)) from error

    async def _encode(
        self, images_NHWC: NDArray[np.uint8], encoding: Encoding
    ) -> Sequence[Encoded]:
        with self._metrics.stage("encode"):
            files = await self._encoder.encode(images_NHWC, encoding)
        _, height, width, channels = images_NHWC.shape
        return [Encoded(encoding.format, height, width, channels, file) for file in files]

    async def _check_definition(self, wanted: str, index: Index, field: str) -> None:
        """Check that the index has the definition that the caller relies on.

        Raises:
            InvalidField: it has another one; names those that have it.
        """
        if wanted in ("", index.definition):
            return
        having = [other.name for other in await self._catalogue.all() if other.definition == wanted]
        raise InvalidField(
            field,
            f"the index {index.name} has the definition {index.definition}; "
            f"{wanted!r} is that of: {', '.join(having) or 'no index'}",
        )


def _verdict(order: SearchOrder, index: Index, gathered: Gathered) -> Verdict | None:
    """What the best score means; None without a calibration, or without an image.

    Raises:
        InvalidField: the calibration cannot carry the false-alarm rate that was asked for.
    """
    if index.calibration is None or not len(gathered.found.ssim):
        return None
    try:
        return index.calibration.judge(float(gathered.found.ssim[0]), order.false_alarm_rate)
    except TooFewHeldoutError as error:
        raise InvalidField("query.false_alarm_rate", str(error)) from error
