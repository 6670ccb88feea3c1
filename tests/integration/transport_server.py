"""A scripted server on loopback, and a transport to it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Protocol

import anyio
import httpx
import pytest
from anyio.abc import ByteStream, SocketAttribute, SocketStream
from pydantic import SecretStr

from agentkit.config.profile import Auth, ProviderProfile
from agentkit.sandbox.http_server import HttpRequest, RawReply, Reply, serve
from agentkit.transport.base import Transport, WireResponse
from agentkit.transport.direct.direct_transport import DirectTransport
from agentkit.transport.http_settings import HttpSettings
from agentkit.transport.httpx_transport import HttpTransport
from agentkit.wire import WireHead, WireRequest

KEY = "sk-geheim-123"
HEAD = b"HTTP/1.1 200 OK\r\nx-request-id: req-7\r\n"
ASK = WireRequest(path="/chat/completions", body=b'{"model":"m"}')

Answer = Reply | RawReply


class Make(Protocol):
    """Builds a transport of one kind."""

    def __call__(
        self,
        provider: ProviderProfile,
        *,
        api_key: SecretStr | None = None,
        settings: HttpSettings | None = None,
    ) -> Transport:
        """Return a transport to the server."""


BOTH = pytest.mark.parametrize("make", [HttpTransport, DirectTransport], ids=["httpx", "direct"])
"""Runs a test with each kind of transport."""


class ScriptedServer:
    """A server that sends the given responses in turn, and records the requests."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = list(answers)
        self.requests: list[HttpRequest] = []

    async def answer(self, request: HttpRequest) -> Answer:
        """Record the request, send the next response; repeat the last one."""
        self.requests.append(request)
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


@asynccontextmanager
async def reach(
    make: Make,
    server: ScriptedServer,
    *,
    auth: Auth | None = None,
    settings: HttpSettings | None = None,
    headers: dict[str, str] | None = None,
    name: str = "127.0.0.1",
) -> AsyncIterator[Transport]:
    """Start `server`, and yield a transport to it that has a key."""
    with anyio.fail_after(60):
        async with serve(server.answer) as url:
            provider = ProviderProfile(
                name="h",
                title="H",
                base_url=f"{url.replace('127.0.0.1', name)}/v1/",
                auth=auth or Auth(),
                headers=headers or {},
            )
            transport = make(provider, api_key=SecretStr(KEY), settings=settings)
            try:
                yield transport
            finally:
                await transport.aclose()


def with_client(client: httpx.AsyncClient) -> Make:
    """Return a function that builds transports with this client."""
    return partial(HttpTransport, client=client)


async def read(answer: WireResponse) -> bytes:
    """Return the complete body."""
    return b"".join([chunk async for chunk in answer.chunks])


async def fetch(transport: Transport, request: WireRequest = ASK) -> tuple[WireHead, bytes]:
    """Make one exchange and read its response to the end."""
    async with transport.exchange(request) as answer:
        return answer.head, await read(answer)


@asynccontextmanager
async def listening(
    make: Make,
    answer: Callable[[SocketStream], Awaitable[None]],
    *,
    settings: HttpSettings | None = None,
) -> AsyncIterator[Transport]:
    """Serve raw connections, and yield a transport to them."""
    with anyio.fail_after(60):
        listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
        port = listener.extra(SocketAttribute.local_port)  # noqa: S610 - not Django's
        provider = ProviderProfile(name="h", title="H", base_url=f"http://127.0.0.1:{port}")
        transport = make(provider, api_key=SecretStr(KEY), settings=settings)
        async with listener, anyio.create_task_group() as tasks:
            tasks.start_soon(listener.serve, answer)
            yield transport
            await transport.aclose()
            tasks.cancel_scope.cancel()


async def read_request(stream: ByteStream) -> bytes:
    """Return one complete request, which ends in a brace."""
    received = b""
    while not received.endswith(b"}"):
        received += await stream.receive()
    return received
