"""The grammar of seeds: what it accepts, what it means, and that ranges cost nothing."""

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from animegan_cli.seeds import MAX_SEED, parse_seeds

seeds = st.integers(0, MAX_SEED)
items = st.one_of(
    seeds.map(lambda seed: (seed, seed)),
    st.tuples(seeds, seeds).map(lambda pair: (min(pair), max(pair))),
)
short_items = st.tuples(seeds, st.integers(0, 50)).map(
    lambda pair: (pair[0], min(pair[0] + pair[1], MAX_SEED))
)


def written(pairs: list[tuple[int, int]]) -> str:
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in pairs)


@given(st.lists(items, min_size=1, max_size=20))
def test_ranges_of_any_length_are_counted_without_being_expanded(pairs):
    parsed = parse_seeds(written(pairs))
    assert parsed.count == sum(last - first + 1 for first, last in pairs)
    assert next(iter(parsed)) == pairs[0][0]


@given(st.lists(short_items, min_size=1, max_size=8))
def test_seeds_come_in_the_order_they_are_written(pairs):
    expected = [seed for first, last in pairs for seed in range(first, last + 1)]
    assert list(parse_seeds(written(pairs))) == expected


def test_all_seeds_there_are():
    everything = parse_seeds(f"0-{MAX_SEED}")
    assert everything.count == 2**64
    assert list(islice(everything, 3)) == [0, 1, 2]


def test_repeated_seeds_and_spaces_are_kept_and_ignored():
    assert list(parse_seeds("3, 1-2 ,3")) == [3, 1, 2, 3]


@given(st.text(alphabet="0123456789-, x+.٣", max_size=12))
def test_any_text_is_either_read_or_refused_with_a_reason(text):
    try:
        parsed = parse_seeds(text)
    except ValueError as error:
        assert str(error)
    else:
        assert parsed.count >= 1
        assert all(0 <= seed <= MAX_SEED for seed in islice(parsed, 100))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "neither a seed nor a range"),
        ("1,,2", "neither a seed nor a range"),
        ("-1", "neither a seed nor a range"),
        ("1-2-3", "neither a seed nor a range"),
        ("1e3", "neither a seed nor a range"),
        ("64-1", "write 1-64"),
        (str(MAX_SEED + 1), "over the largest seed"),
        (f"1-{MAX_SEED + 1}", "over the largest seed"),
        ("9" * 5000, "neither a seed nor a range"),
    ],
)
def test_a_refusal_says_why(text, reason):
    with pytest.raises(ValueError, match=reason):
        parse_seeds(text)
