"""The page: one HTML file without scripts or addresses, for screens light or dark and for paper."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from pathlib import Path

from training.audit.album import Album
from training.audit.cards import cards
from training.audit.illustrations import Illustration, illustrations
from training.audit.judged import Audit
from training.audit.svg import inline
from training.audit.words import Fact, facts, headline, notices, provenance, reading

STYLE = Path(__file__).with_name("style.css")


def page(audit: Audit, album: Album) -> str:
    """Write the whole page.

    Args:
        audit: what was found.
        album: the pictures that it shows.
    """
    verdict, explanation = headline(audit)
    title = f"Originality audit of {audit.subjects['name']}"
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>
{STYLE.read_text(encoding="utf-8")}</style>
</head>
<body>
<h1>{escape(title)}</h1>
<p class="headline">{escape(verdict)}</p>
<p>{escape(explanation)}</p>
{_notices(notices(audit))}
{_facts(facts(audit))}
<h2>How close is too close</h2>
{"".join(map(_figure, illustrations(audit, album)))}
<h2>The images and their nearest training images</h2>
{cards(audit, album)}
<h2>How to read this</h2>
{_paragraphs(reading(audit))}
<h2>What was audited, against what, and how</h2>
{_table(provenance(audit))}
</body>
</html>
"""


def _figure(one: Illustration) -> str:
    drawn = inline(one.draw(), one.name, one.title, one.text)
    caption = f"<b>{escape(one.title)}.</b> {escape(one.text)}"
    css = "narrow" if one.narrow else "wide"
    return f'<figure class="{css}">{drawn}<figcaption>{caption}</figcaption></figure>'


def _notices(texts: Iterable[str]) -> str:
    return "\n".join(f'<p class="notice">{escape(text)}</p>' for text in texts)


def _facts(boxes: Iterable[Fact]) -> str:
    items = "\n".join(
        f"<div><dt>{escape(box.title)}</dt>"
        f"<dd>{escape(box.value)} <small>{escape(box.note)}</small></dd></div>"
        for box in boxes
    )
    return f'<dl class="facts">\n{items}\n</dl>'


def _paragraphs(texts: Iterable[str]) -> str:
    return "\n".join(f"<p>{escape(text)}</p>" for text in texts)


def _table(rows: Iterable[tuple[str, str]]) -> str:
    cells = "\n".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>'
        for name, value in rows
    )
    return f"<table>\n{cells}\n</table>"
