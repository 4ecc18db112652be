"""What the trainers of all kinds of network share: the state of a run and the loop's view of it."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from training.datasets.batches import RealImages
from training.gan.options import RunOptions
from training.networks.interface import ImageGenerator
from training.run.compute import Compute, use_bf16
from training.run.step_losses import READ_STEPS, StepLosses

# What `GanTrainer.state` keeps by its own `state_dict`.
STATEFUL = ("generator", "discriminator", "average", "generator_adam", "discriminator_adam")


class GanTrainer(ABC):
    """Both networks, their optimisers, the moving average, and the count of images seen.

    A kind of network adds `build`, `adam_betas` and `step`.

    Attributes:
        options: the run.
        images: real images.
        device: where to train.
        compute: how; see `Compute`.
        scales: whether this kind can share out batches and compile its networks.
        images_seen: real images shown so far.
        step_count: steps done so far.
        generator: as the last step left it.
        average: moving average of the generator, in evaluation mode: what is saved.
        discriminator: image [B, C, H, W] -> logit [B].
    """

    scales: ClassVar[bool] = False

    def __init__(
        self,
        options: RunOptions,
        images: RealImages,
        device: torch.device,
        compute: Compute | None = None,
    ) -> None:
        self.options = options
        self.images = images
        self.device = device
        self.compute = compute or Compute()
        if self.compute != Compute() and not self.scales:
            raise ValueError(
                f"a {options.kind} is trained by one process on whole batches, which its batch "
                "normalisation needs: leave torchrun, --accumulate and --compile out"
            )
        self._notes: dict[str, list[Tensor]] = {}
        self._unread: list[StepLosses] = []
        self.images_seen = 0
        self.step_count = 0
        torch.manual_seed(options.seed)
        generator, discriminator = self.build()
        self.generator = generator.to(device, memory_format=torch.channels_last)
        self.discriminator = discriminator.to(device, memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.generator).eval().requires_grad_(False)
        self.generator_adam, self.discriminator_adam = (
            torch.optim.Adam(network.parameters(), betas=self.adam_betas, eps=1e-8)
            for network in (self.generator, self.discriminator)
        )

    @abstractmethod
    def build(self) -> tuple[ImageGenerator, nn.Module]:
        """Make the generator and the discriminator, with the weights they begin with."""

    @property
    @abstractmethod
    def adam_betas(self) -> tuple[float, float]:
        """Decays of Adam's mean gradient and mean squared gradient."""

    @abstractmethod
    def step(self) -> StepLosses:
        """Train both networks on one batch and return the losses.

        Raises:
            FloatingPointError: a loss of one of the last steps is not finite; see `read_losses`.
        """

    @property
    def use_bf16(self) -> bool:
        """Whether the networks run in bfloat16 (weights and penalties stay in float32)."""
        return use_bf16(self.options.precision, self.device)

    def autocast(self) -> torch.autocast:
        """The context in which the networks run."""
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.use_bf16)

    def set_rates(self) -> None:
        """Give both optimisers the step size of this moment."""
        factor = self.options.lr_factor(self.images_seen)
        for adam, rate in (
            (self.generator_adam, self.options.lr_generator),
            (self.discriminator_adam, self.options.lr_discriminator),
        ):
            for group in adam.param_groups:
                group["lr"] = rate * factor

    def descend(self, adam: torch.optim.Adam, loss: Tensor) -> None:
        """One step down the gradient of a loss."""
        adam.zero_grad(set_to_none=True)
        loss.backward()
        self.update(adam)

    def update(self, adam: torch.optim.Adam) -> None:
        """One step down the gradients that all processes have gathered."""
        parameters = [value for group in adam.param_groups for value in group["params"]]
        self.compute.world.average_gradients(parameters)
        adam.step()

    def note(self, name: str, value: Tensor) -> None:
        """Keep a scalar of this step for the log: the mean over parts and processes is told."""
        self._notes.setdefault(name, []).append(value.detach())

    def finish_step(self) -> StepLosses:
        """Count the batch, move the average, and return the means of what was noted.

        Raises:
            FloatingPointError: see `read_losses`, which every few steps ends with.
        """
        means = torch.stack([torch.stack(values).mean() for values in self._notes.values()])
        losses = StepLosses(self.images_seen, [*self._notes], self.compute.world.mean(means))
        self._unread.append(losses)
        self._notes = {}
        self.images_seen += self.options.batch
        self.step_count += 1
        self._update_average()
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

    def check_weights(self) -> None:
        """See that the last update has not spoilt the weights: its loss tells of those before it.

        Raises:
            FloatingPointError: one of them is not finite.
        """
        for network in (self.generator, self.discriminator):
            if not all(bool(value.isfinite().all()) for value in network.parameters()):
                raise FloatingPointError(
                    f"a weight after {self.images_seen} images is not finite; the last checkpoint "
                    "is whole; begin another run with another --seed or with --precision fp32"
                )

    def latents(self, count: int, randomness: torch.Generator) -> Tensor:
        """Draw z [count, Z]."""
        z = torch.randn(count, self.options.network.z_dim, generator=randomness)
        return z.to(self.device)

    @torch.no_grad()
    def _update_average(self) -> None:
        """Exponential moving average of the generator."""
        half_life = self.options.half_life_at(self.images_seen)
        weight = 1 - 0.5 ** (self.options.batch / max(half_life, 1e-8))
        torch._foreach_lerp_(
            list(self.average.parameters()), list(self.generator.parameters()), weight
        )

    def state(self) -> dict[str, Any]:
        """Everything that `restore` needs, as tensors and plain values."""
        return {
            "options": self.options.to_json(),
            "dataset": self.images.dataset.digest,
            "images_seen": self.images_seen,
            "step_count": self.step_count,
            **{name: getattr(self, name).state_dict() for name in STATEFUL},
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state`, with the switches of its schedule where they were."""
        past = self._read_options(state)
        self.images_seen = state["images_seen"]
        self.step_count = state["step_count"]
        self.options = self.options.continuing(past, self.images_seen)
        for name in STATEFUL:
            getattr(self, name).load_state_dict(state[name])

    def meet(self) -> None:
        """Take over the state of the first process, which has restored or transferred it."""
        state = self.compute.world.share(self.state(), self.device)
        if not self.compute.world.writes:
            self.restore(state)

    def transfer(self, state: dict[str, Any]) -> None:
        """Begin with the networks of a checkpoint, but neither its optimisers nor its schedule.

        The generator begins as the moving average: what was measured and chosen. The average goes
        on from there.

        Raises:
            ValueError: its networks are of another kind, or have other sizes, or the options do not
                tell of it.
        """
        self._read_options(state)
        if not self.options.transfer:
            raise ValueError("transfer: it must hold the checkpoint's sha256, and is empty")
        self.discriminator.load_state_dict(state["discriminator"])
        for network in (self.generator, self.average):
            network.load_state_dict(state["average"])

    def _read_options(self, state: dict[str, Any]) -> RunOptions:
        """The options of a checkpoint of the same networks.

        Raises:
            ValueError: they are others.
        """
        found = type(self.options).from_json(state["options"])
        if found.network != self.options.network:
            raise ValueError(
                f"the checkpoint's networks are {found.network}, not {self.options.network}"
            )
        return found
