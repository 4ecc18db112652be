"""A project's folder: where things lie, and what of them is made, stale or missing.

    project.toml       what you decide
    data/              NAME (as imported), NAME-clean, NAME-train, NAME-heldout; origin.json
    run/               a run for each preset and each state of the data, with what it exported
    models/ indexes/   what is served
    reports/ sheets/   what to look at
    .cache/ .next/ .stack/   features, data that is being made, the stack's pid files and logs

Nothing is noted down that could be out of date: that a step is done follows from digests. The data
tell what they were made from, weights tell their data, a model's card tells its weights.
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
from animegan_search.ssim.index.manifest import read_manifest as read_index
from training.datasets.importing.archive import Archive
from training.datasets.importing.folder import Folder
from training.datasets.importing.source import Inventory
from training.datasets.manifest import DatasetError, Header, read_manifest
from training.export.repository import read_card, versions
from training.files import pretty, sha256
from training.networks.tensor_file import WeightsError, read_metadata
from training.project.settings import (
    FILE,
    USEFUL_HELDOUT,
    ProjectError,
    Settings,
    read_settings,
)
from training.release.store import Store
from training.release.traffic import Traffic, read_traffic

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
        path = self.data / ORIGIN
        try:
            now = self.origin()
        except (DatasetError, OSError) as error:
            return f"the pictures cannot be looked at: {error}"
        if path.exists() and path.read_bytes() == now:
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
        """Images that the weights have seen, and those of the whole run; (0, 0) before it."""
        options = self.run / "options.json"
        if not options.exists():
            return 0, 0
        total = int(json.loads(options.read_text(encoding="utf-8"))["total_images"])
        return int(self._story("training").get("images_seen", 0)), total

    def measured(self) -> dict[str, Any]:
        """The figures that the weights carry; nothing if these were not measured."""
        return self._story("metrics")

    def exported(self) -> int | None:
        """The version of the candidate's repository that the weights became."""
        return self._made_from_weights(self.candidate, versions(self.candidate / self.name))

    def published(self) -> int | None:
        """The version of `models` that the weights became, if it is the stable one."""
        traffic = self.traffic()
        return self._made_from_weights(self.models, [traffic.stable] if traffic else [])

    def is_candidate(self, version: int | None) -> bool:
        """Whether this version of `models` was made from the weights."""
        return version is not None and (self._made_from_weights(self.models, [version]) is not None)

    def traffic(self) -> Traffic | None:
        """Which versions serve."""
        return read_traffic(Store(self.models), self.name) if self.models.exists() else None

    def index_is_current(self) -> bool:
        """Whether the index holds the training images, calibrated by the held-out ones."""
        try:
            manifest = read_index(self.index)
        except (SearchIndexError, OSError):
            return False
        heldout = manifest.calibration and manifest.calibration.heldout.digest
        sources = [source.digest for source in manifest.sources]
        return sources == [self.digest("train")] and heldout == self.digest("heldout")

    def _story(self, key: str) -> dict[str, Any]:
        if not self.weights.exists():
            return {}
        try:
            story: dict[str, Any] = json.loads(read_metadata(self.weights)[key])
        except (WeightsError, KeyError, ValueError) as error:
            raise ProjectError(f"{self.weights} cannot be read: {error}") from error
        return story

    def _made_from_weights(self, repository: Path, among: list[int]) -> int | None:
        if not self.weights.exists():
            return None
        wanted = sha256(self.weights)
        for version in reversed(among):
            if read_card(repository / self.name, version)["training"].get("weights") == wanted:
                return version
        return None

    def state(self) -> Iterator[tuple[str, bool, str]]:
        """The steps in their order: name, whether it is done, and how things stand."""
        if not self.data_is_made():
            yield "import", False, "no images yet"
            return
        change = self.change()
        yield "import", not change, self._images() + (change and f"; {change}")
        seen, total = self.trained()
        yield "train", 0 < total <= seen, f"{seen:,} of {total:,} images" if total else "not begun"
        if not self.weights.exists():
            return
        figures = self.measured()
        text = "measured" if figures else "these weights are not measured"
        if "fd" in figures:
            text = f"FD {figures['fd']:.3g}, of unseen real images {figures['fd_floor']:.3g}"
        yield "evaluate", bool(figures), text
        version, traffic = self.published(), self.traffic()
        text = "nothing is published yet"
        if traffic:
            text = f"version {traffic.stable} is stable"
            text += "" if version else ", made from other weights"
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
        train, heldout = self.header("train"), self.header("heldout")
        assert train and heldout  # noqa: S101 (`data_is_made` was asked)
        return f"{train.count:,} to train on, {heldout.count:,} held out"


def inventory(pictures: str) -> tuple[Inventory, Path]:
    """The pictures of a folder or a zip, and which of them it is.

    Raises:
        DatasetError: it cannot be read.
    """
    path = Path(pictures).expanduser()
    source = Archive(path) if path.suffix.lower() == ".zip" else Folder(path)
    return source.inventory(), path


def change_places(made: Path, goal: Path) -> None:
    """Put a folder that is whole into the place of an older one."""
    before = made.with_name(f"{made.name}.before")
    shutil.rmtree(before, ignore_errors=True)
    goal.parent.mkdir(parents=True, exist_ok=True)
    if goal.exists():
        goal.rename(before)
    made.rename(goal)
    shutil.rmtree(before, ignore_errors=True)
