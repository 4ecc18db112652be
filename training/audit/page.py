"""The page: one HTML file without scripts or addresses, for screens light or dark and for paper.

`page.html` is its template, `style.css` its style. Of the images it shows the suspects and the
closest, each on a card beside its nearest training images.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from markupsafe import Markup

from training.audit.album import Album, data_url
from training.audit.figures import ORDINALS
from training.audit.illustrations import illustrations
from training.audit.judged import Audit, Judged
from training.audit.svg import inline
from training.audit.words import facts, headline, notices, provenance, reading
from training.templates import render

STYLE = Path(__file__).with_name("style.css")
TEMPLATE = Path(__file__).with_name("page.html")


def page(audit: Audit, album: Album) -> str:
    """Write the whole page.

    Args:
        audit: what was found.
        album: the pictures that it shows.
    """
    verdict, explanation = headline(audit)
    return render(
        TEMPLATE,
        title=f"Originality audit of {audit.subjects['name']}",
        style=Markup(STYLE.read_text(encoding="utf-8")),  # noqa: S704 - our own file
        verdict=verdict,
        explanation=explanation,
        notices=notices(audit),
        facts=facts(audit),
        figures=[
            (inline(one.draw(), one.name, one.title, one.text), one)
            for one in illustrations(audit, album)
        ],
        left_out=audit.count - len(album.subjects),
        cards=[_card(audit.judged[place], place, album) for place in album.subjects],
        reading=reading(audit),
        provenance=provenance(audit),
    )


def _card(one: Judged, place: int, album: Album) -> dict[str, Any]:
    badge, css = _badge(one)
    found, references = one.measured, album.references
    nearest = zip(ORDINALS, found.ids.tolist(), found.ssim.tolist(), strict=False)
    return {
        "name": one.name,
        "place": place,
        "badge": badge,
        "css": css,
        "p_value": one.verdict.p_value,
        "mean": found.mean,
        "picture": data_url(album.subjects[place]),
        "nearest": [
            {"ordinal": ordinal, "id": image, "ssim": ssim, "picture": data_url(references[image])}
            for ordinal, image, ssim in nearest
        ],
        "detector": _copy(one, album),
    }


def _badge(one: Judged) -> tuple[str, str]:
    """What the card calls its image, and the class of its style."""
    if not one.verdict.original:
        return "too close", "flagged"
    return ("changed copy?", "flagged") if one.changed_copy else ("original", "original")


def _copy(one: Judged, album: Album) -> dict[str, Any] | None:
    """What the copy detector found; None where it was not asked."""
    copies = one.measured.copies
    if copies is None:
        return None
    image_id = int(copies.ids[0])
    return {
        "id": image_id,
        "similarity": float(copies.similarity[0]),
        "p_value": copies.p_value,
        "picture": data_url(album.references[image_id]) if copies.copied else None,
    }
