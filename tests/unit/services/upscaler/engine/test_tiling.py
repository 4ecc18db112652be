"""Spans cover a side exactly once, and read enough around what they keep."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.upscaler.engine.tiling import Span, spans

lengths = st.integers(1, 400)
margins = st.integers(0, 20)
alignments = st.sampled_from([1, 2, 4])
spare = st.integers(0, 60)


@given(lengths, margins, alignments, spare)
def test_every_pixel_is_kept_once_with_its_margin_around(length, margin, alignment, spare):
    side = 2 * margin + 2 * alignment - 1 + spare
    covered = spans(length, side, margin, alignment)
    assert [span.first for span in covered[1:]] == [span.last for span in covered[:-1]]
    assert (covered[0].first, covered[-1].last) == (0, length)
    for span in covered:
        assert 0 <= span.start <= span.first < span.last <= span.stop <= length
        assert span.start % alignment == 0
        assert (length - span.stop) % alignment == 0
        assert span.start == 0 or span.first - span.start >= margin
        assert span.stop == length or span.stop - span.last >= margin
        assert span.stop - span.start == min(covered[0].stop, side)


def test_as_few_spans_as_fit_and_no_longer_than_they_have_to():
    assert spans(512, 256, 7) == [
        Span(0, 180, 0, 173),
        Span(166, 346, 173, 339),
        Span(332, 512, 339, 512),
    ]


def test_what_fits_is_not_divided():
    assert spans(256, 256, 200) == [Span(0, 256, 0, 256)]


def test_a_side_without_an_inside_is_refused():
    with pytest.raises(ValueError, match="nothing is left of 14 pixels within margins of 7"):
        spans(100, 14, 7)
