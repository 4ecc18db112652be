"""Runs a function over many items by Ray Data: on this machine, or on a cluster by its address."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from training.datasets.manifest import DatasetError

SHIPPED = ("training", "animegan_search", "animegan_kernels", "animegan_cli")
"""Our packages that the other machines get, so that all of them compute alike; of `animegan_cli` it
is the progress bars."""

Item = TypeVar("Item")
Result = TypeVar("Result")


class RayUnavailableError(DatasetError):
    """Ray is not installed, or the cluster cannot be reached."""


class Session:
    """Ray as it runs now, here or on a cluster."""

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Apply a function to items by Ray Data, as `ordered_map` does by processes.

        Args:
            function: Picklable; what it reads must lie under the same path on every machine.
            items: Picklable; all of them are taken at once.

        Raises:
            Whatever the function raises, as it is.
        """
        import ray.data

        rows = [{"item": item} for item in items]
        if not rows:
            return
        context = ray.data.DataContext.get_current()
        context.execution_options.preserve_order = True
        context.enable_progress_bars = False  # the caller shows its own
        results = ray.data.from_items(rows, override_num_blocks=len(rows)).map(_Row(function))
        for row in results.iter_rows():
            yield row["outcome"].result()


@contextmanager
def ray_session(workers: int, address: str | None) -> Iterator[Session]:
    """Start Ray, or connect to a cluster, for more than one `Session.map`.

    Args:
        workers: Cores to use where Ray is started here; a cluster knows its own.
        address: Of a cluster, such as `ray://head:10001`; None starts Ray on this machine.

    Raises:
        RayUnavailableError: Ray is not installed or does not answer.
    """
    # Before Ray is imported: it would report its use to its makers.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
        import ray.data
    except ModuleNotFoundError as error:
        raise RayUnavailableError(
            f"{error.name} is not installed: pip install -e . --group ray"
        ) from error
    try:
        ray.init(**_connection(workers, address))
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise RayUnavailableError(f"Ray does not start or answer: {error}") from error
    try:
        yield Session()
    finally:
        ray.shutdown()


def ray_map(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int, address: str | None
) -> Iterator[Result]:
    """`Session.map` in a session of its own; without items Ray is not started.

    Raises:
        RayUnavailableError: as `ray_session`.
    """
    known = list(items)
    if known:
        with ray_session(workers, address) as session:
            yield from session.map(function, known)


@dataclass(frozen=True)
class _Outcome:
    """What a function returned, or why it did not."""

    value: Any
    error: Exception | None

    def result(self) -> Any:
        """Return or raise it."""
        if self.error is not None:
            raise self.error
        return self.value


class _Row:
    """A function on items as a function on Ray's rows."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self._function = function

    def __call__(self, row: dict[str, Any]) -> dict[str, _Outcome]:
        try:
            outcome = _Outcome(self._function(row["item"]), None)
        except Exception as error:  # raised by the caller: Ray would wrap it in one of its own
            outcome = _Outcome(None, error)
        return {"outcome": outcome}


def _connection(workers: int, address: str | None) -> dict[str, Any]:
    quiet = {"log_to_driver": False, "logging_level": logging.WARNING}
    if address is None:
        return {"num_cpus": workers, "include_dashboard": False, **quiet}
    checkout = Path(__file__).parents[2]
    shipped = [str(checkout / name) for name in SHIPPED]
    return {"address": address, "runtime_env": {"py_modules": shipped}, **quiet}
