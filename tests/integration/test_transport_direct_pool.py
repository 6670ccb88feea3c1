"""A kept connection may be closed, or have bytes that no request asked for."""

import anyio
import pytest

from agentkit.errors import TransportError
from agentkit.transport.http_settings import HttpSettings
from tests.integration.transport_lines import OK, ScriptedConnections, connect
from tests.integration.transport_server import HEAD, fetch


async def test_a_kept_connection_that_the_server_closed_is_replaced() -> None:
    """It is detected before anything is sent, or at the latest when there is no response."""
    server = ScriptedConnections([OK + b"a1", None], [OK + b"b1"])
    async with connect(server) as transport:
        first = (await fetch(transport))[1]
        await server.gone[0].wait()
        second = (await fetch(transport))[1]

    assert (first, second) == (b"a1", b"b1")
    assert [number for number, _ in server.received] == [0, 1]


async def test_a_kept_connection_that_breaks_before_the_response_is_replaced_at_once() -> None:
    """The server received the request and closed, as it had planned before."""
    server = ScriptedConnections([OK + b"a1", b"", None], [OK + b"b1"])
    async with connect(server) as transport:
        await fetch(transport)
        _, body = await fetch(transport)

    assert body == b"b1"
    assert [number for number, _ in server.received] == [0, 0, 1]


async def test_a_new_connection_that_breaks_is_not_replaced() -> None:
    """The transport does not decide about retries."""
    server = ScriptedConnections([b"", None], [OK + b"b1"])
    async with connect(server) as transport:
        with pytest.raises(TransportError, match="before it answered") as caught:
            await fetch(transport)

    assert (caught.value.kind, caught.value.retry) == ("connection", "same")
    assert [number for number, _ in server.received] == [0]


async def test_a_connection_is_replaced_once_and_not_twice() -> None:
    """The second connection is new: if it breaks, that is an error."""
    server = ScriptedConnections([OK + b"a1", b"", None], [b"", None], [OK + b"c1"])
    async with connect(server) as transport:
        await fetch(transport)
        with pytest.raises(TransportError, match="before it answered"):
            await fetch(transport)

    assert [number for number, _ in server.received] == [0, 0, 1]


async def test_an_unreachable_server_is_an_error_and_the_pool_recovers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The kept connection breaks, and for a while no new one can be opened."""

    async def refuse(*_: object) -> None:
        raise ConnectionRefusedError(111, "HttpConnection refused")

    server = ScriptedConnections([OK + b"a1", b"", None], [OK + b"b1"])
    async with connect(server, settings=HttpSettings(max_connections=1)) as transport:
        await fetch(transport)
        with monkeypatch.context() as patch:
            patch.setattr("agentkit.transport.direct.connection.connect_tcp", refuse)
            with pytest.raises(
                TransportError, match="could not be reached: HttpConnection refused"
            ):
                await fetch(transport)
        _, body = await fetch(transport)

    assert body == b"b1"


async def test_a_kept_connection_that_breaks_inside_the_head_is_not_replaced() -> None:
    """The server had begun to respond, so it may have processed the request."""
    server = ScriptedConnections([OK + b"a1", HEAD, None], [OK + b"b1"])
    async with connect(server) as transport:
        await fetch(transport)
        with pytest.raises(TransportError, match="before it answered"):
            await fetch(transport)

    assert [number for number, _ in server.received] == [0, 0]


@pytest.mark.parametrize(
    "end", [b"okHTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nwrong", b"ok\r\n", b"okx"]
)
async def test_bytes_after_a_response_are_never_the_next_response(end: bytes) -> None:
    """Their connection is not reused."""
    server = ScriptedConnections([OK + end], [OK + b"b1"])
    async with connect(server) as transport:
        bodies = [(await fetch(transport))[1] for _ in range(2)]

    assert bodies == [b"ok", b"b1"]


async def test_late_bytes_are_never_the_next_response() -> None:
    """They arrive while the connection is idle."""
    proceed = anyio.Event()
    late = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nwrong"
    server = ScriptedConnections([OK + b"ok", (proceed, late)], [OK + b"b1"])
    async with connect(server) as transport:
        first = (await fetch(transport))[1]
        proceed.set()
        await server.sent[0].wait()
        second = (await fetch(transport))[1]

    assert (first, second) == (b"ok", b"b1")
