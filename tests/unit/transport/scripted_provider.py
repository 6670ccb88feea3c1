"""A provider that follows a script, and exchanges with it through a recording."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
from anyio.lowlevel import checkpoint

from agentkit.errors import TransportError
from agentkit.recording.record_replay import open_recording
from agentkit.transport.base import Transport, WireResponse
from agentkit.wire import WireHead, WireRequest

Part = bytes | Exception
SSE = WireHead(status=200, headers={"content-type": "text/event-stream", "x-request-id": "r-1"})
STREAM = (b'data: {"a":"It', b"'s\xc3", b'\xa9"}\r\n\r\nda', b"", b"ta: [DONE]\n\n")


class FakeProvider(Transport):
    """Responds to each request with the next script: parts of a body, or a fault."""

    def __init__(self, *scripts: Sequence[Part] | Exception, head: WireHead = SSE) -> None:
        self.requests: list[WireRequest] = []
        self.closed = 0
        self.left = 0
        self._scripts = list(scripts)
        self._head = head

    @asynccontextmanager
    async def exchange(self, request: WireRequest) -> AsyncIterator[WireResponse]:
        """Follow the next script."""
        self.requests.append(request)
        script = self._scripts.pop(0)
        await checkpoint()
        if isinstance(script, Exception):
            raise script
        try:
            yield WireResponse(head=self._head, chunks=BodyParts(script))
        finally:
            self.left += 1

    async def aclose(self) -> None:
        """Count the calls."""
        self.closed += 1


class BodyParts(AsyncIterator[bytes]):
    """The parts of a body in order."""

    def __init__(self, parts: Iterable[Part]) -> None:
        self._parts = iter(parts)

    async def __anext__(self) -> bytes:
        await checkpoint()
        for part in self._parts:
            if isinstance(part, Exception):
                raise part
            return part
        raise StopAsyncIteration


def ask(text: str, *, stream: bool = True) -> WireRequest:
    """Return a request with `text`."""
    body = f'{{"model": "m", "messages": [{{"role": "user", "content": "{text}"}}]}}'
    return WireRequest(path="/chat", body=body.encode(), stream=stream)


async def read(transport: Transport, request: WireRequest) -> tuple[WireHead, list[bytes]]:
    """Make one exchange and return all of it."""
    with anyio.fail_after(60):
        async with transport.exchange(request) as answer:
            return answer.head, [chunk async for chunk in answer.chunks]


async def recorded(path: Path, provider: FakeProvider, *requests: WireRequest) -> None:
    """Record `requests` in order, including faults."""
    with open_recording(path, mode="record") as recorder:
        transport = recorder.wrap(provider)
        for request in requests:
            try:
                await read(transport, request)
            except TransportError:
                continue


def text_of(path: Path) -> str | None:
    """Return the text of a file; None if it does not exist."""
    return path.read_text(encoding="utf-8") if path.exists() else None


def put(path: Path, text: str) -> None:
    """Write a file."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
