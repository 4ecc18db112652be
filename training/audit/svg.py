"""Matplotlib figures as SVG inside a page: they take the page's colours, light or dark."""

from __future__ import annotations

import io
import re

import matplotlib
import matplotlib.pyplot as plt
from markupsafe import Markup
from matplotlib.figure import Figure

from training.audit.theme import PALETTE

_PROLOGUE = re.compile(r"^.*?(?=<svg )", re.DOTALL)
_METADATA = re.compile(r"<metadata>.*?</metadata>", re.DOTALL)
_IDENTIFIER = re.compile(r'(\bid="|\burl\(#|href="#)(?!image-)')
_SIZE = re.compile(r'<svg [^>]*?viewBox="([^"]*)"[^>]*>', re.DOTALL)
_OPENING = Markup(
    '<svg xmlns:xlink="http://www.w3.org/1999/xlink" role="img" viewBox="{view}" '
    'aria-labelledby="{name}-title {name}-text"><title id="{name}-title">{title}</title>'
    '<desc id="{name}-text">{text}</desc>'
)
_FONT = re.compile(r"font: ([^;\"]*?)(\d+(?:\.\d+)?px) [^;\"]*")


def inline(figure: Figure, name: str, title: str, text: str) -> Markup:
    """Turn a figure into an `<svg>` element, and close it.

    Args:
        figure: drawn with the colours of `PALETTE`, each of which becomes a CSS variable.
        name: unique in the page; all identifiers begin with it.
        title: what a screen reader calls the figure.
        text: what it says of the figure.
    """
    buffer = io.StringIO()
    # Text stays text: it can be read aloud, searched and copied. Equal figures give equal bytes.
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    plt.close(figure)
    drawn = _METADATA.sub("", _PROLOGUE.sub("", buffer.getvalue()))
    drawn = _IDENTIFIER.sub(rf"\g<1>{name}-", drawn)
    drawn = _FONT.sub(r"font-size: \2", drawn)
    for role, colour in PALETTE.items():
        drawn = drawn.replace(colour, f"var(--{role})")

    def opening(match: re.Match[str]) -> str:
        return _OPENING.format(view=match[1], name=name, title=title, text=text)

    return Markup(_SIZE.sub(opening, drawn, count=1))  # noqa: S704 - escaped by matplotlib
