"""Properties of the direct transport beyond the contract of transports."""

import socket
from contextlib import suppress

import anyio
import pytest
from anyio.abc import ByteStream

from agentkit.config.profile import ProviderProfile
from agentkit.errors import TransportError
from agentkit.sandbox.http_server import Reply
from agentkit.testing.clock import ManualClock
from agentkit.transport.direct.direct_transport import DirectTransport
from agentkit.transport.http_settings import HttpSettings
from agentkit.wire import WireRequest
from tests.integration.transport_lines import OK, ScriptedConnections, connect
from tests.integration.transport_server import ASK, HEAD, ScriptedServer, fetch, reach, read


async def test_the_connection_used_last_is_used_next() -> None:
    """The others stay idle until they expire."""
    server = ScriptedConnections([OK + b"a1", OK + b"a2", OK + b"a3"], [OK + b"b1"])
    async with connect(server) as transport:
        async with transport.exchange(ASK) as first, transport.exchange(ASK) as second:
            bodies = [await read(second), await read(first)]
        bodies += [(await fetch(transport))[1] for _ in range(2)]

    # Leaving gave back the second connection first, so the first one was used last.
    assert bodies == [b"b1", b"a1", b"a2", b"a3"]


async def test_an_expired_connection_is_not_reused() -> None:
    """The server may be about to close it."""
    server, clock = ScriptedConnections([OK + b"a1"], [OK + b"b1"]), ManualClock()
    async with connect(server, clock=clock) as transport:
        await fetch(transport)
        clock.advance(31)
        _, body = await fetch(transport)
        await server.gone[0].wait()

    assert body == b"b1"


async def test_expired_connections_are_closed() -> None:
    """Although only other connections are reused."""
    server, clock = ScriptedConnections([OK + b"a1", OK + b"a2"], [OK + b"b1"]), ManualClock()
    async with connect(server, clock=clock) as transport:
        async with transport.exchange(ASK) as first:
            async with transport.exchange(ASK) as second:
                bodies = [await read(second)]
            clock.advance(31)
            bodies.append(await read(first))
        await server.gone[1].wait()
        bodies.append((await fetch(transport))[1])

    assert bodies == [b"b1", b"a1", b"a2"]


async def test_waiters_get_connections_in_order() -> None:
    """First come, first served."""
    order: list[int] = []
    settings = HttpSettings(max_connections=1)
    async with reach(
        DirectTransport, ScriptedServer(Reply(chunks=(b"x",))), settings=settings
    ) as transport:

        async def ask(number: int) -> None:
            async with transport.exchange(ASK) as answer:
                order.append(number)
                await read(answer)

        async with anyio.create_task_group() as tasks, transport.exchange(ASK):
            for number in range(3):
                tasks.start_soon(ask, number)
                await anyio.wait_all_tasks_blocked()
            assert order == []

    assert order == [0, 1, 2]


async def test_a_cancelled_waiter_leaves_its_connection_to_the_next() -> None:
    """No connection is lost."""
    settings = HttpSettings(max_connections=1)
    async with reach(
        DirectTransport, ScriptedServer(Reply(chunks=(b"x",))), settings=settings
    ) as transport:
        async with transport.exchange(ASK):
            with anyio.move_on_after(0.01) as scope:
                await fetch(transport)
        assert scope.cancelled_caught
        assert (await fetch(transport))[1] == b"x"


async def test_a_response_that_closes_its_connection_leaves_none() -> None:
    """By its header, or because it has no length."""
    server = ScriptedConnections(
        [HEAD + b"connection: close\r\ncontent-length: 2\r\n\r\nok"],
        [b"HTTP/1.1 200 OK\r\n\r\nto the end", None],
        [OK + b"c1"],
    )
    async with connect(server) as transport:
        bodies = [(await fetch(transport))[1] for _ in range(3)]
        await server.gone[0].wait()

    assert bodies == [b"ok", b"to the end", b"c1"]


