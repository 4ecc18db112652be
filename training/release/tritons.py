"""All Tritons that serve one repository: what is told to one of them is told to all."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import cycle
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from deploy.triton_admin import ADMIN_KEY_VARIABLE, AdminError, Health, TritonAdmin
from training.release.errors import ReleaseError

_CANARY_SECONDS = 30.0


@dataclass(frozen=True)
class Address:
    """A Triton's gRPC address, host:port, and the key that opens its model-repository protocol."""

    url: str
    admin_key: str


class Tritons:
    """Connections to all of them, for a `with` block."""

    def __init__(self, addresses: Sequence[Address]) -> None:
        """Connect when first asked."""
        self._exit = ExitStack()
        self._admins = {
            address.url: self._exit.enter_context(TritonAdmin(address.url, address.admin_key))
            for address in addresses
        }
        self._turns = cycle(self._admins.items())

    @property
    def urls(self) -> list[str]:
        """Their addresses."""
        return list(self._admins)

    def __enter__(self) -> Self:
        """Return the connections, which the block closes."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close them."""
        self._exit.close()

    def load(self, models: Sequence[str]) -> None:
        """Load models as their configurations are now.

        Raises:
            ReleaseError: one cannot be loaded; names the Triton. What served before still does.
        """
        for url, admin in self._admins.items():
            for model in models:
                try:
                    admin.load(model)
                except AdminError as error:
                    raise ReleaseError(f"Triton {url} cannot load {model}: {error}") from error

    def inputs(self, model: str) -> list[str]:
        """The names of the tensors that a loaded model takes.

        Raises:
            ReleaseError: it is not loaded; names the Triton.
        """
        url, admin = next(self._turns)
        try:
            return [tensor["name"] for tensor in admin.config(model)["input"]]
        except AdminError as error:
            raise ReleaseError(f"Triton {url}: {error}") from error

    def infer(
        self, model: str, version: int, inputs: Mapping[str, NDArray[np.float32]], output: str
    ) -> NDArray[Any]:
        """Run a version once on one of them, which take turns; return an output, [B, ...].

        Raises:
            ReleaseError: it is not loaded, or fails; names the Triton.
        """
        url, admin = next(self._turns)
        try:
            return admin.infer(model, version, inputs, output)
        except AdminError as error:
            raise ReleaseError(f"Triton {url}: {model} {version} fails: {error}") from error

    def check(self, models: Sequence[str], version: int) -> None:
        """See that a version is ready everywhere, and answers.

        Raises:
            ReleaseError: it is not, or does not; names the Triton and the model.
        """
        for url, admin in self._admins.items():
            try:
                states = {(s.name, s.version): s for s in admin.index()}
                configs = {model: admin.config(model) for model in models}
            except AdminError as error:
                raise ReleaseError(f"Triton {url}: {error}") from error
            for model in models:
                state = states.get((model, str(version)))
                if state is None or not state.ready:
                    why = (state and state.reason) or "it is not loaded"
                    raise ReleaseError(f"Triton {url} does not serve {model} {version}: {why}")
                health, message = admin.canary(model, configs[model], _CANARY_SECONDS, version)
                if health is not Health.HEALTHY:
                    raise ReleaseError(f"Triton {url}: {model} {version} fails: {message}")


def addresses(urls: Sequence[str]) -> list[Address]:
    """The Tritons behind host:port, every address of a name that has several.

    Raises:
        ReleaseError: the admin key is not in the environment, or a name is unknown.
    """
    key = os.environ.get(ADMIN_KEY_VARIABLE)
    if not key:
        raise ReleaseError(
            f"set {ADMIN_KEY_VARIABLE} to the key of Triton's model-repository protocol"
        )
    return [Address(address, key) for url in urls for address in _resolve(url)]


def _resolve(url: str) -> list[str]:
    host, colon, port = url.rpartition(":")
    if not colon or not port.isdecimal():
        raise ReleaseError(f"{url!r} is not an address: give host:port, as triton:8001")
    try:
        found = socket.getaddrinfo(host, int(port), socket.AF_INET, socket.SOCK_STREAM)
    except OSError as error:
        raise ReleaseError(f"{host} cannot be resolved: {error}") from error
    return sorted({f"{address[0]}:{port}" for *_, address in found})
