"""Failed calls leave nothing large behind."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def forgotten_frames() -> Iterator[None]:
    """Clear the variables of those frames that an error of the block has ended, and let it pass."""
    try:
        yield
    except BaseException as error:
        forget_frames(error)
        raise


def forget_frames(error: BaseException) -> None:
    """Clear the variables of those frames that an error has ended.

    An error holds the frames it went through by its traceback, and some of them hold the task or
    future it came from, which holds the error. Whatever else they hold, such as a picture of
    hundreds of megabytes, would stay until the next full collection, which a service that freezes
    what it was built of rarely needs.

    The error has to be this task's own, causes included: of one that another task got as well,
    that task's frames would be cleared, which ends a coroutine wherever it waits (Python up to
    3.12).
    """
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause and id(cause) not in seen:
        seen.add(id(cause))
        traceback.clear_frames(cause.__traceback__)
        cause = cause.__cause__ or cause.__context__
