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
        f"<p>The closest first.{more} Below each training image: SSIM, and its id in the index.</p>"
        f'<ol class="cards">\n{items}\n</ol>'
    )


def _card(one: Judged, place: int, album: Album) -> str:
    original = one.verdict.original
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
    return (
        f'<li class="card{"" if original else " flagged"}" id="image-{place}"><header>'
        f"<h3>{name}</h3><span>p = {one.verdict.p_value:.2g}</span>"
        f'<span class="badge">{"original" if original else "too close"}</span></header>'
        f'<div class="pictures">{"".join(pictures)}</div></li>'
    )


def _picture(url: str, alt: str, caption: str) -> str:
    return f'<figure><img src="{url}" alt="{alt}"><figcaption>{caption}</figcaption></figure>'
