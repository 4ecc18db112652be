"""Turns results into messages."""

from collections.abc import Mapping

import numpy as np
from animegan.image.v1 import image_pb2
from animegan.similarity.v1 import similarity_pb2 as pb
from numpy.typing import NDArray

from animegan_search.ssim.engine import HISTOGRAM_BINS, HISTOGRAM_RANGE
from animegan_search.ssim.verdict import Calibration
from services.common.pictures.headers import PictureFile, Step
from services.common.rpc.messages import FORMATS, failure_fields
from services.similarity.contract import Copies
from services.similarity.indexes import Index
from services.similarity.pictures import Prepared
from services.similarity.types import Encoded, ExplainResult, Failure, Match, SearchResult

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)

_STEPS: Mapping[Step, pb.PreparationStep.ValueType] = {
    Step.FIRST_FRAME: pb.PREPARATION_STEP_FIRST_FRAME,
    Step.ORIENTED: pb.PREPARATION_STEP_ORIENTED,
    Step.FLATTENED: pb.PREPARATION_STEP_FLATTENED,
    Step.CONVERTED: pb.PREPARATION_STEP_CONVERTED,
    Step.CROPPED: pb.PREPARATION_STEP_CROPPED,
    Step.RESIZED: pb.PREPARATION_STEP_RESIZED,
}


def search_result(result: SearchResult) -> pb.SearchResult:
    """The answer to a query."""
    message = pb.SearchResult(
        index=result.index.name,
        index_digest=result.index.digest,
        definition=result.index.definition,
        preparation=_preparation(result.picture, result.prepared),
        matches=[_match(match) for match in result.matches],
        count=result.count,
        mean=result.mean,
        histogram=result.histogram.tolist(),
    )
    # A million of both take 47 ms by their buffers. As lists they take 100, as arrays 203.
    message.score_ids.extend(result.score_ids.data)
    message.scores.extend(result.scores.data)
    if result.count:
        message.quantiles.extend(
            pb.Quantile(share=share, ssim=quantile(result.histogram, share)) for share in QUANTILES
        )
    if result.verdict:
        message.verdict.CopyFrom(
            pb.Verdict(
                p_value=result.verdict.p_value,
                threshold=result.verdict.threshold,
                false_alarm_rate=result.verdict.false_alarm_rate,
                original=result.verdict.original,
            )
        )
    if result.copies:
        message.copies.CopyFrom(_copies(result.copies))
    return message


def stream_response(answer: SearchResult | Failure) -> pb.SearchStreamResponse:
    """What came of a query of a stream."""
    if isinstance(answer, Failure):
        return pb.SearchStreamResponse(failure=pb.Failure(**failure_fields(answer.error)))
    return pb.SearchStreamResponse(result=search_result(answer))


def explain_response(result: ExplainResult) -> pb.ExplainResponse:
    """The comparison of a pair."""
    explanation = result.explanation
    height, width, channels = explanation.values.shape
    preparations = [
        _preparation(*pair) for pair in zip(result.pictures, result.prepared, strict=True)
    ]
    return pb.ExplainResponse(
        index=result.index.name,
        definition=result.index.definition,
        ssim=explanation.ssim,
        channel_ssim=explanation.channel_ssim.tolist(),
        height=height,
        width=width,
        channels=channels,
        values=explanation.values.ravel().tolist(),
        heatmap=image(result.heatmap),
        query=image(result.query),
        reference=image(result.reference),
        preparation=preparations[0],
        other_preparation=preparations[1] if len(preparations) > 1 else None,
    )


def index_message(index: Index, default: str) -> pb.Index:
    """An index as ListIndexes shows it; `default` is the default index's name."""
    height, width, channels = index.shape
    return pb.Index(
        name=index.name,
        definition=index.definition,
        height=height,
        width=width,
        channels=channels,
        count=index.count,
        digest=index.digest,
        sources=[
            pb.Source(
                name=source.name,
                digest=source.digest,
                licence=source.licence,
                first_id=source.first_id,
                count=source.count,
            )
            for source in index.sources
        ],
        shards=[
            pb.Shard(name=shard.name, count=shard.count, available=bool(shard.tritons))
            for shard in index.shards
        ],
        calibration=_calibration(index.calibration) if index.calibration else None,
        is_default=index.name == default,
    )


def image(encoded: Encoded) -> image_pb2.Image:
    """A picture."""
    return image_pb2.Image(
        format=FORMATS[encoded.format],
        width=encoded.width,
        height=encoded.height,
        channels=encoded.channels,
        data=encoded.data,
    )


def _match(match: Match) -> pb.Match:
    thumbnail = image(match.thumbnail) if match.thumbnail else None
    return pb.Match(id=match.id, ssim=match.ssim, thumbnail=thumbnail)


def _copies(copies: Copies) -> pb.Copies:
    pairs = zip(copies.ids, copies.similarities, strict=True)
    return pb.Copies(
        matches=[pb.CopyMatch(id=number, similarity=cosine) for number, cosine in pairs],
        p_value=copies.p_value,
        threshold=copies.threshold,
        false_alarm_rate=copies.false_alarm_rate,
        copied=copies.copied,
    )


def _preparation(picture: PictureFile, prepared: Prepared) -> pb.Preparation:
    return pb.Preparation(
        source_format=picture.format,
        source_width=picture.width,
        source_height=picture.height,
        steps=[_STEPS[step] for step in prepared.steps],
    )


def _calibration(calibration: Calibration) -> pb.Calibration:
    low, high = calibration.false_alarm_interval()
    return pb.Calibration(
        count=calibration.count,
        dataset=calibration.heldout_name,
        threshold=calibration.threshold(),
        false_alarm_rate=calibration.default_rate,
        false_alarm_low=low,
        false_alarm_high=high,
    )


def quantile(histogram: NDArray[np.int64], share: float) -> float:
    """The score below which a share of all scores lies, to within a bin's width.

    Args:
        histogram: int64 [1000] of at least one score, equal bins over [-1, 1].
        share: 0 to 1.
    """
    ends = np.cumsum(histogram)
    target = share * ends[-1]
    place = int(np.searchsorted(ends, target))
    within = 1 - (ends[place] - target) / max(histogram[place], 1)
    low, high = HISTOGRAM_RANGE
    return float(low + (place + within) * (high - low) / HISTOGRAM_BINS)
