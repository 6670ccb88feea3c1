"""Send an answer as server-sent events.

In:  the work that makes an answer, an encoder, the request.
Out: a response whose status is sent with the first piece, at the latest after some seconds.

Until then a failure is an HTTP status, which clients understand best; afterwards it is the last
event. A quiet stream is kept alive by pings, since proxies close connections without traffic.
"""

from collections.abc import Awaitable, Callable, Iterable

import anyio

from agentkit.dialect.event_stream import StreamEvent, encode_event
from agentkit.service.answer import Piece, ServedAnswer, Sink
from agentkit.service.exchange import HttpExchange
from agentkit.service.http_errors import as_service_error
from agentkit.service.service_settings import ServiceSettings
from agentkit.service.wire_format import StreamEncoder

EVENT_STREAM = "text/event-stream; charset=utf-8"
STREAM_HEADERS = {"x-accel-buffering": "no"}
"""Without it, nginx holds events back until its buffer is full."""

Work = Callable[[Sink], Awaitable[ServedAnswer]]


class StreamSender:
    """Sends one answer."""

    def __init__(
        self, exchange: HttpExchange, encoder: StreamEncoder, *, settings: ServiceSettings
    ) -> None:
        self._exchange = exchange
        self._encoder = encoder
        self._settings = settings
        self._is_quiet = True
        self._is_sending = False
        self._ping_sent: anyio.Event | None = None

    async def send(self, work: Work) -> ServedAnswer | None:
        """Do `work` and send what it gives; return None if it failed after the first piece.

        Raises:
            Exception: `work` failed before anything was sent.
        """
        failure: list[Exception] = []
        found: ServedAnswer | None = None
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._keep_alive)
            try:
                found = await work(self.take)
            except Exception as error:  # noqa: BLE001  # carried to the client, or out of the group
                failure.append(error)
            tasks.cancel_scope.cancel()
        if failure:
            if not self._exchange.is_started:
                raise failure[0]
            await self.fail(failure[0])
            return None
        if found is not None:
            await self._send(self._encoder.end(found), is_last=True)
        return found

    async def fail(self, error: Exception) -> None:
        """End a stream that has begun with an error."""
        event = self._encoder.error(as_service_error(error))
        await self._send([event], is_last=True)

    async def take(self, piece: Piece) -> None:
        """Send a piece."""
        await self._send(self._encoder.piece(piece))

    async def _keep_alive(self) -> None:
        await anyio.sleep(self._settings.first_byte_seconds)
        if not self._exchange.is_started:
            await self._ping()
        while True:
            self._is_quiet = True
            await anyio.sleep(self._settings.ping_seconds)
            if self._is_quiet:
                await self._ping()

    async def _ping(self) -> None:
        """Send a ping, which pieces wait for; none while the server still sends a piece."""
        if self._is_sending:
            return
        sent = self._ping_sent = anyio.Event()
        try:
            await self._send_now([self._encoder.ping()], is_last=False)
        finally:
            self._ping_sent = None
            sent.set()

    async def _send(self, events: Iterable[StreamEvent], *, is_last: bool = False) -> None:
        """Send events of the answer, one after the other; a lock for each costs a fifth more."""
        if self._ping_sent is not None:
            await self._ping_sent.wait()
        self._is_quiet = False
        self._is_sending = True
        try:
            await self._send_now(events, is_last=is_last)
        finally:
            self._is_sending = False

    async def _send_now(self, events: Iterable[StreamEvent], *, is_last: bool) -> None:
        content = b""
        if not self._exchange.is_started:
            await self._exchange.start(200, EVENT_STREAM, headers=STREAM_HEADERS)
            content = b"".join(map(encode_event, self._encoder.begin()))
        content += b"".join(map(encode_event, events))
        await self._exchange.send_part(content, is_last=is_last)
