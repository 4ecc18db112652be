"""A project's folder: where things lie, and what of them is made, stale or missing.

    project.toml       what you decide
    data/              NAME (as imported), NAME-clean, NAME-train, NAME-heldout; origin.json
    run/               a run for each preset and each state of the data, with what it exported
    models/ indexes/   what is served
    reports/ sheets/   what to look at
    .cache/ .next/ .stack/   features and other indexes, data that is being made, the stack's files

Nothing is noted down that could be out of date: that a step is done follows from digests. Data,
figures and exports tell what they were made from, and with which options; a version that serves has
the card of its export. The index is that of the version that serves: it follows a release, and a
rollback.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from animegan_search.ssim.index.errors import SearchIndexError
from animegan_search.ssim.index.manifest import Manifest
from animegan_search.ssim.index.manifest import read_manifest as read_index
from training.datasets.importing.archive import Archive
from training.datasets.importing.folder import Folder
from training.datasets.importing.source import Inventory
from training.datasets.manifest import DatasetError, Header, read_manifest
from training.export.repository import read_card, versions
from training.files import pretty, sha256
from training.gan.presets import PRESETS
from training.gan.snapshots import CURVE
from training.networks.tensor_file import WeightsError, read_metadata
from training.networks.weights import load_generator, save_generator
from training.project.settings import (
    FILE,
    USEFUL_HELDOUT,
    ProjectError,
    Settings,
    read_settings,
)
from training.release.store import Store
from training.release.traffic import Traffic, read_traffic
from training.run.folder import OPTIONS

ORIGIN = "origin.json"
_ORIGIN_TABLES = ("import", "clean", "split")


@dataclass(frozen=True)
class Project:
    """A project; paths are relative to the current folder, which is the project's.

    Attributes:
        settings: what `project.toml` says now.
    """

    settings: Settings

    @classmethod
    def here(cls) -> Project:
        """The project of the current folder.

        Raises:
            ProjectError: there is none, or its settings cannot be.
        """
        return cls(read_settings(Path(FILE)))

    data, models = Path("data"), Path("models")
    cache, stack, next_data = Path(".cache"), Path(".stack"), Path(".next")
    reports, sheets = Path("reports"), Path("sheets")

    @property
    def name(self) -> str:
        """Of the served model and of its index."""
        return self.settings.name

    @property
    def index(self) -> Path:
        """The index of the training images."""
        return Path("indexes") / self.name

    def dataset(self, side: str, root: Path | None = None) -> Path:
        """A dataset: "" as imported, "clean", "train" or "heldout"."""
        return (root or self.data) / "-".join(filter(None, (self.name, side)))

    def header(self, side: str) -> Header | None:
        """What a finished dataset says of itself."""
        found = self._manifest(side)
        return found and found[0]

    def digest(self, side: str) -> str:
        """The digest of a dataset.

        Raises:
            ProjectError: there is none yet.
        """
        found = self._manifest(side)
        if found is None:
            raise ProjectError("there are no images yet: `anime-gan project import`")
        return found[1]

    def _manifest(self, side: str) -> tuple[Header, str] | None:
        try:
            header, _, digest = read_manifest(self.dataset(side))
        except DatasetError:
            return None
        return header, digest

    def origin(self) -> bytes:
        """What data would be made from now: the pictures by name, size and time, and the options.

        Raises:
            DatasetError: the pictures are not there.
        """
        settings = self.settings
        source, root = inventory(settings.pictures)
        total = hashlib.sha256()
        for entry in source.entries:
            status = (root / entry.id if root.is_dir() else root).stat()
            total.update(f"{entry.id}\0{entry.size}\0{status.st_mtime_ns}\n".encode())
        options = {table: settings.options(table) for table in _ORIGIN_TABLES}
        return pretty(
            {"pictures": len(source.entries), "sha256": total.hexdigest()}
            | {"name": settings.name, **options}
        )

    def data_is_made(self) -> bool:
        """Whether there are images to train on, of whatever pictures."""
        return self._manifest("train") is not None and self._manifest("heldout") is not None

    def change(self) -> str:
        """What has changed since these images were made; nothing if nothing has."""
        try:
            now = self.origin()
        except (DatasetError, OSError) as error:
            return f"the pictures cannot be looked at: {error}"
        if _holds(self.data / ORIGIN, now):
            return ""
        return "the pictures, or how they are taken in, have changed since"

    @property
    def run(self) -> Path:
        """The run of this preset on these images: other ones have runs of their own."""
        return Path("run") / f"{self.settings.preset}-{self.digest('train')[:8]}"

    @property
    def weights(self) -> Path:
        """What the run has learnt so far."""
        return self.run / "generator.safetensors"

    @property
    def candidate(self) -> Path:
        """The repository that the run's weights are exported to."""
        return self.run / "export"

    def trained(self) -> tuple[int, int]:
        """Images that the weights have seen, and those that `project.toml` asks for in all.

        (0, 0) before the run has begun.

        Raises:
            ProjectError: the weights cannot be read, or the preset is unknown.
        """
        if not (self.run / OPTIONS).exists():
            return 0, 0
        preset = PRESETS.get(self.settings.preset)
        if preset is None:
            raise ProjectError(f"{FILE}: [train] preset: {self.settings.preset!r} is unknown")
        seen = int(self._story("training").get("images_seen", 0))
        return seen, self.settings.images or preset.total_images

    def flat_since(self) -> int | None:
        """Images seen when the run was best by more than chance, if it may end since it is flat.

        Raises:
            ProjectError: its curve cannot be read.
        """
        curve = self.run / CURVE
        if not self.settings.stops_when_flat or not curve.exists():
            return None
        try:
            since: int | None = json.loads(curve.read_bytes())["flat_since"]
        except (KeyError, ValueError) as error:
            raise ProjectError(f"{curve} is not the curve of a run ({error!r})") from error
        return since

    @property
    def evaluated(self) -> Path:
        """What the weights were last measured by, as `evaluating` tells it."""
        return self.run / "evaluated.json"

    def evaluating(self) -> bytes:
        """What weights would be measured by from now: the held-out images, and the options."""
        options = self.settings.options("evaluate")
        return pretty({"heldout": self.digest("heldout"), "options": options})

    def measured(self) -> dict[str, Any]:
        """The figures that the weights carry; nothing if these were not measured, or otherwise."""
        return self._story("metrics") if _holds(self.evaluated, self.evaluating()) else {}

    def exporting(self) -> bytes:
        """What an export would be made from now: the weights, the licence and the options."""
        made_from = {"weights": sha256(self.weights), "licence": self.licence}
        return pretty(made_from | {"options": self.settings.options("export")})

    def exported(self) -> dict[str, Any] | None:
        """The card of the export of these weights; none if there is none, or of other options."""
        found = versions(self.candidate / self.name)
        if not (found and self.weights.exists()):
            return None
        if not _holds(self.candidate / ORIGIN, self.exporting()):
            return None
        return read_card(self.candidate / self.name, found[-1])

    def published(self) -> int | None:
        """The version of `models` that the export became, if it is the stable one."""
        traffic = self.traffic()
        return traffic.stable if traffic and self.is_export(traffic.stable) else None

    def is_export(self, version: int | None) -> bool:
        """Whether this version of `models` is the export."""
        card = self.exported()
        if card is None or version is None:
            return False
        return read_card(self.models / self.name, version) == card | {"version": version}

    @property
    def licence(self) -> str:
        """Of the images, as their dataset says it.

        Raises:
            ProjectError: there are none yet.
        """
        return self._known("train").licence

    def correct_licence(self) -> bool:
        """Let weights say what the images say, where that was corrected; whether it was."""
        training = self._story("training")
        if training["dataset"]["licence"] == self.licence:
            return False
        generator, story = load_generator(self.weights)
        story["training"]["dataset"]["licence"] = self.licence
        save_generator(self.weights, generator, story["training"], story["metrics"])
        return True

    def traffic(self) -> Traffic | None:
        """Which versions serve."""
        return read_traffic(Store(self.models), self.name) if self.models.exists() else None

    def index_is_current(self) -> bool:
        """Whether the index holds the training images, calibrated by the held-out ones."""
        found = _read_index(self.index)
        return found is not None and self._place(_contents(found)) == self.next_index

    @property
    def next_index(self) -> Path:
        """Where the index of these images is built."""
        sides = ("train", "heldout")
        return self._place([(self.digest(side), self._known(side).licence) for side in sides])

    def use_index(self) -> None:
        """Let the index of these images be searched; the one before is kept, older ones are not."""
        if self.index_is_current():
            return
        kept = self._exchange(self.next_index)
        for other in self.next_index.parent.iterdir():
            if other != kept:
                shutil.rmtree(other)

    def follow(self, version: int) -> bool:
        """Let the index be searched that holds what a version has learnt; false: none is kept."""
        learnt = read_card(self.models / self.name, version)["dataset"]["digest"]
        for folder in (self.index, *sorted((self.cache / "index").glob("*"))):
            found = _read_index(folder)
            if found and [source.digest for source in found.sources] == [learnt]:
                if folder != self.index:
                    self._exchange(folder)
                return True
        return False

    def _exchange(self, made: Path) -> Path | None:
        """Put an index into the place of that which is searched; where this is kept."""
        before = _read_index(self.index)
        kept = None if before is None else self._place(_contents(before))
        if kept:
            shutil.rmtree(kept, ignore_errors=True)
            self.index.rename(kept)
        change_places(made, self.index)
        return kept

    def _place(self, contents: list[tuple[str, str]]) -> Path:
        """Where an index is built and kept: digests and licences of its images name it."""
        name = hashlib.sha256(json.dumps(contents).encode()).hexdigest()[:16]
        return self.cache / "index" / name

    def _known(self, side: str) -> Header:
        header = self.header(side)
        if header is None:
            raise ProjectError("there are no images yet: `anime-gan project import`")
        return header

    def _story(self, key: str) -> dict[str, Any]:
        if not self.weights.exists():
            return {}
        try:
            story: dict[str, Any] = json.loads(read_metadata(self.weights)[key])
        except (WeightsError, KeyError, ValueError) as error:
            raise ProjectError(f"{self.weights} cannot be read: {error}") from error
        return story

    def state(self) -> Iterator[tuple[str, bool, str]]:
        """The steps in their order: name, whether it is done, and how things stand."""
        if not self.data_is_made():
            yield "import", False, "no images yet"
            return
        change = self.change()
        yield "import", not change, self._images() + (change and f"; {change}")
        seen, total = self.trained()
        text, since = f"{seen:,} of {total:,} images" if total else "not begun", self.flat_since()
        if since is not None:
            text += f", flat since {since:,}"
        yield "train", 0 < total <= seen or since is not None, text
        if not self.weights.exists():
            return
        figures = self.measured()
        text = "measured" if figures else "these weights are not measured, or otherwise"
        if "fd" in figures:
            text = f"FD {figures['fd']:.3g}, of unseen real images {figures['fd_floor']:.3g}"
        yield "evaluate", bool(figures), text
        version, traffic = self.published(), self.traffic()
        text = "nothing is published yet"
        if traffic:
            text = f"version {traffic.stable} is stable"
            text += "" if version else ", made from other weights or with other options"
        yield "publish", version is not None and self.index_is_current(), text

    def enough(self) -> str:
        """How many pictures are held out, and whether figures from these tell anything."""
        header = self.header("heldout")
        count = header.count if header else 0
        text = f"{count:,} pictures are held out: figures compare {count // 2:,}"
        if count >= USEFUL_HELDOUT:
            return text
        return (
            f"{text}. Useful ones, and the gate's limits, need {USEFUL_HELDOUT:,}: more pictures, "
            "or a larger share in [split] of project.toml"
        )

    def _images(self) -> str:
        train, heldout = self._known("train"), self._known("heldout")
        return f"{train.count:,} to train on, {heldout.count:,} held out"