async def test_an_informational_response_is_skipped() -> None:
    """Some servers send 103 first."""
    server = ScriptedConnections([b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + OK + b"ok"])
    async with connect(server) as transport:
        assert (await fetch(transport))[1] == b"ok"


async def test_headers_of_one_name_are_joined_and_unusual_bytes_are_kept() -> None:
    """Servers send any bytes."""
    head = b"HTTP/1.1 200 OK\r\nX-A: 1\r\nx-a: 2\r\nx-b: \xfc\r\nx-c: \xc3\xbc\r\n"
    server = ScriptedConnections([head + b"content-length: 0\r\n\r\n"])
    async with connect(server) as transport:
        found, _ = await fetch(transport)

    assert found.headers == {"x-a": "1, 2", "x-b": "ü", "x-c": "ü", "content-length": "0"}


async def test_the_part_before_an_invalid_chunk_is_returned_first() -> None:
    """So a stream emits what it can."""
    chunked = HEAD + b"transfer-encoding: chunked\r\n\r\n3\r\none\r\nzz\r\n"
    async with (
        connect(ScriptedConnections([chunked])) as transport,
        transport.exchange(ASK) as answer,
    ):
        first = await anext(answer.chunks)
        with pytest.raises(TransportError, match="closed the connection"):
            await anext(answer.chunks)

    assert first == b"one"


async def test_a_rejection_before_the_request_was_read_is_a_response() -> None:
    """The server gives the reason and closes; the rest of the request cannot be sent."""

    class Refuses(ScriptedConnections):
        async def answer(self, stream: ByteStream) -> None:
            async with stream:
                await stream.receive()
                await stream.send(b"HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\n\r\nbig")
                await stream.send_eof()
                with anyio.move_on_after(60), suppress(anyio.EndOfStream):
                    while await stream.receive():
                        pass

    request = WireRequest(path="/x", body=b"{" + b" " * 20_000_000 + b"}")
    async with connect(Refuses([])) as transport:
        found, body = await fetch(transport, request)

    assert (found.status, body) == (413, b"big")


async def test_sending_to_a_server_that_does_not_read_has_a_deadline() -> None:
    """Its system accepts the connection, and the network buffers are full."""
    request = WireRequest(path="/x", body=b"{" + b" " * 20_000_000 + b"}")
    with socket.create_server(("127.0.0.1", 0)) as silent, anyio.fail_after(60):
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        provider = ProviderProfile(name="h", title="H", base_url=url)
        transport = DirectTransport(provider, settings=HttpSettings(write_seconds=0.1))
        with pytest.raises(TransportError, match="did not take the request within") as caught:
            await fetch(transport, request)

    assert (caught.value.kind, caught.value.retry) == ("timeout", "same")


async def test_a_path_is_percent_encoded() -> None:
    """Names of models are part of some paths."""
    server = ScriptedServer(Reply())
    async with reach(DirectTransport, server) as transport:
        await fetch(transport, WireRequest(path="/models/a b/ü%20?x=1&y=[2]", method="GET"))

    assert (server.requests[0].path, server.requests[0].query) == (
        "/v1/models/a%20b/%C3%BC%20",
        "x=1&y=[2]",
    )


async def test_the_headers_of_a_request_are_sent() -> None:
    """In addition to those of every request, and not with the next one."""
    server = ScriptedServer(Reply())
    async with reach(DirectTransport, server) as transport:
        await fetch(transport, WireRequest(path="/x", body=b"{}", headers={"X-One": "1"}))
        await fetch(transport, ASK)

    assert [request.headers.get("x-one") for request in server.requests] == ["1", None]


