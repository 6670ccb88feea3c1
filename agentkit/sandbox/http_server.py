"""A small HTTP/1.1 server on loopback, for the sandbox and for tests.

In:  a handler: one `HttpRequest` to one `Reply`, or to a `RawReply` of bytes as they are.
Out: `serve`, which yields the server's base URL and stops everything at its end.

It runs in the event loop of its caller, asyncio or Trio, and answers one request at a time per
connection. It is not for the open network: docs/decisions/0004-sandbox-server.md.
"""

import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import field
from typing import Literal, TypeAlias

import anyio
import h11
from anyio.abc import SocketAttribute, SocketListener, SocketStream

from agentkit.errors import ConfigError
from agentkit.exception_groups import ungrouped
from agentkit.log import Log
from agentkit.value import dataclass

_log = Log(__name__)
_CLOSED = (anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream, OSError)
_READ_BYTES = 65_536
_BACKLOG = 65_535


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """A complete request; header names are lower case.

    Attributes:
        path: the target without its query.
        query: the text after the question mark; empty if there is none.
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A well-formed response.

    Attributes:
        chunks: the body; each chunk is sent by itself.
        is_stream: send the body in HTTP chunks, without a content length.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    chunks: Sequence[bytes] = ()
    is_stream: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RawReply:
    """Bytes for the socket as they are, including the status line, for a response that is wrong.

    Attributes:
        then: how the connection ends: an orderly `close`, a `reset`, or a `stall` that lasts until
            the client disconnects or the server stops.
        wait_seconds: the delay before the first byte.
    """

    chunks: Sequence[bytes] = ()
    then: Literal["close", "reset", "stall"] = "close"
    wait_seconds: float = 0.0


Handler: TypeAlias = Callable[[HttpRequest], Awaitable[Reply | RawReply]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerLimits:
    """Limits of the server.

    Attributes:
        max_body_bytes: a longer body is answered with 413, unread.
        max_connections: further clients wait until one disconnects.
        idle_seconds: how long a connection may be silent before it is closed.
        linger_seconds: how long a rejected client may still send before it is disconnected.
    """

    max_body_bytes: int = 16_000_000
    max_head_bytes: int = 65_536
    max_connections: int = 1_000
    idle_seconds: float = 60.0
    linger_seconds: float = 2.0


@asynccontextmanager
async def serve(
    handler: Handler, *, limits: ServerLimits | None = None, port: int = 0
) -> AsyncIterator[str]:
    """Serve on loopback for as long as the context lasts.

    Args:
        handler: answers one request; what it raises is answered with 500 and logged.
        limits: see `ServerLimits`.
        port: the port to listen on; 0 for any free one.

    Yields:
        The base URL, `http://127.0.0.1:PORT`. At the end every connection is closed.

    Raises:
        ConfigError: the port cannot be used.
    """
    bounds = limits or ServerLimits()
    slots = anyio.CapacityLimiter(bounds.max_connections)
    unanswered: set[SocketStream] = set()

    async def answer(stream: SocketStream) -> None:
        unanswered.discard(stream)
        async with stream, slots:
            await _Connection(stream, handler, bounds).run()

    async def accept() -> None:
        sock = listener.extra(SocketAttribute.raw_socket)  # noqa: S610  # not Django's
        while True:
            await anyio.wait_readable(sock)
            # A cancellation while a connection is accepted would leave a socket open for ever.
            with anyio.move_on_after(1, shield=True):
                stream = await listener.accept()
                unanswered.add(stream)
                tasks.start_soon(answer, stream)

    with ungrouped():
        async with (
            _closing(unanswered),
            await _listen(port) as listener,
            anyio.create_task_group() as tasks,
        ):
            tasks.start_soon(accept)
            place: int = listener.extra(SocketAttribute.local_port)  # noqa: S610  # not Django's
            try:
                yield f"http://127.0.0.1:{place}"
            finally:
                tasks.cancel_scope.cancel()


async def _listen(port: int) -> SocketListener:
    """Listen on loopback.

    The socket is made here, as anyio would look its address up in a thread.
    """
    sock = socket.socket()
    try:
        sock.settimeout(0)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", port))
        sock.listen(_BACKLOG)
    except (OSError, OverflowError) as error:
        sock.close()
        why = getattr(error, "strerror", None) or error
        raise ConfigError(f"Port {port} cannot be used: {why}; choose another.") from error
    return await SocketListener.from_socket(sock)


@asynccontextmanager
async def _closing(streams: set[SocketStream]) -> AsyncIterator[None]:
    """Close, at the end, the connections whose task was cancelled before it began."""
    try:
        yield
    finally:
        for stream in streams:
            await anyio.aclose_forcefully(stream)


class _TooLargeError(Exception):
    """The body of a request is longer than the server reads."""


class _Connection:
    """One client's connection, from its first request to its end."""

    def __init__(self, stream: SocketStream, handler: Handler, limits: ServerLimits) -> None:
        self._stream = stream
        self._handler = handler
        self._limits = limits
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=limits.max_head_bytes)

    async def run(self) -> None:
        """Answer requests until either side ends the connection."""
        try:
            while await self._answer_one():
                self._http.start_next_cycle()
        except _CLOSED:
            return  # the client has disconnected
        except h11.RemoteProtocolError as error:
            await self._reject(error.error_status_hint, str(error))
        except _TooLargeError:
            limit = self._limits.max_body_bytes
            await self._reject(413, f"The body is longer than {limit} bytes.")

    async def _answer_one(self) -> bool:
        """Answer the next request and return whether the connection can carry another."""
        request = await self._read_request()
        if request is None:
            return False
        reply = await self._handle(request)
        if isinstance(reply, RawReply):
            await self._send_raw(reply)
            return False
        await self._send(reply, is_head=request.method == "HEAD")
        return self._http.our_state is h11.DONE and self._http.their_state is h11.DONE

    async def _handle(self, request: HttpRequest) -> Reply | RawReply:
        try:
            return await self._handler(request)
        except Exception as error:  # noqa: BLE001  # a bug there must not end the server: the client gets it
            _log.warning("handler_failed", path=request.path, error=repr(error))
            message = f"The server failed: {type(error).__name__}: {error}"
            return _plain(500, message)

    async def _read_request(self) -> HttpRequest | None:
        """Read one complete request; None if the client closed the connection before it."""
        head = await self._next_event()
        if not isinstance(head, h11.Request):
            return None
        headers = {name.decode(): value.decode("latin-1") for name, value in head.headers}
        if int(headers.get("content-length", "0")) > self._limits.max_body_bytes:
            raise _TooLargeError
        if self._http.they_are_waiting_for_100_continue:
            await self._write(h11.InformationalResponse(status_code=100, headers=[]))
        path, _, query = head.target.decode("latin-1").partition("?")
        return HttpRequest(
            method=head.method.decode(),
            path=path,
            query=query,
            headers=headers,
            body=await self._read_body(),
        )

    async def _read_body(self) -> bytes:
        body = bytearray()
        while isinstance(event := await self._next_event(), h11.Data):
            body += event.data
            if len(body) > self._limits.max_body_bytes:
                raise _TooLargeError
        return bytes(body)

    async def _next_event(self) -> object:
        """Return h11's next event, reading from the socket as it asks."""
        while (event := self._http.next_event()) is h11.NEED_DATA:
            with anyio.move_on_after(self._limits.idle_seconds) as scope:
                try:
                    data = await self._stream.receive(_READ_BYTES)
                except anyio.EndOfStream:
                    data = b""
                self._http.receive_data(data)
            if scope.cancelled_caught:
                raise anyio.EndOfStream
        return event

    async def _send(self, reply: Reply, *, is_head: bool = False) -> None:
        headers = dict(reply.headers)
        if reply.is_stream:
            headers["transfer-encoding"] = "chunked"
        else:
            headers["content-length"] = str(sum(map(len, reply.chunks)))
        start = self._encode(h11.Response(status_code=reply.status, headers=list(headers.items())))
        if is_head or not reply.is_stream:
            body = b"" if is_head else b"".join(map(self._data, reply.chunks))
            await self._stream.send(start + body + self._encode(h11.EndOfMessage()))
            return
        await self._stream.send(start)
        for chunk in reply.chunks:
            await self._stream.send(self._data(chunk))
        await self._write(h11.EndOfMessage())

    async def _send_raw(self, reply: RawReply) -> None:
        if reply.wait_seconds:
            await anyio.sleep(reply.wait_seconds)
        for chunk in reply.chunks:
            await self._stream.send(chunk)
        match reply.then:
            case "close":
                await self._stream.send_eof()
            case "reset":
                # Closing a socket that lingers for no time sends RST in place of FIN.
                raw = self._stream.extra(SocketAttribute.raw_socket)  # noqa: S610  # not Django's
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            case "stall":
                await self._drain()

    async def _reject(self, status: int, message: str) -> None:
        """Answer a request that cannot be read; the connection ends after it."""
        if self._http.our_state not in {h11.IDLE, h11.SEND_RESPONSE}:
            return
        rejection = _plain(status, message)
        headers = {**rejection.headers, "connection": "close"}
        try:
            await self._send(Reply(status=status, headers=headers, chunks=rejection.chunks))
            await self._stream.send_eof()
            # Unread data when a socket closes makes the client lose the rejection.
            with anyio.move_on_after(self._limits.linger_seconds):
                await self._drain()
        except _CLOSED:
            return

    async def _drain(self) -> None:
        """Read and discard until the client disconnects, which raises `EndOfStream`."""
        while True:
            await self._stream.receive(_READ_BYTES)

    def _data(self, chunk: bytes) -> bytes:
        return self._encode(h11.Data(data=chunk)) if chunk else b""

    def _encode(self, event: h11.Event) -> bytes:
        return self._http.send(event) or b""

    async def _write(self, event: h11.Event) -> None:
        await self._stream.send(self._encode(event))


def _plain(status: int, message: str) -> Reply:
    return Reply(
        status=status,
        headers={"content-type": "text/plain; charset=utf-8"},
        chunks=(f"{message}\n".encode(),),
    )
