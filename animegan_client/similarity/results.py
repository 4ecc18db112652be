"""Answers of the similarity API to Python values."""

from animegan.similarity.v1 import similarity_pb2 as pb

from animegan_client.errors import ServerError
from animegan_client.generator.messages import encoded_image
from animegan_client.generator.types import Failure
from animegan_client.similarity.types import (
    CalibrationInfo,
    Copies,
    CopyMatch,
    Explanation,
    IndexInfo,
    Match,
    Preparation,
    SearchResult,
    ShardInfo,
    SourceInfo,
    Step,
    Verdict,
)
from animegan_client.status import from_failure

_STEPS: dict[int, Step] = {
    pb.PREPARATION_STEP_FIRST_FRAME: "first_frame",
    pb.PREPARATION_STEP_ORIENTED: "oriented",
    pb.PREPARATION_STEP_FLATTENED: "flattened",
    pb.PREPARATION_STEP_CONVERTED: "converted",
    pb.PREPARATION_STEP_CROPPED: "cropped",
    pb.PREPARATION_STEP_RESIZED: "resized",
}


def search_result(result: pb.SearchResult) -> SearchResult:
    """What `search` returns.

    Raises:
        ServerError: a picture has a format that this client does not know.
    """
    return SearchResult(
        index=result.index,
        index_digest=result.index_digest,
        definition=result.definition,
        preparation=_preparation(result.preparation),
        matches=tuple(_match(match) for match in result.matches),
        count=result.count,
        mean=result.mean,
        quantiles={quantile.share: quantile.ssim for quantile in result.quantiles},
        histogram=tuple(result.histogram),
        verdict=_verdict(result.verdict) if result.HasField("verdict") else None,
        copies=_copies(result.copies) if result.HasField("copies") else None,
        scores=dict(zip(result.score_ids, result.scores, strict=True)),
    )


def stream_answer(response: pb.SearchStreamResponse) -> SearchResult | Failure:
    """What `search_stream` gives out for a picture.

    Raises:
        ServerError: this client does not know such answers, or the format of a picture in it.
    """
    match response.WhichOneof("answer"):
        case "result":
            return search_result(response.result)
        case "failure":
            return Failure(from_failure(response.failure))
        case _:
            raise ServerError("an answer came that this client does not know")


def explanation(response: pb.ExplainResponse) -> Explanation:
    """What `explain` returns.

    Raises:
        ServerError: a picture has a format that this client does not know.
    """
    second = response.other_preparation if response.HasField("other_preparation") else None
    return Explanation(
        index=response.index,
        definition=response.definition,
        ssim=response.ssim,
        channel_ssim=tuple(response.channel_ssim),
        height=response.height,
        width=response.width,
        channels=response.channels,
        values=tuple(response.values),
        heatmap=encoded_image(response.heatmap),
        query=encoded_image(response.query),
        reference=encoded_image(response.reference),
        preparation=_preparation(response.preparation),
        other_preparation=_preparation(second) if second else None,
    )


def index_infos(response: pb.ListIndexesResponse) -> tuple[IndexInfo, ...]:
    """What `list_indexes` returns."""
    return tuple(_index_info(index) for index in response.indexes)


def _match(match: pb.Match) -> Match:
    has_picture = match.HasField("thumbnail")
    return Match(match.id, match.ssim, encoded_image(match.thumbnail) if has_picture else None)


def _preparation(preparation: pb.Preparation) -> Preparation:
    """Steps that this client does not know are left out."""
    return Preparation(
        source_format=preparation.source_format,
        source_width=preparation.source_width,
        source_height=preparation.source_height,
        steps=tuple(_STEPS[step] for step in preparation.steps if step in _STEPS),
    )


def _verdict(verdict: pb.Verdict) -> Verdict:
    return Verdict(
        p_value=verdict.p_value,
        threshold=verdict.threshold,
        false_alarm_rate=verdict.false_alarm_rate,
        original=verdict.original,
    )


def _copies(copies: pb.Copies) -> Copies:
    return Copies(
        matches=tuple(CopyMatch(match.id, match.similarity) for match in copies.matches),
        p_value=copies.p_value,
        threshold=copies.threshold,
        false_alarm_rate=copies.false_alarm_rate,
        copied=copies.copied,
    )


def _index_info(index: pb.Index) -> IndexInfo:
    return IndexInfo(
        name=index.name,
        definition=index.definition,
        height=index.height,
        width=index.width,
        channels=index.channels,
        count=index.count,
        digest=index.digest,
        sources=tuple(
            SourceInfo(one.name, one.digest, one.licence, one.first_id, one.count)
            for one in index.sources
        ),
        shards=tuple(ShardInfo(one.name, one.count, one.available) for one in index.shards),
        calibration=_calibration(index.calibration) if index.HasField("calibration") else None,
        is_default=index.is_default,
    )


def _calibration(calibration: pb.Calibration) -> CalibrationInfo:
    return CalibrationInfo(
        count=calibration.count,
        dataset=calibration.dataset,
        threshold=calibration.threshold,
        false_alarm_rate=calibration.false_alarm_rate,
        false_alarm_interval=(calibration.false_alarm_low, calibration.false_alarm_high),
    )
