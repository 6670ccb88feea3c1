"""A server whose connections follow scripts, and a direct transport to it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import anyio
from anyio.abc import ByteStream, SocketAttribute

from agentkit.config.profile import ProviderProfile
from agentkit.testing.clock import ManualClock
from agentkit.transport.base import Transport
from agentkit.transport.direct.direct_transport import DirectTransport
from agentkit.transport.http_settings import HttpSettings
from tests.integration.transport_server import HEAD, read_request

OK = HEAD + b"content-length: 2\r\n\r\n"


@asynccontextmanager
async def suppressed() -> AsyncIterator[None]:
    """Ignore a broken connection."""
    with suppress(anyio.BrokenResourceError, anyio.EndOfStream):
        yield


class ScriptedConnections:
    """A server whose connections each follow the next script, step by step.

    Bytes are the response to a request; bytes with an event are sent when that is set; `None`
    closes.
    """

    def __init__(self, *scripts: list[bytes | tuple[anyio.Event, bytes] | None]) -> None:
        self._scripts = list(scripts)
        self.received: list[tuple[int, bytes]] = []
        self.gone = [anyio.Event() for _ in scripts]
        self.sent = [anyio.Event() for _ in scripts]

    async def answer(self, stream: ByteStream) -> None:
        """Follow the next script, then wait for the client to disconnect."""
        number = len(self.gone) - len(self._scripts)
        script = self._scripts.pop(0)
        # Under TLS a stream closes with a word to the client, which may have left without one.
        async with suppressed(), stream:
            try:
                for step in script:
                    match step:
                        case None:
                            return
                        case bytes():
                            self.received.append((number, await read_request(stream)))
                            await stream.send(step)
                        case (event, late):
                            await event.wait()
                            await stream.send(late)
                self.sent[number].set()
                await stream.receive()
            except (anyio.EndOfStream, anyio.BrokenResourceError):
                pass
            finally:
                self.gone[number].set()


@asynccontextmanager
async def connect(
    server: ScriptedConnections,
    *,
    settings: HttpSettings | None = None,
    clock: ManualClock | None = None,
) -> AsyncIterator[Transport]:
    """Start `server`, and yield a direct transport to it."""
    with anyio.fail_after(60):
        listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
        port = listener.extra(SocketAttribute.local_port)  # noqa: S610 - not Django's
        provider = ProviderProfile(name="h", title="H", base_url=f"http://127.0.0.1:{port}")
        transport = DirectTransport(provider, settings=settings, clock=clock)
        async with listener, anyio.create_task_group() as tasks:
            tasks.start_soon(listener.serve, server.answer)
            yield transport
            await transport.aclose()
            tasks.cancel_scope.cancel()
