"""A connection that was kept may be dead, or hold what no one asked for."""

import anyio
import pytest

from agentkit.errors import TransportError
from agentkit.transport.http_settings import HttpSettings
from tests.integration.transport_lines import OK, Lines, lines
from tests.integration.transport_server import HEAD, fetch


async def test_a_host_that_closed_a_kept_connection_is_asked_over_a_new_one() -> None:
    """It is found dead before anything is sent, or at the latest when nothing comes back."""
    host = Lines([OK + b"a1", None], [OK + b"b1"])
    async with lines(host) as transport:
        first = (await fetch(transport))[1]
        await host.gone[0].wait()
        second = (await fetch(transport))[1]

    assert (first, second) == (b"a1", b"b1")
    assert [number for number, _ in host.heard] == [0, 1]


async def test_a_kept_connection_that_breaks_before_the_answer_is_replaced_at_once() -> None:
    """The host took the request and closed: it had meant to close before."""
    host = Lines([OK + b"a1", b"", None], [OK + b"b1"])
    async with lines(host) as transport:
        await fetch(transport)
        _, body = await fetch(transport)

    assert body == b"b1"
    assert [number for number, _ in host.heard] == [0, 0, 1]


async def test_a_new_connection_that_breaks_is_not_replaced() -> None:
    """Whether to send again is not for the transport to say."""
    host = Lines([b"", None], [OK + b"b1"])
    async with lines(host) as transport:
        with pytest.raises(TransportError, match="before it answered") as caught:
            await fetch(transport)

    assert (caught.value.kind, caught.value.retry) == ("connection", "same")
    assert [number for number, _ in host.heard] == [0]


async def test_a_request_is_replaced_once_and_not_twice() -> None:
    """The second connection is new: if it breaks, it is told."""
    host = Lines([OK + b"a1", b"", None], [b"", None], [OK + b"c1"])
    async with lines(host) as transport:
        await fetch(transport)
        with pytest.raises(TransportError, match="before it answered"):
            await fetch(transport)

    assert [number for number, _ in host.heard] == [0, 0, 1]


async def test_a_host_that_is_gone_is_told_and_its_place_is_free(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The kept connection breaks, and for a while no new one can be made."""

    async def refuse(*_: object) -> None:
        raise ConnectionRefusedError(111, "HttpConnection refused")

    host = Lines([OK + b"a1", b"", None], [OK + b"b1"])
    async with lines(host, settings=HttpSettings(max_connections=1)) as transport:
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
    """The host had begun to answer, so it may have done what was asked."""
    host = Lines([OK + b"a1", HEAD, None], [OK + b"b1"])
    async with lines(host) as transport:
        await fetch(transport)
        with pytest.raises(TransportError, match="before it answered"):
            await fetch(transport)

    assert [number for number, _ in host.heard] == [0, 0]


@pytest.mark.parametrize(
    "end", [b"okHTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nwrong", b"ok\r\n", b"okx"]
)
async def test_bytes_after_an_answer_are_never_the_next_answer(end: bytes) -> None:
    """The connection they came over is not used again."""
    host = Lines([OK + end], [OK + b"b1"])
    async with lines(host) as transport:
        bodies = [(await fetch(transport))[1] for _ in range(2)]

    assert bodies == [b"ok", b"b1"]


async def test_bytes_that_come_late_are_never_the_next_answer() -> None:
    """They arrive while the connection rests."""
    told = anyio.Event()
    late = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nwrong"
    host = Lines([OK + b"ok", (told, late)], [OK + b"b1"])
    async with lines(host) as transport:
        first = (await fetch(transport))[1]
        told.set()
        await host.sent[0].wait()
        second = (await fetch(transport))[1]

    assert (first, second) == (b"ok", b"b1")
