"""Repair the messages of a transport on their way to the SDK's client.

In:  a transport of the SDK, or single messages.
Out: the same, with each result repaired by the method of its request.
"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import TracebackType
from typing import Any, Self

import mcp_types as types
from mcp.client._transport import ReadStream, TransportStreams, WriteStream
from mcp.shared.message import SessionMessage

from agentkit.mcp.client.repair.messages import Report, WaitingRequests
from agentkit.mcp.client.repair.results import repair_result


def repair_message(message: types.JSONRPCMessage, waiting: WaitingRequests) -> types.JSONRPCMessage:
    """Return a message of the server; a result as the SDK accepts it."""
    if isinstance(message, types.JSONRPCError):
        waiting.take(message.id)
    if not isinstance(message, types.JSONRPCResponse):
        return message
    method = waiting.take(message.id)
    version = message.result.get("protocolVersion")
    if method == "initialize" and isinstance(version, str):
        waiting.version = version
    result = repair_result(method, waiting.version, message.result, report=waiting.report)
    if result is message.result:
        return message
    return types.JSONRPCResponse(jsonrpc="2.0", id=message.id, result=result)


@asynccontextmanager
async def repaired(
    transport: AbstractAsyncContextManager[TransportStreams], *, report: Report
) -> AsyncIterator[TransportStreams]:
    """Open a transport whose received results are repaired."""
    async with transport as (received, sent):
        waiting = WaitingRequests(report)
        yield _RepairedStream(received, waiting), _RecordingStream(sent, waiting)


class _RepairedStream:
    """The messages of a transport, repaired; the SDK's `ReadStream`."""

    def __init__(
        self,
        stream: ReadStream[SessionMessage | Exception],
        waiting: WaitingRequests,
    ) -> None:
        self._stream = stream
        self._waiting = waiting

    @property
    def last_context(self) -> Any:
        """Return the context of the last message's sender, as the SDK's streams have it."""
        return getattr(self._stream, "last_context", None)

    async def receive(self) -> SessionMessage | Exception:
        """Return the next message."""
        return self._repair(await self._stream.receive())

    async def aclose(self) -> None:
        """Close the stream."""
        await self._stream.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        return self._repair(await anext(self._stream))

    async def __aenter__(self) -> Self:
        await self._stream.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        return await self._stream.__aexit__(kind, error, trace)

    def _repair(self, item: SessionMessage | Exception) -> SessionMessage | Exception:
        if isinstance(item, Exception):
            return item
        message = repair_message(item.message, self._waiting)
        return item if message is item.message else SessionMessage(message, item.metadata)


class _RecordingStream:
    """The messages to a transport; remembers the requests. The SDK's `WriteStream`."""

    def __init__(self, stream: WriteStream[SessionMessage], waiting: WaitingRequests) -> None:
        self._stream = stream
        self._waiting = waiting

    async def send(self, item: SessionMessage, /) -> None:
        """Send a message."""
        self._waiting.add(item.message)
        await self._stream.send(item)

    async def aclose(self) -> None:
        """Close the stream."""
        await self._stream.aclose()

    async def __aenter__(self) -> Self:
        await self._stream.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        return await self._stream.__aexit__(kind, error, trace)
