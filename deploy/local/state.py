"""What a stack remembers between commands, in its state directory."""

import contextlib
import fcntl
import json
import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Self

from deploy.local import processes
from deploy.local.runtime import PROJECT
from deploy.local.triton import TritonSettings

STATE_FILE = "stack.json"  # in the state directory


@dataclass(frozen=True)
class StackSettings:
    """What the stack serves, and the loopback ports on which it listens."""

    model_repository: Path = PROJECT / "models"
    indexes: Path = PROJECT / ".local" / "indexes"
    default_index: str = "procedural-64"
    triton_http_port: int = 8000
    triton_grpc_port: int = 8001
    triton_metrics_port: int = 8002
    generator_port: int = 50051
    generator_metrics_port: int = 9101
    upscaler_port: int = 50052
    upscaler_metrics_port: int = 9102
    similarity_port: int = 50053
    similarity_metrics_port: int = 9103

    @classmethod
    def ports(cls) -> list[str]:
        """Return the names of the fields that are ports."""
        return [field.name for field in fields(cls) if field.name.endswith("_port")]

    def on_free_ports(self) -> Self:
        """Return a copy that listens where nobody else does."""
        names = self.ports()
        free = dict(zip(names, processes.free_ports(len(names)), strict=True))
        return self._on(free)

    def on_ports_of(self, other: Self) -> Self:
        """Return a copy that listens where `other` does."""
        return self._on({name: getattr(other, name) for name in self.ports()})

    def differences(self, other: Self) -> list[str]:
        """Return the names of the fields in which `other` is not the same."""
        names = [field.name for field in fields(self)]
        return [name for name in names if getattr(self, name) != getattr(other, name)]

    def _on(self, ports: Mapping[str, int]) -> Self:
        return type(self)(self.model_repository, self.indexes, self.default_index, **ports)


@dataclass(frozen=True)
class StackState:
    """The settings of a stack that was started, and what belongs to it alone."""

    settings: StackSettings
    admin_key: str  # opens Triton's model-repository protocol

    @classmethod
    def new(cls, settings: StackSettings) -> Self:
        """Return a state with a fresh key."""
        return cls(settings, secrets.token_hex(16))

    @property
    def triton(self) -> TritonSettings:
        """The settings of its Triton."""
        return TritonSettings(
            model_repository=self.settings.model_repository,
            http_port=self.settings.triton_http_port,
            grpc_port=self.settings.triton_grpc_port,
            metrics_port=self.settings.triton_metrics_port,
            admin_key=self.admin_key,
            indexes=self.settings.indexes,
        )

    @classmethod
    def read(cls, file: Path) -> Self | None:
        """Return what `write` wrote, or None if there is no stack."""
        try:
            stored = json.loads(file.read_text())
        except FileNotFoundError:
            return None
        settings = stored.pop("settings")
        folders = {name: Path(settings[name]) for name in ("model_repository", "indexes")}
        return cls(StackSettings(**settings | folders), **stored)

    def write(self, file: Path) -> None:
        """Store it where only this user can read it: it holds the admin key."""
        staged = file.with_suffix(".new")
        staged.touch(mode=0o600)
        staged.write_text(json.dumps(asdict(self), default=str, indent=2))
        staged.rename(file)


@dataclass(frozen=True)
class Restarts:
    """How a part has fared under the supervisor, as `status` tells it."""

    count: int = 0  # how often it was started again
    at: float = 0.0  # the last time, in seconds since the epoch
    reason: str = ""  # for the last time
    fault: str = ""  # why it could not be started since then

    def succeeded(self, reason: str) -> Self:
        """It has been started once more."""
        return type(self)(self.count + 1, time.time(), reason)

    def failed(self, fault: str) -> Self:
        """It could not be started once more."""
        return replace(self, fault=fault)

    @classmethod
    def read(cls, file: Path) -> Self:
        """Return what `write` wrote, or that of a part that was never started again."""
        try:
            return cls(**json.loads(file.read_text()))
        except FileNotFoundError:
            return cls()

    def write(self, file: Path) -> None:
        """Store it."""
        staged = file.with_suffix(".new")
        staged.write_text(json.dumps(asdict(self)))
        staged.rename(file)


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Let one command at a time change the stack of this state directory."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def free_for_us(folder: Path) -> Iterator[bool]:
    """Tell whether no command is at work, and keep commands out meanwhile if so.

    For the supervisor, whose restarts of different parts are free to happen at the same time. It
    never waits for a command: that may be about to stop the supervisor itself.
    """
    with contextlib.ExitStack() as opened:
        try:
            file = opened.enter_context((folder / "lock").open("w"))
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            free = True
        except (BlockingIOError, FileNotFoundError):  # the whole folder may have gone
            free = False
        yield free
