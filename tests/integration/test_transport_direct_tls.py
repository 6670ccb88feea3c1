"""The direct transport uses TLS."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
from anyio.abc import ByteStream, SocketAttribute
from anyio.streams.tls import TLSListener, TLSStream

from agentkit.config.profile import ProviderProfile
from agentkit.errors import TransportError
from agentkit.transport.base import Transport
from agentkit.transport.direct.direct_transport import DirectTransport
from agentkit.transport.http_settings import HttpSettings
from tests.integration.transport_lines import OK, ScriptedConnections, suppressed
from tests.integration.transport_server import ASK, fetch, read, read_request

TLS = Path(__file__).with_name("tls")


@asynccontextmanager
async def secure(
    server: ScriptedConnections,
    monkeypatch: pytest.MonkeyPatch,
    *,
    trusted: bool = True,
    says_goodbye: bool = False,
    name: str = "127.0.0.1",
) -> AsyncIterator[Transport]:
    """Serve with TLS, and yield a transport to the server."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TLS / "cert.pem", TLS / "key.pem")
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(TLS / "cert.pem"))
    with anyio.fail_after(60):
        tcp = await anyio.create_tcp_listener(local_host=name)
        port = tcp.extra(SocketAttribute.local_port)  # noqa: S610 - not Django's
        listener = TLSListener(tcp, context, standard_compatible=says_goodbye)
        provider = ProviderProfile(name="h", title="H", base_url=f"https://{name}:{port}")
        transport = DirectTransport(provider)
        async with listener, anyio.create_task_group() as tasks:
            tasks.start_soon(listener.serve, server.answer)
            yield transport
            await transport.aclose()
            tasks.cancel_scope.cancel()


async def test_tls_connections_are_reused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The handshake is made once."""
    server = ScriptedConnections([OK + b"a1", OK + b"a2"])
    async with secure(server, monkeypatch) as transport:
        bodies = [(await fetch(transport))[1] for _ in range(2)]

    assert bodies == [b"a1", b"a2"]


async def test_bytes_after_a_response_are_detected_with_tls_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They arrived with the end of the response, and are not decrypted yet."""
    proceed = anyio.Event()
    server = ScriptedConnections([OK, (proceed, b"ok"), (proceed, OK + b"no")], [OK + b"b1"])
    async with secure(server, monkeypatch) as transport:
        async with transport.exchange(ASK) as answer:
            proceed.set()
            await server.sent[0].wait()
            bodies = [await read(answer)]
        bodies.append((await fetch(transport))[1])

    assert bodies == [b"ok", b"b1"]


async def test_a_closed_connection_is_detected_with_tls_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also after a TLS close notification that arrived with the response."""
    proceed = anyio.Event()
    server = ScriptedConnections([OK, (proceed, b"ok"), None], [OK + b"b1"])
    async with secure(server, monkeypatch, says_goodbye=True) as transport:
        async with transport.exchange(ASK) as answer:
            proceed.set()
            await server.gone[0].wait()
            await anyio.wait_all_tasks_blocked()
            bodies = [await read(answer)]
        bodies.append((await fetch(transport))[1])

    assert bodies == [b"ok", b"b1"]
    assert [number for number, _ in server.received] == [0, 1]


async def test_bytes_after_a_response_that_are_not_tls_are_detected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing more can be read from such a connection."""
    proceed, sent = anyio.Event(), anyio.Event()

    class Breaks(ScriptedConnections):
        async def answer(self, stream: ByteStream) -> None:
            if sent.is_set():
                await super().answer(stream)
                return
            assert isinstance(stream, TLSStream)
            async with suppressed(), stream:
                await read_request(stream)
                await stream.send(OK)
                await proceed.wait()
                await stream.send(b"ok")
                await stream.transport_stream.send(b"220 mail.example ESMTP\r\n")
                sent.set()
                await stream.receive()

    async with secure(Breaks([OK + b"b1"]), monkeypatch) as transport:
        async with transport.exchange(ASK) as answer:
            proceed.set()
            await sent.wait()
            bodies = [await read(answer)]
        bodies.append((await fetch(transport))[1])

    assert bodies == [b"ok", b"b1"]


async def test_an_untrusted_certificate_is_rejected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is not retried."""
    server = ScriptedConnections([OK + b"a1"])
    async with secure(server, monkeypatch, trusted=False) as transport:
        with pytest.raises(TransportError, match="a certificate that is not trusted") as caught:
            await fetch(transport)

    assert caught.value.retry == "never"
    assert server.received == []


async def test_a_certificate_for_another_name_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    """The host name of the URL counts."""
    server = ScriptedConnections([OK + b"a1"])
    async with secure(server, monkeypatch, name="127.0.0.2") as transport:
        with pytest.raises(TransportError, match="not trusted"):
            await fetch(transport)

    assert server.received == []


async def test_the_handshake_has_a_deadline() -> None:
    """The server accepts the connection and sends nothing."""

    async def silent(stream: ByteStream) -> None:
        async with stream:
            await anyio.sleep_forever()

    with anyio.fail_after(60):
        listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
        port = listener.extra(SocketAttribute.local_port)  # noqa: S610 - not Django's
        provider = ProviderProfile(name="h", title="H", base_url=f"https://127.0.0.1:{port}")
        transport = DirectTransport(provider, settings=HttpSettings(connect_seconds=0.1))
        async with listener, anyio.create_task_group() as tasks:
            tasks.start_soon(listener.serve, silent)
            with pytest.raises(TransportError, match=r"reached within 0\.1 s"):
                await fetch(transport)
            tasks.cancel_scope.cancel()


async def test_a_disconnection_during_the_handshake_is_an_error() -> None:
    """It may be temporary, so the request may be retried."""

    async def leave(stream: ByteStream) -> None:
        async with stream:
            await stream.receive()

    with anyio.fail_after(60):
        listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
        port = listener.extra(SocketAttribute.local_port)  # noqa: S610 - not Django's
        provider = ProviderProfile(name="h", title="H", base_url=f"https://127.0.0.1:{port}")
        async with listener, anyio.create_task_group() as tasks:
            tasks.start_soon(listener.serve, leave)
            with pytest.raises(TransportError, match="could not be reached") as caught:
                await fetch(DirectTransport(provider))
            tasks.cancel_scope.cancel()

    assert (caught.value.kind, caught.value.retry) == ("connection", "same")
