"""Settings that every service has, from environment variables and command line flags.

A service derives its own class and sets `env_prefix`. The attribute docstrings are the texts of
`--help`.
"""

import sys
from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import (
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

Port = Annotated[int, Field(ge=0, le=65535)]
MessageBytes = Annotated[
    PositiveInt,
    Field(
        description="Bytes of request messages in memory at a time. A call takes max_request_bytes "
        "of them while it waits for a message, and what that really has until it is answered, or "
        "until a stream's next one is read. The others wait, before anything of their messages is "
        "read."
    ),
]


class ServiceSettings(BaseSettings):
    """How a service listens, what it admits, how it reaches Triton and how it stops."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        cli_kebab_case=True,
        cli_hide_none_type=True,
        cli_implicit_flags=True,
    )

    host: str = "127.0.0.1"
    """Address to listen on, for gRPC and metrics. In a container: 0.0.0.0."""

    port: Port
    """gRPC port; 0 takes a free one and logs it."""

    metrics_port: Port
    """HTTP port of /metrics; 0 takes a free one and logs it."""

    triton_url: str = "127.0.0.1:8000"
    """Triton's HTTP address, host:port. Several, separated by commas, and all addresses that a name
    stands for, are asked in turns; one that is away or silent is left out until it is back."""

    auth_token: SecretStr | None = None
    """Callers must send `authorization: Bearer <token>`. Unset: everybody may call. Prefer the
    environment variable: command lines are visible to other users of the machine."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least severe log lines to write."""

    default_deadline_s: PositiveFloat = 60
    """Deadline of a call that comes without one, in seconds."""

    default_stream_deadline_s: PositiveFloat = 3600
    """Deadline of a streaming call that comes without one, in seconds."""

    max_deadline_s: PositiveFloat = 3600
    """The longest deadline in seconds. Calls that come with a longer one end after this time."""

    idle_timeout_s: PositiveFloat = 300
    """Seconds that a call may wait for its caller: to send the next message, or to take an answer.
    When others need the room it is 5 seconds."""

    max_request_bytes: PositiveInt
    """Limit of one request message in bytes, compressed or not."""

    max_message_bytes_in_flight: MessageBytes = 128 * 2**20

    max_answer_bytes_in_flight: PositiveInt = 256 * 2**20
    """Bytes of answers to unary calls in memory at a time, until their callers take them: answers
    of over 64 KiB wait for their turn."""

    max_calls: PositiveInt = 1000
    """Calls that are open at a time; more are refused with RESOURCE_EXHAUSTED."""

    max_connections: PositiveInt = 500
    """Connections at a time; more are closed at once."""

    max_images_in_flight: PositiveInt = 1024
    """Images worked on at a time, or waiting for their caller to take them. Unary calls that do not
    fit are refused with RESOURCE_EXHAUSTED; streams wait, and leave them a quarter."""

    retry_after_s: PositiveFloat = 0.5
    """What a refused caller is told to wait, in seconds."""

    encode_threads: PositiveInt = 2
    """Threads that encode pictures."""

    canary_interval_s: PositiveFloat = 2
    """Seconds between two canary inferences."""

    canary_patience_s: PositiveFloat = 10
    """Seconds without a successful canary until the service reports NOT_SERVING."""

    drain_wait_s: NonNegativeFloat = 5
    """Seconds from NOT_SERVING to refusing new calls on SIGTERM: balancers must notice first."""

    drain_grace_s: NonNegativeFloat = 30
    """Seconds that calls in flight may take to finish on SIGTERM; then they are cancelled."""

    max_connection_age_s: PositiveFloat = 300
    """Seconds until a connection is asked to move on, so that new replicas get their share."""

    @property
    def images_for_unary_calls(self) -> int:
        """The part of `max_images_in_flight` that streams leave to unary calls: a quarter."""
        return max(1, self.max_images_in_flight // 4)

    @property
    def triton_urls(self) -> tuple[str, ...]:
        """The addresses in `triton_url`."""
        return tuple(url.strip() for url in self.triton_url.split(",") if url.strip())

    @field_validator("auth_token")
    @classmethod
    def _token_can_be_sent(cls, token: SecretStr | None) -> SecretStr | None:
        text = token.get_secret_value() if token else ""
        if not (text.isascii() and text.isprintable() and text == text.strip()):
            raise ValueError(
                "callers cannot send it: use printable ASCII, without spaces or a line break at "
                "its ends"
            )
        return token

    @model_validator(mode="after")
    def _largest_message_fits(self) -> Self:
        if self.max_message_bytes_in_flight < self.max_request_bytes:
            raise ValueError(
                f"max_message_bytes_in_flight must admit one of {self.max_request_bytes} bytes"
            )
        return self

    @model_validator(mode="after")
    def _tritons_are_named(self) -> Self:
        if not self.triton_urls:
            raise ValueError("triton_url names no address")
        if len(set(self.triton_urls)) < len(self.triton_urls):
            raise ValueError("triton_url names an address twice")
        return self

    @classmethod
    def from_command_line(cls, program: str, arguments: Sequence[str] | None = None) -> Self:
        """Read flags, then environment variables, then defaults; explain mistakes and exit 2.

        Args:
            program: the name that `--help` shows.
            arguments: the flags; None takes those of the process.
        """
        options: dict[str, Any] = {
            "_cli_parse_args": list(sys.argv[1:] if arguments is None else arguments),
            "_cli_prog_name": program,
        }
        try:
            return cls(**options)
        except ValidationError as error:
            prefix = cls.model_config["env_prefix"]
            for mistake in error.errors():
                name = str(mistake["loc"][0]) if mistake["loc"] else ""
                where = f"--{name.replace('_', '-')} / {prefix}{name.upper()}: " if name else ""
                sys.stderr.write(f"{program}: {where}{mistake['msg']}\n")
            sys.exit(2)
