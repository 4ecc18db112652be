"""What a kind of network brings to a run: `training.run.loop` asks for nothing else."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import torch
from PIL import Image
from torch import Tensor, nn

from training.datasets.store import Dataset
from training.export.licence import UNKNOWN, learnt_from
from training.files import sha256
from training.run.checkpoint import check_complete, spoilt, take_over
from training.run.compute import Compute, use_bf16
from training.run.options import RunOptions

# Steps that are read at once.
READ_STEPS = 4


class StepLosses(Mapping[str, float]):
    """Name -> value of one step, left on the device until one is asked for, which reads all.

    A GPU is given the next step's work while it still computes this one's, as long as nobody reads.

    Args:
        images_seen: before the step.
        names: in the order of the values.
        values: float32 [len(names)], on any device.
        remedy: what to do where they are spoilt.
    """

    def __init__(
        self, images_seen: int, names: Sequence[str], values: Tensor, remedy: str = ""
    ) -> None:
        self.images_seen = images_seen
        self._names = tuple(names)
        self._values = values
        self._remedy = remedy

    @cached_property
    def read(self) -> dict[str, float]:
        """All of them.

        Raises:
            FloatingPointError: one is not finite: the networks are spoilt.
        """
        found = dict(zip(self._names, self._values.tolist(), strict=True))
        if not all(math.isfinite(value) for value in found.values()):
            raise FloatingPointError(
                f"the losses after {self.images_seen} images are not finite ({found}); "
                f"{self._remedy}"
            )
        return found

    def unread(self, name: str) -> Tensor:
        """One of them as a scalar tensor on the device."""
        return self._values[self._names.index(name)]

    def __getitem__(self, name: str) -> float:
        return self.read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class Trainer(ABC):
    """The state of one run, and one step of it.

    A kind of network sets `parts` in its constructor, notes its losses, and ends each step with
    `finish_step`. Every random draw is a function of the seed and of the images seen: a run goes on
    from `state` exactly.

    Attributes:
        parts: names of the networks and optimisers, attributes that a checkpoint holds.
        newer: what checkpoints of earlier versions may lack.
        weights_name: file of the weights that a run leaves.
        remedy: what the user may do when the run diverges.
        options: the run.
        device: where to train.
        compute: how; see `Compute`.
        images_seen: images shown so far.
        step_count: steps done so far.
        begun_with: {"sha256", "datasets"} of the file whose weights the run began with, and all
            that those had learnt from; empty where it began with new ones.
    """

    parts: ClassVar[tuple[str, ...]]
    newer: ClassVar[frozenset[str]] = frozenset({"step_count", "begun_with", "learnt_from"})
    weights_name: ClassVar[str]
    remedy: ClassVar[str] = (
        "the last checkpoint is whole; begin another run with another --seed or a smaller --lr"
    )
    options: RunOptions

    def __init__(
        self, options: RunOptions, device: torch.device, compute: Compute | None = None
    ) -> None:
        self.options = options
        self.device = device
        self.compute = compute or Compute()
        self.images_seen = 0
        self.step_count = 0
        self.begun_with: dict[str, Any] = {}
        self._notes: dict[str, list[Tensor]] = {}
        self._unread: list[StepLosses] = []
        torch.manual_seed(options.seed)

    # What each kind of network brings.

    @abstractmethod
    def step(self) -> StepLosses:
        """Train on one batch and return the losses.

        Raises:
            FloatingPointError: a loss of one of the last steps is not finite; see `read_losses`.
        """

    @property
    @abstractmethod
    def published(self) -> nn.Module:
        """The network that the run is for."""

    @abstractmethod
    def save_weights(self, path: Path, story: dict[str, Any]) -> None:
        """Write `published`; its story tells where it comes from, as JSON."""

    @abstractmethod
    def sources(self) -> Mapping[str, Dataset | Sequence[Dataset]]:
        """What it learns from: {"dataset": one} or {"datasets": several}."""

    def begin_with(self, path: Path) -> None:
        """Take over the weights of a file, before the first step.

        Raises:
            ValueError: they do not fit.
            OSError: the file cannot be read.
        """
        raise ValueError(f"{path}: a {self.options.kind} begins with new weights alone")

    @property
    def numbered(self) -> bool:
        """Whether the weights of this moment are kept under its number, beside the newest ones."""
        return False

    def sheets(self) -> tuple[Image.Image, Image.Image] | None:
        """What `published` draws of fixed latents, and what the last step's weights do."""
        return None

    @property
    def sheet_bytes(self) -> int:
        """Room that a sheet takes at most."""
        return 0

    # What all of them share.

    @property
    def use_bf16(self) -> bool:
        """Whether the networks run in bfloat16 (weights and penalties stay in float32)."""
        return use_bf16(self.options.precision, self.device)

    def autocast(self) -> torch.autocast:
        """The context in which the networks run."""
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.use_bf16)

    def descend(self, optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
        """One step down the gradient of a loss."""
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.update(optimiser)

    def update(self, optimiser: torch.optim.Optimizer) -> None:
        """One step down the gradients that all processes have gathered."""
        parameters = [value for group in optimiser.param_groups for value in group["params"]]
        self.compute.world.average_gradients(parameters)
        optimiser.step()

    def note(self, name: str, value: Tensor) -> None:
        """Keep a scalar of this step for the log: the mean over parts and processes is told."""
        self._notes.setdefault(name, []).append(value.detach())

    def finish_step(self) -> StepLosses:
        """Count the batch, and return the means of what was noted.

        Raises:
            FloatingPointError: see `read_losses`, which every few steps ends with.
        """
        means = torch.stack([torch.stack(values).mean() for values in self._notes.values()])
        names, means = [*self._notes], self.compute.world.mean(means)
        losses = StepLosses(self.images_seen, names, means, self.remedy)
        self._unread.append(losses)
        self._notes = {}
        self.images_seen += self.options.batch
        self.step_count += 1
        if self.step_count % READ_STEPS == 0:
            self.read_losses()
        return losses

    def read_losses(self) -> None:
        """Look at the losses of the last steps; every process does it after the same steps.

        Raises:
            FloatingPointError: one is not finite, in any process; the state is spoilt, the last
                checkpoint is not.
        """
        for losses in self._unread:
            losses.read  # noqa: B018
        self._unread.clear()

    def state(self) -> dict[str, Any]:
        """Everything that `restore` needs, as tensors and plain values."""
        return {
            "options": self.options.to_json(),
            **self.digests(),
            "images_seen": self.images_seen,
            "step_count": self.step_count,
            "begun_with": self.begun_with,
            "learnt_from": learnt_from(self.origins()),
            **{name: getattr(self, name).state_dict() for name in self.parts},
        }

    def sound_state(self) -> dict[str, Any]:
        """The state, once it is known to be sound: the last loss tells nothing of its own update.

        Raises:
            FloatingPointError: a weight, an average or a moment of an optimiser is not finite, in
                any process.
        """
        state = self.state()
        name = spoilt(state)
        if self.compute.world.any(name is not None, self.device):
            raise FloatingPointError(
                f"{name or 'a value'} after {self.images_seen} images is not finite; {self.remedy}"
            )
        return state

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from `state`.

        Raises:
            CheckpointError: it lacks something, or is that of other networks.
        """
        check_complete(state, [name for name in self.state() if name not in self.newer])
        self.images_seen = state["images_seen"]
        self.step_count = state.get("step_count", self.images_seen // self.options.batch)
        self.begun_with = state.get("begun_with", {})
        for name in self.parts:
            take_over(name, getattr(self, name), state[name])

    def meet(self) -> None:
        """Take over the state of the first process, which has restored it or begun."""
        state = self.compute.world.share(self.state(), self.device)
        if not self.compute.world.writes:
            self.restore(state)

    def origins(self) -> dict[str, Any]:
        """What the story of the weights tells of images: each source, and `begun_with`."""
        told: dict[str, Any] = {
            name: _known(found) if isinstance(found, Dataset) else [_known(one) for one in found]
            for name, found in self.sources().items()
        }
        return told | ({"begun_with": self.begun_with} if self.begun_with else {})

    def remember_begin(self, path: Path, datasets: Sequence[Mapping[str, Any]]) -> None:
        """Keep what the run began with, for the licence of its weights.

        Args:
            path: the file.
            datasets: what its weights have learnt from; none where it does not tell.
        """
        unknown = {"name": f"what {path.name} has learnt from", "licence": UNKNOWN}
        kept = [dict(one) for one in datasets] or [unknown]
        self.begun_with = {"sha256": sha256(path), "datasets": kept}

    def digests(self) -> dict[str, str | list[str]]:
        """Which images the run is trained on: it goes on with the same ones alone."""
        return {
            name: found.digest if isinstance(found, Dataset) else [one.digest for one in found]
            for name, found in self.sources().items()
        }


def _known(dataset: Dataset) -> dict[str, str]:
    header = dataset.header
    return {"name": header.name, "digest": dataset.digest, "licence": header.licence}
