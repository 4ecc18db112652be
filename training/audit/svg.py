"""Matplotlib figures as SVG inside a page: they take the page's colours, light or dark."""

from __future__ import annotations

import io
import re
from html import escape

import matplotlib
import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from training.audit.theme import PALETTE

_PROLOGUE = re.compile(r"^.*?(?=<svg )", re.DOTALL)
_METADATA = re.compile(r"<metadata>.*?</metadata>", re.DOTALL)
_IDENTIFIER = re.compile(r'(\bid="|\burl\(#|href="#)(?!image-)')
_SIZE = re.compile(r'<svg [^>]*?viewBox="([^"]*)"[^>]*>', re.DOTALL)
_FONT = re.compile(r"font: ([^;\"]*?)(\d+(?:\.\d+)?px) [^;\"]*")


def inline(figure: Figure, name: str, title: str, text: str) -> str:
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
    opening = (
        f'<svg xmlns:xlink="http://www.w3.org/1999/xlink" role="img" viewBox="\\1" '
        f'aria-labelledby="{name}-title {name}-text"><title id="{name}-title">{escape(title)}'
        f'</title><desc id="{name}-text">{escape(text)}</desc>'
    )
    return _SIZE.sub(lambda match: opening.replace("\\1", match[1]), drawn, count=1)
