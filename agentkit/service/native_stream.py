"""Send the events of runs as server-sent events.

In:  event records.
Out: a response; each event has the place of its record as its id, from which a reader goes on.

https://html.spec.whatwg.org/multipage/server-sent-events.html#the-last-event-id-header
"""

from collections.abc import AsyncIterator

import anyio

from agentkit.dialect.event_stream import StreamEvent, encode_event
from agentkit.event import EventRecord
from agentkit.json_schema import JsonValue
from agentkit.service.exchange import HttpExchange
from agentkit.service.http_errors import ServiceError, as_service_error
from agentkit.service.service_settings import ServiceSettings
from agentkit.service.stream_sender import EVENT_STREAM, STREAM_HEADERS

RETRY_MILLISECONDS = 2000
"""How long a reader waits before it comes again."""


class EventSender:
    """Sends the records of one stream."""

    def __init__(self, exchange: HttpExchange, *, settings: ServiceSettings) -> None:
        self._exchange = exchange
        self._settings = settings
        self._lock = anyio.Lock(fast_acquire=True)

    async def send(self, records: AsyncIterator[EventRecord]) -> None:
        """Send records to their end; pings in between.

        Raises:
            AgentKitError: the records ended with an error.
        """
        failure: list[Exception] = []
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._keep_alive)
            try:
                async for record in records:
                    await self._write(_encode(record))
            except Exception as error:  # noqa: BLE001  # carried out of the group
                failure.append(error)
            tasks.cancel_scope.cancel()
        if failure:
            raise failure[0]

    async def end(self, name: str, value: JsonValue) -> None:
        """Send a last event."""
        await self._write(encode_event(StreamEvent(name=name, data=value)))
        await self._exchange.send_part(b"", is_last=True)

    async def close(self) -> None:
        """End the stream."""
        await self._write(b"")
        await self._exchange.send_part(b"", is_last=True)

    async def fail(self, error: Exception) -> None:
        """End the stream with an error."""
        shown = as_service_error(error)
        await self.end("error", error_value(shown))

    async def _keep_alive(self) -> None:
        while True:
            await anyio.sleep(self._settings.ping_seconds)
            await self._write(b": ping\n\n")

    async def _write(self, content: bytes) -> None:
        async with self._lock:
            if not self._exchange.is_started:
                await self._exchange.start(200, EVENT_STREAM, headers=STREAM_HEADERS)
                content = f"retry: {RETRY_MILLISECONDS}\n\n".encode() + content
            await self._exchange.send_part(content)


def error_value(error: ServiceError) -> JsonValue:
    """Return an error as a value."""
    return {"message": str(error), "status": error.status, "code": error.code}


def _encode(record: EventRecord) -> bytes:
    place = "" if record.seq is None else f"id: {record.segment}:{record.seq}\n"
    return f"{place}data: {record.to_json()}\n\n".encode()
