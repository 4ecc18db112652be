"""What a project is told: `project.toml`, whose tables hold options of the ordinary commands."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from animegan_search.ssim.index.manifest import check_name
from training.networks.interface import NetworkShape

FILE = "project.toml"
IGNORED = "# Pictures and weights are yours: nothing of it gets into a repository by accident.\n*\n"
TABLES = ("import", "clean", "split", "train", "evaluate", "export", "audit", "gate")

# Held-out pictures: half of them are compared, the other half tells what is possible at all.
USEFUL_HELDOUT = 1000
LEAST_SHARE, MOST_SHARE = 0.1, 0.25

TEMPLATE = """\
# What `anime-gan project` does with your pictures. Each table holds options of one command, called
# as in its --help, without the dashes. Change a value and run the step again: what was made with
# another one, and all that follows from it, is made anew. Two kinds of table are different:
#
#   train         a run that has begun takes another number of images, goes on to it, and refuses
#                 what would have made it another run; other pictures or another preset begin one
#   audit, gate   hold from the next publication on
#
# `anime-gan project status` says what is done and what comes next.

name = {name}  # what the model and the index are called where they are served

[import]  # anime-gan dataset import folder --help
pictures = {pictures}  # a folder with all below it, or a zip; it is only read
licence = {licence}  # of the pictures; the weights that learn from them have the same
size = {size}  # pixels a side. A dataset cannot be resized later, only be imported again
{grey}# faces = "largest"  # cut the largest face out of each picture. Without it a picture becomes
#                      its middle square, which of a whole figure or a scene is rarely the face

[clean]  # anime-gan dataset clean --help; reports/cleaning/report.html shows what is left out
# keep = [17, 4711]  # stay all the same, by the numbers of the report

[split]  # anime-gan dataset split --help
share = {share}  # of the pictures is held out: no training sees them. {reason}

[train]  # anime-gan train --help
preset = {preset}
# images = 100000  # real images in all: fewer end sooner
# transfer = {shipped}  # begin with
#            networks that draw faces already, preset "stylegan-64-cpu-transfer": much sooner good.
#            Their licence (THIRD_PARTY_NOTICES.md) then binds your weights as well

[evaluate]  # anime-gan evaluate --help
[export]  # anime-gan export --help
[audit]  # anime-gan audit --help
[gate]  # anime-gan models gate --help
"""


class ProjectError(Exception):
    """A step of a project cannot be taken; the message says what to do."""


@dataclass(frozen=True)
class Settings:
    """What `project.toml` says.

    Attributes:
        name: of the served model and of its index.
        tables: options by command, `TABLES`, named as in its --help without the dashes; "import"
            has "pictures" as well.
    """

    name: str
    tables: Mapping[str, Mapping[str, Any]]

    @property
    def pictures(self) -> str:
        """Where the pictures lie; `~` is expanded, and other paths begin at the project."""
        return str(Path(self.tables["import"]["pictures"]).expanduser())

    @property
    def licence(self) -> str:
        """Of the pictures."""
        return str(self.tables["import"]["licence"])

    @property
    def preset(self) -> str:
        """What is trained."""
        return str(self.tables["train"]["preset"])

    @property
    def images(self) -> int | None:
        """Real images that the run shows in all; none: as many as the preset says."""
        found = self.tables["train"].get("images")
        return None if found is None else int(found)

    @property
    def stops_when_flat(self) -> bool:
        """Whether the run may end before."""
        return bool(self.tables["train"].get("stop-when-flat", False))

    def options(self, table: str, *without: str) -> list[str]:
        """A table as arguments of its command, apart from some keys."""
        arguments: list[str] = []
        for key, value in self.tables[table].items():
            flag = f"--{key}"
            if key in without or value is False:
                continue
            if value is True:
                arguments.append(flag)
            elif isinstance(value, list):
                arguments += [flag, *map(str, value)]
            else:
                arguments += [flag, str(value)]
        return arguments


def read_settings(file: Path) -> Settings:
    """Read `project.toml`.

    Raises:
        ProjectError: it is missing, or see `parse_settings`.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ProjectError(
            f"{file} is missing: begin with `anime-gan project new DIR --pictures ...`, then work "
            "in DIR, or name it by --project DIR"
        ) from error
    except UnicodeDecodeError as error:
        raise ProjectError(f"{file}: {error}") from error
    return parse_settings(text, file)


def parse_settings(text: str, file: Path) -> Settings:
    """What the text of a `project.toml` says.

    Raises:
        ProjectError: it is no TOML, or lacks something; names the file and the entry.
    """
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProjectError(f"{file}: {error}") from error
    unknown = sorted(set(found) - {"name", *TABLES})
    if unknown:
        known = ", ".join(TABLES)
        raise ProjectError(f"{file}: {unknown[0]!r} is unknown; there are name, {known}")
    tables = {table: found.get(table, {}) for table in TABLES}
    for table, entry in tables.items():
        if not isinstance(entry, dict):
            raise ProjectError(f"{file}: {table} is a table of options: write [{table}]")
        tables[table] = {key.replace("_", "-"): value for key, value in entry.items()}
    for table, key in (("import", "pictures"), ("import", "licence"), ("train", "preset")):
        if not tables[table].get(key):
            raise ProjectError(f"{file}: [{table}] lacks {key}")
    images = tables["train"].get("images", 1)
    if type(images) is not int or images < 1:
        raise ProjectError(f"{file}: [train] images: {images!r} is no number of images")
    try:
        return Settings(check_name(str(found.get("name", ""))), tables)
    except ValueError as error:
        raise ProjectError(f"{file}: name: {error}") from error


def template(
    name: str,
    pictures: Path,
    licence: str,
    network: NetworkShape,
    preset: str,
    count: int,
    shipped: Path,
) -> str:
    """A `project.toml` that explains itself.

    Args:
        name: of the model and the index.
        pictures: folder or zip, absolute.
        licence: of the pictures.
        network: what is trained: the pictures get its size and its channels.
        preset: of the training, by its name.
        count: how many pictures there are: the share held out follows.
        shipped: weights that a training may begin with.
    """
    share = min(MOST_SHARE, max(LEAST_SHARE, USEFUL_HELDOUT / max(count, 1)))
    share = round(share, 2)
    reason = (
        f"Useful figures need {USEFUL_HELDOUT:,}\n"
        f"#                held-out pictures, half of them to compare; of {count:,} this is about "
        f"{round(share * count):,}"
    )
    return TEMPLATE.format(
        name=json.dumps(name),
        pictures=json.dumps(str(pictures), ensure_ascii=False),
        licence=json.dumps(licence),
        size=network.resolution,
        grey="grey = true  # the preset draws one channel\n" if network.image_channels == 1 else "",
        preset=json.dumps(preset),
        share=share,
        reason=reason,
        shipped=json.dumps(str(shipped), ensure_ascii=False),
    )
