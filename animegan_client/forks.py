"""Clients and forks do not go together.

gRPC works by threads, and a fork copies none of them: whoever calls in a child, by the client that
its parent had or by a new one, may wait for ever. GRPC_ENABLE_FORK_SUPPORT=1 helps where the parent
is idle; where it calls, 9 of 10 children hung, some within the fork itself (grpcio 1.81). So it is
left off, and a call in such a child is refused.
"""

import os

from animegan_client.errors import ForkedError


class _Process:
    """Knows in which process the first client was made."""

    number: int | None = None


def check_process() -> None:
    """Take note that clients are used in this process.

    Raises:
        ForkedError: they were used in another one, of which this is a copy.
    """
    process = os.getpid()
    if _Process.number is None:
        _Process.number = process
    if _Process.number != process:
        raise ForkedError(
            f"clients were used in process {_Process.number} before this one, {process}, was "
            "forked from it, and gRPC does not survive that; make clients after the fork only, or "
            "start processes by the method 'spawn' or 'forkserver'"
        )


def is_forked() -> bool:
    """Whether clients cannot be used in this process."""
    return _Process.number not in (None, os.getpid())
