"""A connection to one service: what all asyncio clients are made on."""

from types import TracebackType
from typing import Self

from animegan_client import channel


class AsyncConnection:
    """A channel with credentials and a timeout; any number of tasks may share one.

    Busy and unavailable services are tried up to four times within the timeout. Each method of a
    client raises the errors of `animegan_client.errors`.
    """

    def __init__(
        self,
        target: str,
        *,
        token: str | None = None,
        timeout: float = channel.DEFAULT_TIMEOUT_S,
        tls: channel.Tls = False,
    ) -> None:
        """Prepare to call `target`, in a running event loop; the first call makes the connection.

        Args:
            target: "host:port", or any gRPC name such as "dns:///host:port". All addresses
                behind the name share the calls.
            token: sent as `authorization: Bearer <token>`. Use TLS where others can listen.
            timeout: seconds for a call that sets none of its own, retries included.
            tls: True for the system's root certificates, or credentials made by
                `grpc.ssl_channel_credentials`.

        Raises:
            InvalidArgumentError: the token cannot be sent.
            ForkedError: clients were used before this process was forked.
        """
        channel.check_process()
        self._credentials = channel.metadata(token)
        self._channel = channel.open_async_channel(target, tls)
        self._timeout = timeout

    async def close(self) -> None:
        """Close the connection; calls that still run are cancelled."""
        if not channel.is_forked():  # it is the parent's, and closing it may wait for ever
            await self._channel.close()

    async def __aenter__(self) -> Self:
        """The client itself."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        await self.close()

    def _seconds(self, timeout: float | None) -> float:
        """The timeout of a unary call."""
        return self._timeout if timeout is None else timeout

    @property
    def _metadata(self) -> channel.Metadata:
        """What every call carries; the way of every call leads through here.

        Raises:
            ForkedError: this is not the process in which the client was made.
        """
        channel.check_process()
        return self._credentials
