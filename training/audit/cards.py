"""The contact sheet of a page: each image beside its nearest training images."""

from __future__ import annotations

from html import escape

from training.audit.album import Album, data_url
from training.audit.figures import ORDINALS
from training.audit.judged import Audit, Judged


def cards(audit: Audit, album: Album) -> str:
    """One card for each subject of the album, the closest first."""
    items = "\n".join(_card(audit.judged[place], place, album) for place in album.subjects)
    left_out = audit.count - len(album.subjects)
    more = f" The {left_out:,} others are in the JSON." if left_out else ""
    return (
        f"<p>Suspects first, then the closest.{more} Below each training image: SSIM, and its id "
        "in the index.</p>"
        f'<ol class="cards">\n{items}\n</ol>'
    )


def _card(one: Judged, place: int, album: Album) -> str:
    name = escape(one.name)
    pictures = [
        _picture(
            data_url(album.subjects[place]),
            f"Audited image, {name}",
            f"mean {one.measured.mean:.3f}",
        )
    ]
    nearest = zip(ORDINALS, one.measured.ids.tolist(), one.measured.ssim.tolist(), strict=False)
    for ordinal, image_id, ssim in nearest:
        pictures.append(
            _picture(
                data_url(album.references[image_id]),
                f"{ordinal.capitalize()} training image, id {image_id}, SSIM {ssim:.3f}",
                f"<b>{ssim:.3f}</b><br>id {image_id}",
            )
        )
    badge, css = _badge(one)
    return (
        f'<li class="card {css}" id="image-{place}"><header>'
        f"<h3>{name}</h3><span>p = {one.verdict.p_value:.2g}</span>"
        f'<span class="badge">{badge}</span></header>'
        f'<div class="pictures">{"".join(pictures)}</div>{_copy(one, album)}</li>'
    )


def _badge(one: Judged) -> tuple[str, str]:
    """What the card calls its image, and the class of its style."""
    if not one.verdict.original:
        return "too close", "flagged"
    return ("changed copy?", "flagged") if one.changed_copy else ("original", "original")


def _copy(one: Judged, album: Album) -> str:
    """What the copy detector found."""
    copies = one.measured.copies
    if copies is None:
        return ""
    image_id, similarity = int(copies.ids[0]), float(copies.similarity[0])
    told = f"id {image_id}, similarity {similarity:.3f}, p&nbsp;=&nbsp;{copies.p_value:.2g}"
    if not copies.copied:
        return f'<p class="copy">Copy detector: no copy found ({told})</p>'
    alt = f"Training image {image_id}, of which the copy detector takes this for a copy"
    picture = f'<img src="{data_url(album.references[image_id])}" alt="{alt}">'
    return f'<p class="copy">{picture} Copy detector: a copy of {told}</p>'


def _picture(url: str, alt: str, caption: str) -> str:
    return f'<figure><img src="{url}" alt="{alt}"><figcaption>{caption}</figcaption></figure>'
