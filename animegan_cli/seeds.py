"""The way to write seeds on a command line: `7`, `1-64`, `1-64,100,7`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

MAX_SEED = 2**64 - 1

_ITEM = re.compile(r"([0-9]{1,20})(?:-([0-9]{1,20}))?")


@dataclass(frozen=True)
class Seeds:
    """Seeds in the order they were written; `1-18446744073709551615` takes no memory."""

    ranges: tuple[range, ...]

    @property
    def count(self) -> int:
        """How many there are; len() could not tell more than 2^63 - 1."""
        return sum(numbers.stop - numbers.start for numbers in self.ranges)

    def __iter__(self) -> Iterator[int]:
        """One after the other; a seed that was written twice comes twice."""
        return chain.from_iterable(self.ranges)


def parse_seeds(text: str) -> Seeds:
    """Read numbers and ascending, inclusive ranges, separated by commas.

    Raises:
        ValueError: the text is something else, or a number is over 2^64 - 1.
    """
    return Seeds(tuple(_parse_item(item.strip()) for item in text.split(",")))


def _parse_item(item: str) -> range:
    match = _ITEM.fullmatch(item)
    if not match:
        raise ValueError(f"{item[:50]!r} is neither a seed nor a range like 1-64")
    first, last = int(match[1]), int(match[2] or match[1])
    if max(first, last) > MAX_SEED:
        raise ValueError(f"{item!r} is over the largest seed, {MAX_SEED}")
    if first > last:
        raise ValueError(f"{item!r} counts down; write {last}-{first}")
    return range(first, last + 1)
