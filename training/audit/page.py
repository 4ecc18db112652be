"""The page: one HTML file without scripts or addresses, for screens light or dark and for paper."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from pathlib import Path

from matplotlib.figure import Figure

from training.audit import figures
from training.audit.album import Album
from training.audit.cards import cards
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
{_figures(audit, album)}
<h2>The images and their nearest training images</h2>
{cards(audit, album)}
<h2>How to read this</h2>
{_paragraphs(reading(audit))}
<h2>What was audited, against what, and how</h2>
{_table(provenance(audit))}
</body>
</html>
"""


def _figures(audit: Audit, album: Album) -> str:
    best, heldout = audit.nearest[:, 0], audit.calibration.maxima
    return "\n".join(
        (
            _figure(
                figures.closeness(audit, album),
                "closeness",
                "Nearest training image of each audited image",
                f"Scores of the audited images lie between {best.min():.3f} and {best.max():.3f}, "
                f"of unseen real images between {heldout[0]:.3f} and {heldout[-1]:.3f}. Right of "
                f"the dashed line, at {audit.threshold:.3f}, an image is flagged.",
            ),
            _figure(
                figures.curves(audit),
                "curves",
                "Similarity curves",
                "Each line is one image: its SSIM to all training images, sorted. A copy stands "
                "out at rank 1, far above the rest of its own curve. Left: where the curves of "
                "unseen real images begin.",
            ),
            _figure(
                figures.neighbours(audit),
                "neighbours",
                "SSIM of the nearest to the fourth nearest training image",
                "The four nearest training images of each audited image; the dark line is the "
                "median. In grey the nearest ones of unseen real images, scaled to as many. A copy "
                "shows as a nearest score far above its second nearest.",
            ),
            _figure(
                figures.p_values(audit),
                "p-values",
                "p-values beside those of unseen real images",
                "Images as new as unseen real ones follow the diagonal. Above it at the left: more "
                "images are close to the training set than should be. Below it: they are farther "
                "from it than real images are.",
                css="narrow",
            ),
        )
    )


def _figure(figure: Figure, name: str, title: str, text: str, css: str = "wide") -> str:
    drawn = inline(figure, name, title, text)
    caption = f"<b>{escape(title)}.</b> {escape(text)}"
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
