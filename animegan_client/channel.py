"""How calls travel: retries, balancing, keepalive, limits, credentials; one for both clients.

Clients and forks do not go together: gRPC works by threads, and a fork copies none of them. Whoever
calls in a child, by the client that its parent had or by a new one, may wait for ever.
GRPC_ENABLE_FORK_SUPPORT=1 helps where the parent is idle; where it calls, 9 of 10 children hung,
some within the fork itself (grpcio 1.81). So it is left off, and a call in such a child is refused.
"""

import json
import os
import re
from importlib.metadata import version

import grpc
from animegan.generator.v1 import generator_pb2
from animegan.similarity.v1 import similarity_pb2
from animegan.upscaler.v1 import upscaler_pb2

from animegan_client.errors import ForkedError, InvalidArgumentError

Metadata = tuple[tuple[str, str], ...]
Tls = bool | grpc.ChannelCredentials

DEFAULT_TIMEOUT_S = 60.0

# 256 raw pictures of 512 x 512 RGB are 192 MiB.
MAX_RESPONSE_BYTES = 256 * 1024 * 1024
# What the services accept that take a picture's file; larger requests fail here, with a message.
MAX_REQUEST_BYTES = 16 * 1024 * 1024

# Printable ASCII; HTTP would cut off spaces at the ends.
_TOKEN = re.compile(r"[!-~]([ -~]*[!-~])?")

_FILES = (generator_pb2.DESCRIPTOR, similarity_pb2.DESCRIPTOR, upscaler_pb2.DESCRIPTOR)

# gRPC itself retries: https://grpc.io/docs/guides/retry. All methods are without side effects.
# A stream is retried only until its first message. The throttle stops retries while more than
# half of the calls fail: they would only add to the load.
SERVICE_CONFIG = {
    "loadBalancingConfig": [{"round_robin": {}}],
    "methodConfig": [
        {
            "name": [
                {"service": service.full_name}
                for file in _FILES
                for service in file.services_by_name.values()
            ],
            "retryPolicy": {
                "maxAttempts": 4,
                "initialBackoff": "0.2s",
                "maxBackoff": "2s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE", "RESOURCE_EXHAUSTED"],
            },
        }
    ],
    "retryThrottling": {"maxTokens": 20, "tokenRatio": 0.5},
}

OPTIONS: tuple[tuple[str, str | int], ...] = (
    ("grpc.service_config", json.dumps(SERVICE_CONFIG)),
    ("grpc.enable_retries", 1),
    ("grpc.max_receive_message_length", MAX_RESPONSE_BYTES),
    ("grpc.max_send_message_length", MAX_REQUEST_BYTES),
    # A peer that vanished without a word is noticed within 40 s. Pings only while a call runs:
    # gRPC servers drop clients that ping idle connections.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    # A service that comes back is found within a second or so. gRPC would wait longer and longer,
    # up to two minutes, and all clients of a process that call one address wait together.
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    # An attempt that nobody answers is given up: gRPC's 20 s would outlast most outages.
    ("grpc.min_reconnect_backoff_ms", 5_000),
    ("grpc.primary_user_agent", f"anime-gan/{version('anime-gan')}"),
)


def open_channel(target: str, tls: Tls) -> grpc.Channel:
    """A channel to `target`, for threads."""
    secret = _credentials(tls)
    if secret:
        return grpc.secure_channel(target, secret, OPTIONS)
    return grpc.insecure_channel(target, OPTIONS)


def open_async_channel(target: str, tls: Tls) -> grpc.aio.Channel:
    """A channel to `target`, for the tasks of one event loop."""
    secret = _credentials(tls)
    if secret:
        return grpc.aio.secure_channel(target, secret, OPTIONS)
    return grpc.aio.insecure_channel(target, OPTIONS)


def metadata(token: str | None) -> Metadata:
    """What every call carries.

    Raises:
        InvalidArgumentError: the token cannot travel in a header. It is not shown.
    """
    if token and not _TOKEN.fullmatch(token):
        raise InvalidArgumentError.of(
            "token",
            "it holds a line break, a space at an end, or what is no ASCII, and cannot be sent; "
            "was it read from a file with its end of line?",
        )
    return (("authorization", f"Bearer {token}"),) if token else ()


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


def _credentials(tls: Tls) -> grpc.ChannelCredentials | None:
    """What `tls` asks for: True is TLS with the system's roots, False (None here) plain text."""
    return grpc.ssl_channel_credentials() if tls is True else tls or None