def test_a_trace_context_is_added_to_a_head_that_was_made_before() -> None:
    """As if the head had been made with it; what is not well formed takes the checked way."""
    transport = DirectTransport(ProviderProfile(name="h", title="H", base_url="http://h.example"))
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    with_trace = WireRequest(path="/x", body=b"{}", headers={"traceparent": trace})
    with_more = WireRequest(path="/x", body=b"{}", headers={"traceparent": trace, "a": "b"})
    hostile = WireRequest(path="/x", body=b"{}", headers={"traceparent": f"{trace}\r\nx: y"})

    def sent(request: WireRequest) -> list[bytes]:
        head, body = transport.encode(request)
        first, *lines = b"".join(head.encode(body)).split(b"\r\n")
        return [first, *sorted(lines)]

    plain = sent(WireRequest(path="/x", body=b"{}"))
    line = f"traceparent: {trace}".encode()
    assert sent(with_trace) == [plain[0], *sorted([*plain[1:], line])]
    assert sent(with_more) == [plain[0], *sorted([*plain[1:], line, b"a: b"])]
    assert sent(WireRequest(path="/x", body=b"{}")) == plain
    with pytest.raises(TransportError):
        sent(hostile)


async def test_a_header_that_is_not_ascii_is_rejected_without_its_value() -> None:
    """Like one with a line break."""
    async with reach(DirectTransport, ScriptedServer(Reply())) as transport:
        with pytest.raises(TransportError, match="got no request") as caught:
            await fetch(transport, WireRequest(path="/x", headers={"x-a": "gehéim"}))

    assert caught.value.__cause__ is None


async def test_using_a_closed_transport_is_an_error() -> None:
    """Also for exchanges that still wait for a connection."""
    settings = HttpSettings(max_connections=1)
    proceed: list[str] = []
    async with reach(
        DirectTransport, ScriptedServer(Reply(chunks=(b"x",))), settings=settings
    ) as transport:

        async def wait() -> None:
            with pytest.raises(RuntimeError, match="was closed") as caught:
                await fetch(transport)
            proceed.append(str(caught.value))

        async with anyio.create_task_group() as tasks, transport.exchange(ASK) as answer:
            tasks.start_soon(wait)
            await anyio.wait_all_tasks_blocked()
            await transport.aclose()
            body = await read(answer)
        await wait()

    assert (body, len(proceed)) == (b"x", 2)


async def test_too_many_open_files_are_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The error states it, and no connection of the pool is lost."""
    settings = HttpSettings(max_connections=1)
    async with reach(
        DirectTransport, ScriptedServer(Reply(chunks=(b"x",))), settings=settings
    ) as transport:
        with monkeypatch.context() as patch:

            async def refuse(*_: object) -> None:
                raise OSError(24, "Too many open files")

            patch.setattr("agentkit.transport.direct.connection.connect_tcp", refuse)
            with pytest.raises(TransportError, match="reached: Too many open files"):
                await fetch(transport)
        assert (await fetch(transport))[1] == b"x"


async def test_a_host_of_several_addresses_is_reached_by_the_one_that_answers() -> None:
    """`localhost` has two, and the server listens on one."""
    server = ScriptedServer(Reply(chunks=(b"x",)))
    async with reach(DirectTransport, server, name="localhost") as transport:
        assert (await fetch(transport))[1] == b"x"


async def test_connecting_to_a_silent_address_has_a_deadline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It drops packets, as firewalls do."""

    async def drop(*_: object) -> None:
        await anyio.sleep_forever()

    monkeypatch.setattr("agentkit.transport.direct.connection.connect_tcp", drop)
    provider = ProviderProfile(name="h", title="H", base_url="http://127.0.0.1:1")
    transport = DirectTransport(provider, settings=HttpSettings(connect_seconds=0.01))
    with anyio.fail_after(60), pytest.raises(TransportError, match=r"within 0\.01 s") as caught:
        await fetch(transport)

    assert (caught.value.kind, caught.value.retry) == ("timeout", "same")


async def test_an_unknown_host_name_is_an_error() -> None:
    """With the system's message."""
    provider = ProviderProfile(name="h", title="H", base_url="http://nowhere.invalid")
    with anyio.fail_after(60), pytest.raises(TransportError, match="could not be reached: "):
        await fetch(DirectTransport(provider))