def inventory(pictures: str) -> tuple[Inventory, Path]:
    """The pictures of a folder or a zip, and which of them it is.

    Raises:
        DatasetError: it cannot be read.
    """
    path = Path(pictures).expanduser()
    source = Archive(path) if path.suffix.lower() == ".zip" else Folder(path)
    return source.inventory(), path


def _holds(file: Path, content: bytes) -> bool:
    return file.exists() and file.read_bytes() == content


def _read_index(folder: Path) -> Manifest | None:
    """What a whole index says of itself."""
    try:
        return read_index(folder)
    except (SearchIndexError, OSError):
        return None


def _contents(index: Manifest) -> list[tuple[str, str]]:
    """Digests and licences of what an index holds, and of what calibrates it."""
    contents = [(one.digest, one.licence) for one in index.sources]
    if index.calibration:
        contents.append((index.calibration.heldout.digest, index.calibration.heldout.licence))
    return contents


def change_places(made: Path, goal: Path) -> None:
    """Put a folder that is whole into the place of an older one."""
    before = made.with_name(f"{made.name}.before")
    shutil.rmtree(before, ignore_errors=True)
    goal.parent.mkdir(parents=True, exist_ok=True)
    if goal.exists():
        goal.rename(before)
    made.rename(goal)
    shutil.rmtree(before, ignore_errors=True)
