"""The benchmark as JSON, as a Markdown table, and as a heat map."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")  # a training machine has no screen
import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

from training.copies.benchmark import Benchmark, Case, Count, plant
from training.copies.transformations import TRANSFORMATIONS

# Above this recall a cell of the heat map is so dark that its figure is written in white.
DARK = 0.6
UNSEEN_MARK = "*"


def to_json(benchmark: Benchmark, story: dict[str, Any]) -> dict[str, Any]:
    """All figures, after what they were measured on."""
    scorers = {
        name: {"threshold": limit.threshold, "false_alarms": count_json(limit.false_alarms)}
        for name, limit in benchmark.limits.items()
    }
    cases = [
        {
            "case": case_name(case),
            "transformation": case.transformation.name,
            "unit": case.transformation.about,
            "value": case.value,
            "in_training": case.transformation.trained,
            "recall": {name: count_json(count) for name, count in case.recall.items()},
        }
        for case in benchmark.cases
    ]
    return story | {"scorers": scorers, "cases": cases}


def count_json(count: Count) -> dict[str, float]:
    """Found, of how many, and the share's 95 % interval."""
    low, high = count.interval
    figures = {"share": count.share, "low": round(low, 4), "high": round(high, 4)}
    return {"found": count.found, "of": count.of} | figures


def case_name(case: Case) -> str:
    """As in "crop 0.75"; a star marks what the training's copies have nothing of."""
    kind = case.transformation
    mark = "" if kind.trained else UNSEEN_MARK
    return kind.name + mark + (f" {case.value:g}" if len(kind.values) > 1 else "")


def to_markdown(benchmark: Benchmark) -> str:
    """A table: one row a case, one column a scorer; the best of a row in bold."""
    names = list(benchmark.limits)
    rows = [
        [case_name(case), *cells([case.recall[name] for name in names])] for case in benchmark.cases
    ]
    alarms = [percent(benchmark.limits[name].false_alarms) for name in names]
    header = ["copy", *names]
    rule = ["---"] + ["---:"] * len(names)
    table = [header, rule, *rows, ["false alarms, measured", *alarms]]
    return "\n".join("| " + " | ".join(row) + " |" for row in table)


def cells(counts: list[Count]) -> list[str]:
    """The figures of one row."""
    best = max(count.found for count in counts)
    texts = [(count.found == best > 0, percent(count)) for count in counts]
    return [f"**{text}**" if bold else text for bold, text in texts]


def percent(count: Count) -> str:
    """As in "93.4 [90.9, 95.4]"."""
    low, high = count.interval
    return f"{100 * count.share:.1f} [{100 * low:.1f}, {100 * high:.1f}]"


def draw_recall(benchmark: Benchmark, title: str, out: Path) -> None:
    """Draw the recall of each case and scorer as a heat map, PNG."""
    names = list(benchmark.limits)
    shares = np.array([[case.recall[name].share for name in names] for case in benchmark.cases])
    figure, axis = plt.subplots(
        figsize=(2.2 + 1.25 * len(names), 1.6 + 0.26 * len(shares)), layout="constrained"
    )
    picture = axis.imshow(shares, cmap="YlGnBu", vmin=0, vmax=1, aspect="auto")
    for (row, column), share in np.ndenumerate(shares):
        colour = "white" if share > DARK else "black"
        axis.text(column, row, f"{100 * share:.0f}", ha="center", va="center", color=colour, size=8)
    axis.set_xticks(range(len(names)), names)
    axis.xaxis.tick_top()
    axis.set_yticks(range(len(shares)), [case_name(case) for case in benchmark.cases], size=8)
    axis.set_title(title, size=10)
    axis.set_xlabel(
        f"{UNSEEN_MARK} nothing of the kind was among the copies of the training", size=8
    )
    figure.colorbar(picture, label="recall at 1 % false alarms", shrink=0.5)
    figure.savefig(out, dpi=110)
    plt.close(figure)


def draw_transformations(image_HWC: np.ndarray, out: Path) -> None:
    """Show what each transformation does to one image, in each strength, PNG.

    Args:
        image_HWC: uint8 RGB, of a dataset whose licence allows to show it.
        out: file to write.
    """
    rows = [kind for kind in TRANSFORMATIONS if len(kind.values) == 3]
    single = [kind for kind in TRANSFORMATIONS if len(kind.values) == 1]
    shown = [
        *((f"{kind.name} {value:g}", kind, value) for kind in rows for value in kind.values),
        *((kind.name, kind, kind.values[0]) for kind in single),
    ]
    columns = 9
    lines = -(-len(shown) // columns)
    figure, axes = plt.subplots(
        lines, columns, figsize=(1.25 * columns, 1.42 * lines), layout="constrained"
    )
    for axis in axes.flat:
        axis.set_axis_off()
    for place, (axis, (name, kind, value)) in enumerate(zip(axes.flat, shown, strict=False)):
        copy = plant(image_HWC[None], kind, value, 0, place)[0]
        axis.imshow(Image.fromarray(copy), interpolation="nearest")
        axis.set_title(name if kind.trained else name + UNSEEN_MARK, size=8)
    figure.savefig(out, dpi=110)
    plt.close(figure)
