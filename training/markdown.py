"""Tables in Markdown, and where they stand in a page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(corner: str, columns: Iterable[str], rows: Iterable[tuple[str, Sequence[str]]]) -> str:
    """A table in Markdown, numbers to the right."""
    header = [corner, *columns]
    lines = [
        header,
        ["---"] + ["---:"] * (len(header) - 1),
        *([name, *cells] for name, cells in rows),
    ]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def replace_tables(page: str, name: str, tables: str) -> str:
    """The page with other tables between the two markers of `name`.

    Raises:
        ValueError: the page lacks them.
    """
    begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->\n"
    before, found, rest = page.partition(begin)
    _, also_found, after = rest.partition(end)
    if not (found and also_found):
        raise ValueError(f"the page lacks the markers {begin.strip()} and {end.strip()}")
    return f"{before}{begin}\n{tables}\n{end}{after}"
