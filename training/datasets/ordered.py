"""One function over many items, on all cores, with the results in the order of the items."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from training.datasets.manifest import DatasetError

Item = TypeVar("Item")
Result = TypeVar("Result")

LOOK_AHEAD = 32
"""Results that may wait while the caller is busy with earlier ones, such as writing a shard."""


class WorkerDiedError(DatasetError):
    """A worker process ended without an answer."""


def ordered_map(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int
) -> Iterator[Result]:
    """Apply a function to items; the results do not depend on the number of workers.

    Args:
        function: Picklable, unless there is one worker: then it runs in this process.
        items: Picklable; taken as they are needed.
        workers: Processes.

    Raises:
        WorkerDiedError: a process was killed, by the system for want of memory or by a decoder.
    """
    if workers == 1:
        yield from map(function, items)
        return
    # Spawned processes share nothing with this one, so no state can leak into the results.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, initializer=_end_with_parent) as pool:
        waiting: deque[Future[Result]] = deque()
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) >= max(2 * workers, LOOK_AHEAD):
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool as error:
            raise WorkerDiedError(
                "a worker process died, perhaps for want of memory: "
                "run the same command again with fewer --workers"
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


def _end_with_parent() -> None:
    """End this worker when its parent is killed: the pool's own queues would keep it waiting."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_exit_after, args=(parent,), daemon=True).start()


def _exit_after(parent: multiprocessing.process.BaseProcess) -> None:
    parent.join()
    os._exit(1)
