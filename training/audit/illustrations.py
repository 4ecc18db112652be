"""Which figures an audit has, and what is said of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from training.audit import figures
from training.audit.album import Album
from training.audit.closeness import closeness
from training.audit.judged import Audit
from training.audit.theme import SURFACE

DPI = 110


@dataclass(frozen=True)
class Illustration:
    """A figure with its words.

    Attributes:
        name: of the file, and in the page.
        title: what it is.
        text: what it says.
        draw: draws it anew.
        narrow: whether it fills half of a page.
    """

    name: str
    title: str
    text: str
    draw: Callable[[], Figure]
    narrow: bool = False


def illustrations(audit: Audit, album: Album) -> Iterator[Illustration]:
    """The figures in the order of the page."""
    framed = "; framed, too, is what the copy detector takes for a copy" if audit.detector else ""
    best, heldout = audit.nearest[:, 0], audit.calibration.maxima
    yield Illustration(
        "closeness",
        "Nearest training image of each audited image",
        f"Scores of the audited images lie between {best.min():.3f} and {best.max():.3f}, of "
        f"unseen real images between {heldout[0]:.3f} and {heldout[-1]:.3f}. Right of the dashed "
        f"line, at {audit.threshold:.3f}, an image is flagged{framed}.",
        lambda: closeness(audit, album),
    )
    yield Illustration(
        "curves",
        "Similarity curves",
        "Each line is one image: its SSIM to all training images, sorted. A copy stands out at "
        "rank 1, far above the rest of its own curve. Left: where the curves of unseen real images "
        "begin.",
        lambda: figures.curves(audit),
    )
    yield Illustration(
        "neighbours",
        "SSIM of the nearest to the fourth nearest training image",
        "The four nearest training images of each audited image; the dark line is the median. In "
        "grey the nearest ones of unseen real images, scaled to as many. A copy shows as a nearest "
        "score far above its second nearest.",
        lambda: figures.neighbours(audit),
    )
    yield Illustration(
        "p-values",
        "p-values beside those of unseen real images",
        "Images as new as unseen real ones follow the diagonal. Above it at the left: more images "
        "are close to the training set than should be. Below it: they are farther from it than "
        "real images are.",
        lambda: figures.p_values(audit),
        narrow=True,
    )


def write_pngs(audit: Audit, album: Album, folder: Path) -> list[Path]:
    """Write each figure as a PNG with a white ground, for documents; return the files."""
    paths = []
    for one in illustrations(audit, album):
        figure = one.draw()
        paths.append(folder / f"{one.name}.png")
        figure.savefig(paths[-1], dpi=DPI, facecolor=SURFACE)
        plt.close(figure)
    return paths
