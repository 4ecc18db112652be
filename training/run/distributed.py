"""Several processes that train as one: `torchrun --nproc-per-node N -m -- training.cli.train ...`.

(`--` keeps torchrun from taking our `--run` for an abbreviation of its own `--run-path`.)

Every process holds the whole networks and sees its part of each batch. Gradients are averaged once
per step, so all of them take the same step; only the first one writes files. Every random draw is a
function of the seed and the number of images seen, so the parts of N processes are those of one.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn


@dataclass(frozen=True)
class World:
    """The processes of one run.

    Attributes:
        rank: which one this is.
        size: how many there are.
    """

    rank: int = 0
    size: int = 1

    @classmethod
    def join(cls, device: torch.device) -> tuple[World, torch.device]:
        """Meet the processes that `torchrun` started; a process on its own is a world of one.

        Args:
            device: the kind of device.

        Returns:
            The world, and this process's device: of several GPUs each takes its own.
        """
        size = int(os.environ.get("WORLD_SIZE", "1"))
        if size == 1:
            return cls(), device
        if device.type == "cuda":
            device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
            torch.cuda.set_device(device)
        # This module's functions take the group there is when it is imported as a default argument.
        # Adam's first step imports it (by torch._dynamo): import it while there is none, or the
        # group outlives `leave`, see there.
        import_module("torch.distributed.nn")
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
        return cls(dist.get_rank(), size), device

    def leave(self) -> None:
        """Say goodbye to the others, and end the group's threads.

        A thread that lets go of a tensor while the interpreter ends aborts the process: "terminate
        called without an active exception" (PyTorch's issue 190489). Only a group that nothing
        refers to any more waits for its threads.
        """
        if self.size > 1:
            dist.destroy_process_group()

    @property
    def writes(self) -> bool:
        """Whether this process writes the run's files and shows its progress."""
        return self.rank == 0

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace every gradient by its mean over all processes, in one exchange."""
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        if self.size == 1 or not gradients:
            return
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        dist.all_reduce(flat)
        flat /= self.size
        parts = flat.split([gradient.numel() for gradient in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view_as(gradient))

    def mean(self, values: Tensor) -> Tensor:
        """Mean of a tensor over all processes, without a gradient."""
        values = values.detach()
        if self.size > 1:
            values = values.clone()
            dist.all_reduce(values)
            values /= self.size
        return values

    def any(self, flag: bool, device: torch.device) -> bool:
        """Whether the flag is set in any process: all of them decide alike."""
        if self.size == 1:
            return flag
        return bool(self.mean(torch.tensor(float(flag), device=device)).item() > 0)

    def share(self, state: dict[str, Any], device: torch.device) -> dict[str, Any]:
        """Return the first process's state of tensors and plain values to all of them."""
        if self.size == 1:
            return state
        content = torch.empty(0, dtype=torch.uint8)
        if self.writes:
            buffer = io.BytesIO()
            torch.save(state, buffer)
            content = torch.frombuffer(bytearray(buffer.getvalue()), dtype=torch.uint8)
        length = torch.tensor(len(content), device=device)
        dist.broadcast(length, 0)
        content = content.to(device) if self.writes else content.new_empty(int(length)).to(device)
        dist.broadcast(content, 0)
        shared: dict[str, Any] = torch.load(
            io.BytesIO(content.cpu().numpy().tobytes()), map_location=device, weights_only=True
        )
        return shared


def parts_of_batch(batch: int, parts: int, group: int) -> Sequence[Tensor]:
    """Cut a batch into equal parts that keep the discriminator's groups together.

    Minibatch deviation compares image i of a batch with i + B/group, i + 2 B/group, ...: a part
    takes whole such groups, in an order in which they are its groups as well.

    Args:
        batch: B, images in the whole batch.
        parts: into how many; 1 returns the batch in its order.
        group: images that are compared with each other.

    Returns:
        Positions in the batch for each part, int64.

    Raises:
        ValueError: the batch cannot be cut so.
    """
    if parts == 1:
        return [torch.arange(batch)]
    if batch % (group * parts):
        raise ValueError(
            f"batch: {batch} images cannot be shared out to {parts} parts (processes times "
            f"accumulation) in groups of {group}: choose a multiple of {group * parts}"
        )
    columns = torch.arange(batch).reshape(group, batch // group)
    return [part.flatten() for part in columns.chunk(parts, dim=1)]
