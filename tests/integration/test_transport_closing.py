"""Connections are reused, and none is left open."""

import gc
from pathlib import Path

import anyio
import pytest
from anyio.abc import SocketAttribute, SocketStream

from agentkit.errors import TransportError
from agentkit.sandbox.http_server import RawReply, Reply
from agentkit.transport.http_settings import HttpSettings
from tests.integration.transport_server import (
    ASK,
    BOTH,
    HEAD,
    Make,
    ScriptedServer,
    fetch,
    listening,
    reach,
    read,
    read_request,
)


@BOTH
async def test_connections_are_reused(make: Make) -> None:
    """A response that was read to its end leaves its connection to the next exchange."""
    ports: list[int] = []

    async def answer(stream: SocketStream) -> None:
        ports.append(stream.extra(SocketAttribute.remote_port))  # noqa: S610 - not Django's
        async with stream:
            while True:
                try:
                    await read_request(stream)
                except anyio.EndOfStream:
                    return
                await stream.send(HEAD + b"content-length: 2\r\n\r\nok")

    async with listening(make, answer) as transport:
        for _ in range(3):
            assert (await fetch(transport))[1] == b"ok"

    assert len(ports) == 1


@BOTH
async def test_no_more_connections_are_made_than_allowed(make: Make) -> None:
    """Further exchanges wait, and fail if no connection is released in time."""
    settings = HttpSettings(max_connections=1, first_byte_seconds=0.1)
    async with reach(make, ScriptedServer(Reply(chunks=(b"x",))), settings=settings) as transport:
        async with transport.exchange(ASK):
            with pytest.raises(TransportError, match="all of 1 connections in use") as caught:
                await fetch(transport)
        assert (await fetch(transport))[1] == b"x"

    assert (caught.value.kind, caught.value.retry) == ("timeout", "same")


class ClientObserver:
    """A server that records when its only client disconnects."""

    def __init__(self) -> None:
        self.has_begun = anyio.Event()
        self.is_gone = anyio.Event()

    async def answer(self, stream: SocketStream) -> None:
        """Begin an answer, never end it, and wait for the client to leave."""
        async with stream:
            await read_request(stream)
            await stream.send(HEAD + b"transfer-encoding: chunked\r\n\r\n3\r\none\r\n3\r\none\r\n")
            self.has_begun.set()
            try:
                await stream.receive()
            except (anyio.EndOfStream, anyio.BrokenResourceError):
                self.is_gone.set()


@BOTH
@pytest.mark.parametrize("wanted", [0, 3, 6], ids=["unread", "begun", "all but the end"])
async def test_leaving_early_closes_the_connection_at_once(wanted: int, make: Make) -> None:
    """No async generator of the client remains, which Trio would report."""
    server, got = ClientObserver(), b""
    async with listening(make, server.answer) as transport:
        async with transport.exchange(ASK) as answer:
            while len(got) < wanted:
                got += await anext(answer.chunks)
        await server.is_gone.wait()
        gc.collect()

    assert b"oneone".startswith(got)


@BOTH
async def test_an_error_of_the_reader_closes_the_connection_and_is_raised(make: Make) -> None:
    """A decoder that rejects the bytes is such a reader."""
    server = ClientObserver()
    async with listening(make, server.answer) as transport:
        with pytest.raises(LookupError):
            async with transport.exchange(ASK) as answer:
                async for _ in answer.chunks:
                    raise LookupError
        await server.is_gone.wait()
        gc.collect()


@BOTH
async def test_cancelling_in_the_middle_closes_the_connection(make: Make) -> None:
    """Nothing of a cancelled run is alive."""
    server = ClientObserver()
    async with listening(make, server.answer) as transport:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(fetch, transport)
            await server.has_begun.wait()
            tasks.cancel_scope.cancel()
        await server.is_gone.wait()
        gc.collect()


@BOTH
async def test_cancelling_before_the_response_closes_the_connection(make: Make) -> None:
    """Whatever the exchange was waiting for."""
    arrived, is_gone = anyio.Event(), anyio.Event()

    async def answer(stream: SocketStream) -> None:
        async with stream:
            await read_request(stream)
            arrived.set()
            try:
                await stream.receive()
            except (anyio.EndOfStream, anyio.BrokenResourceError):
                is_gone.set()

    async with listening(make, answer) as transport:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(fetch, transport)
            await arrived.wait()
            tasks.cancel_scope.cancel()
        await is_gone.wait()


@BOTH
async def test_no_socket_is_open_after_the_transport_is_closed(make: Make) -> None:
    """However its exchanges ended."""
    before = open_sockets()
    server = ScriptedServer(
        Reply(chunks=(b"x",)),
        RawReply(then="reset"),
        RawReply(chunks=(HEAD, b"content-length: 9\r\n\r\n1234")),
        RawReply(chunks=(HEAD, b"content-length: 9\r\n\r\n1234"), then="stall"),
    )
    async with reach(make, server, settings=HttpSettings(idle_seconds=0.1)) as transport:
        await fetch(transport)
        for _ in range(3):
            with pytest.raises(TransportError):
                await fetch(transport)

    assert open_sockets() == before


def open_sockets() -> int:
    """Return the number of open TCP sockets of this process."""
    targets = [link.readlink() for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    return sum(str(target).startswith("socket:") for target in targets)


@BOTH
async def test_a_response_cannot_be_read_after_it_was_closed(make: Make) -> None:
    """Otherwise the end of the iteration would look like the end of the body."""
    async with reach(make, ScriptedServer(Reply(chunks=(b"x",)))) as transport:
        async with transport.exchange(ASK) as answer:
            pass
        with pytest.raises(RuntimeError, match="inside its 'async with'"):
            await read(answer)
