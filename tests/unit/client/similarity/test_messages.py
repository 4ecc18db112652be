"""Answers of the similarity API become plain values."""

from animegan.image.v1 import image_pb2
from animegan.similarity.v1 import similarity_pb2 as pb
from google.rpc import code_pb2

from animegan_client.errors import BusyError, InvalidArgumentError, NotFoundError, ServerError
from animegan_client.similarity import messages
from animegan_client.similarity.types import Copies, CopyMatch, Verdict
from animegan_client.status import from_failure


def test_every_step_of_the_api_has_a_name():
    assert set(messages._STEPS) == set(pb.PreparationStep.values()) - {0}


def test_what_is_absent_is_none():
    result = messages.search_result(pb.SearchResult(matches=[pb.Match(id=1, ssim=0.5)]))
    assert (result.verdict, result.copies, result.scores) == (None, None, {})
    assert result.matches[0].thumbnail is None


def test_what_is_there_arrives():
    image = image_pb2.Image(format=image_pb2.IMAGE_FORMAT_PNG, width=1, height=1, channels=3)
    copies = pb.Copies(
        matches=[pb.CopyMatch(id=3, similarity=0.5)],
        p_value=0.25, threshold=0.75, false_alarm_rate=0.125, copied=False,
    )  # fmt: skip
    result = messages.search_result(
        pb.SearchResult(
            matches=[pb.Match(id=1, ssim=1, thumbnail=image)],
            quantiles=[pb.Quantile(share=0.5, ssim=0.25)],
            verdict=pb.Verdict(p_value=0.5, threshold=0.75, false_alarm_rate=0.25, original=True),
            score_ids=[4, 9], scores=[0.5, 0.25],
            copies=copies,
            preparation=pb.Preparation(steps=[pb.PREPARATION_STEP_CROPPED, 99]),  # type: ignore[list-item]
        )
    )  # fmt: skip
    assert result.matches[0].thumbnail.format == "png"
    assert result.quantiles == {0.5: 0.25}
    assert result.verdict == Verdict(0.5, 0.75, 0.25, True)
    assert result.scores == {4: 0.5, 9: 0.25}
    assert result.copies == Copies((CopyMatch(3, 0.5),), 0.25, 0.75, 0.125, False)
    assert result.preparation.steps == ("cropped",)  # steps from the future are left out


def test_a_failure_is_the_error_that_a_call_would_raise():
    for code, kind in (
        (code_pb2.INVALID_ARGUMENT, InvalidArgumentError),
        (code_pb2.NOT_FOUND, NotFoundError),
        (code_pb2.RESOURCE_EXHAUSTED, BusyError),
        (code_pb2.INTERNAL, ServerError),
    ):
        error = from_failure(pb.Failure(code=code, message="why", field="query.k"))
        assert type(error) is kind
        assert "why" in str(error)
