"""The page: sound HTML that needs nothing else, readable by machines and without pictures."""

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from fractions import Fraction
from html.parser import HTMLParser
from itertools import pairwise
from math import comb

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from animegan_search.copies import Copies
from animegan_search.ssim.index import Index
from training.audit.album import Album, gather
from training.audit.judged import Audit
from training.audit.page import STYLE, page
from training.audit.subjects import FolderSubjects
from training.audit.svg import inline
from training.audit.swarm import stack
from training.audit.theme import PALETTE
from training.audit.words import compact, headline, notices

VOID = {"meta", "img", "br"}


class Checker(HTMLParser):
    """Collects what a page holds, and sees that every tag is closed in its turn."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.addresses: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.add(tag)
        self.ids += [found["id"]] if found.get("id") else []
        self.addresses += [
            found[key] or "" for key in ("src", "href", "xlink:href") if key in found
        ]
        if tag == "img":
            self.images.append(found)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def album(audit: Audit, index: Index, subjects: FolderSubjects) -> Album:
    return gather(audit, subjects, index, most=100)


@pytest.fixture(scope="module")
def text(audit: Audit, album: Album) -> str:
    return page(audit, album)


@pytest.fixture(scope="module")
def checked(text: str) -> Checker:
    checker = Checker()
    checker.feed(text)
    assert checker.open == []
    return checker


def test_it_needs_nothing_else(checked: Checker, text: str) -> None:
    assert all(address.startswith(("data:image/png;base64,", "#")) for address in checked.addresses)
    assert "script" not in checked.tags and "@import" not in text
    assert set(re.findall(r"https?://[^\s\"']+", text)) <= {
        "http://www.w3.org/1999/xlink",  # names of XML namespaces, which nobody fetches
        "http://www.w3.org/2000/svg",
    }


def test_identifiers_are_unique_and_links_lead_somewhere(checked: Checker) -> None:
    assert len(checked.ids) == len(set(checked.ids))
    targets = {address[1:] for address in checked.addresses if address.startswith("#")}
    assert targets <= set(checked.ids)
    assert {f"image-{place}" for place in range(31)} <= targets  # each thumbnail to its card


def test_every_picture_has_words(checked: Checker, text: str) -> None:
    assert len(checked.images) == 31 * 5
    assert all(image["alt"] for image in checked.images)
    assert text.count("<svg xmlns:xlink") == text.count('role="img"') == text.count("<desc") == 4


def test_the_planted_copy_comes_first_and_is_marked(text: str) -> None:
    first, second = re.findall(r'<li class="card (\w+)" id="image-\d+"><header><h3>([^<]+)', text)[
        :2
    ]
    assert first == ("flagged", "copy.png") and second[0] == "original"


def test_a_copy_that_ssim_does_not_see_is_noticed(audit: Audit, album: Album) -> None:
    hit = Copies(np.array([5]), np.array([0.99], np.float32), 0.01, 0.9, 0.01, copied=True)
    [place] = [place for place, one in enumerate(audit.judged) if one.name == "new-03.png"]
    one = audit.judged[place]
    changed = replace(one, measured=replace(one.measured, copies=hit))
    judged = [*audit.judged[:place], changed, *audit.judged[place + 1 :]]
    detector = {"version": 1, "digest": "0", "heldout_count": 99}
    found = replace(audit, judged=judged, detector=detector)
    assert found.closest_first[1] == place  # behind the planted copy
    assert "The copy detector takes 1 of the images" in " ".join(notices(found))
    shown = page(found, Album(album.subjects, {**album.references, 5: album.subjects[0]}))
    assert "changed copy?" in shown and "Copy detector: a copy of id 5" in shown


def test_both_colour_schemes_have_every_colour(text: str) -> None:
    style = STYLE.read_text()
    for role in PALETTE:
        assert style.count(f"--{role}:") == 2
        assert f"var(--{role})" in text or role in ("surface",)


def test_names_cannot_inject_anything(audit: Audit, album: Album) -> None:
    evil = '<script>alert("1")</script>'
    first = replace(audit.judged[0], name=evil)
    hostile = replace(
        audit, judged=[first, *audit.judged[1:]], subjects=audit.subjects | {"name": evil}
    )
    assert "<script" not in page(hostile, album)


def test_many_images_are_counted_not_shown(audit: Audit, album: Album) -> None:
    few = Album(dict(list(album.subjects.items())[:3]), album.references)
    shown = page(audit, few)
    assert "The 28 others are in the JSON." in shown
    assert shown.count('<li class="card') == 3


def test_a_figure_is_xml_in_the_pages_colours() -> None:
    figure, axis = plt.subplots()
    axis.plot([0, 1], [0, 1], color=PALETTE["flagged"])
    drawn = inline(figure, "line", "A <line>", "It rises & rises.")
    root = ElementTree.fromstring(drawn)
    assert "var(--flagged)" in drawn and PALETTE["flagged"] not in drawn
    assert [child.text for child in root[:2]] == ["A <line>", "It rises & rises."]
    assert all(
        element.attrib["id"].startswith("line-")
        for element in root.iter()
        if "id" in element.attrib
    )


def test_the_same_audit_gives_the_same_page(audit: Audit, album: Album, text: str) -> None:
    assert page(audit, album) == text


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60), st.floats(0.01, 0.5))
def test_thumbnails_do_not_overlap(centres: list[float], width: float) -> None:
    rows = stack(np.array(centres), width)
    for row in set(rows):
        placed = sorted(c for c, r in zip(centres, rows, strict=True) if r == row)
        assert all(right - left >= width - 1e-12 for left, right in pairwise(placed))
    assert set(rows) == set(range(max(rows) + 1))


def test_a_verdict_on_known_numbers(audit: Audit) -> None:
    verdict, explanation = headline(audit)
    assert verdict == "30 of 31 judged original"
    assert "96.8 %; 95 % interval 83.8 % to 99.4 %" in explanation


@pytest.mark.parametrize("flagged", [0, 1, 5, 31])
def test_the_chance_of_as_many_flags_is_exact(audit: Audit, flagged: int) -> None:
    """Against the beta-binomial distribution in whole numbers, of which no digit is lost."""
    judged = [
        replace(one, verdict=replace(one.verdict, original=place >= flagged))
        for place, one in enumerate(audit.judged)
    ]
    above = int((audit.calibration.maxima > audit.threshold).sum())
    a, b, count = above + 1, audit.calibration.count - above, audit.count
    ways = [comb(k + a - 1, k) * comb(count - k + b - 1, count - k) for k in range(count + 1)]
    expected = Fraction(sum(ways[flagged:]), sum(ways))
    assert replace(audit, judged=judged).chance == pytest.approx(float(expected), rel=1e-9)


def test_a_model_of_another_dataset_is_noticed(audit: Audit) -> None:
    def noticed(digest: str) -> bool:
        story = {"training_dataset": {"name": "squares", "digest": digest}}
        return any(
            "cannot be found here" in text for text in notices(replace(audit, subjects=story))
        )

    assert noticed("another")
    assert not noticed(audit.index["sources"][0]["digest"])


def test_seeds_are_told_as_ranges() -> None:
    assert compact([1, 2, 3, 7, 9, 10]) == "1-3, 7, 9-10"
