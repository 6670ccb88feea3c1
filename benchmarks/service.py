"""Measure what serving an agent over HTTP costs.

In:  nothing; servers for streams are processes of their own.
Out: CPU that a complete request adds to its run; CPU of a streamed delta over the same stream from
     plain Starlette, and memory, with 200 streams at once.
"""

import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import anyio
import anyio.lowlevel
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from agentkit import Agent, AssistantMessage, Usage, UserMessage
from agentkit.chat import ModelRequest, ModelResponse
from agentkit.config.profile import ModelProfile
from agentkit.event import Emit, TextReceived
from agentkit.history import History
from agentkit.model.model import ModelConnection
from agentkit.service import build_service, open_port
from agentkit.service.service import Service
from benchmarks.rounds import Figures, compared, cpu

PATH = "/v1/chat/completions"
STREAMS = 200
DELTAS = 200
WORD = "word "
BODY = {"model": "a", "messages": [{"role": "user", "content": "hi"}]}


class WordModel:
    """Answers with one word, again and again, at once."""

    name = "words"
    profile = ModelProfile(family="words", id="words")

    @asynccontextmanager
    async def open(self) -> AsyncIterator[ModelConnection]:
        """Open a connection; nothing leaves the process."""
        yield self

    async def chat(self, request: ModelRequest, *, emit: Emit) -> ModelResponse:
        """Answer."""
        count = DELTAS if request.stream else 1
        if request.stream:
            for _ in range(count):
                await emit(TextReceived(WORD))
        message = AssistantMessage(WORD * count)
        return ModelResponse(message=message, finish_reason="stop", usage=Usage(input_tokens=3))


async def complete_request(_: int, *, requests: int, rounds: int) -> Figures:
    """Compare a complete request, as the ASGI server calls the service, with its run alone."""
    agent = Agent(WordModel())
    service = build_service({"a": agent}, has_page=False)
    async with service.open():

        async def run() -> object:
            return await agent.run(history=History([UserMessage("hi")]))

        async def request() -> object:
            return await _call(service)

        pairs = [(await cpu(run, requests), await cpu(request, requests)) for _ in range(rounds)]
    return {"adds ms": median(both - alone for alone, both in pairs[1:]) / 1000}


async def _call(service: Service) -> bytes:
    """Call a service as a server does, and return the body of its response."""
    body = json.dumps(BODY).encode()
    ended = anyio.Event()
    parts: list[bytes] = []
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> MutableMapping[str, Any]:
        if waiting:
            return waiting.pop()
        await ended.wait()
        return {"type": "http.disconnect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        parts.append(message.get("body", b""))
        if message["type"] == "http.response.body" and not message.get("more_body"):
            ended.set()

    headers = [(b"host", b"localhost"), (b"content-type", b"application/json")]
    scope = {
        "type": "http", "method": "POST", "path": PATH, "root_path": "", "query_string": b"",
        "headers": headers,
    }  # fmt: skip
    await service(scope, receive, send)
    return b"".join(parts)


async def many_streams(_: int, *, rounds: int) -> Figures:
    """Compare 200 streams at once with those of plain Starlette."""
    pairs, memory = [], 0.0
    for _round in range(rounds):
        with _serving("starlette") as (plain, _process), _serving("service") as (ours, process):
            pairs.append((await _read_streams(plain), await _read_streams(ours)))
            memory = max(memory, process.peak_mb)
    return {**compared(pairs), "MB": memory}


class _Server:
    """A serving process."""

    def __init__(self, pid: int, port: int) -> None:
        self.folder = Path(f"/proc/{pid}")
        self.port = port

    @property
    def cpu_us(self) -> float:
        """Return the processor time of all threads."""
        threads = self.folder.glob("task/*/schedstat")
        return sum(int(one.read_text().split()[0]) for one in threads) / 1000

    @property
    def peak_mb(self) -> float:
        """Return the largest resident memory."""
        found = re.search(r"VmHWM:\s+(\d+)", (self.folder / "status").read_text())
        return int(found[1]) / 1024 if found else 0.0


@contextmanager
def _serving(kind: str) -> Any:
    """Yield a serving process, twice: to read from, and to measure."""
    command = [sys.executable, "-m", "benchmarks.service", kind]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own
        try:
            line = process.stdout.readline() if process.stdout else ""
            server = _Server(process.pid, int(line.rpartition(":")[2]))
            yield server, server
        finally:
            process.kill()


async def _read_streams(server: _Server) -> float:
    """Read 200 streams at once, and return the CPU of the server per delta."""
    body = json.dumps({**BODY, "stream": True})
    head = f"POST {PATH} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
    request = f"{head}content-length: {len(body)}\r\n\r\n{body}".encode()

    async def read() -> None:
        async with await anyio.connect_tcp("127.0.0.1", server.port) as stream:
            await stream.send(request)
            text = b""
            while b"[DONE]" not in text:
                text = text[-10:] + await stream.receive()

    await read()  # warms up
    before = server.cpu_us
    async with anyio.create_task_group() as tasks:
        for _ in range(STREAMS):
            tasks.start_soon(read)
    return (server.cpu_us - before) / (STREAMS * DELTAS)


async def _serve(kind: str) -> None:
    """Serve until killed, and print the address."""
    if kind == "service":
        service = build_service({"a": Agent(WordModel())}, has_page=False)
        async with open_port(service, port=0) as running:
            sys.stdout.write(f"{running.url}\n")
            sys.stdout.flush()
            await anyio.sleep_forever()
    app = Starlette(routes=[Route(PATH, _plain, methods=["POST"])])
    server = uvicorn.Server(uvicorn.Config(app, port=0, http="h11", log_level="critical"))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(server.serve)
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await anyio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        sys.stdout.write(f"http://127.0.0.1:{port}\n")
        sys.stdout.flush()


async def _plain(request: Request) -> StreamingResponse:
    await request.json()
    choice = {"index": 0, "delta": {"content": WORD}, "finish_reason": None}
    chunk = {
        "id": "x", "object": "chat.completion.chunk", "created": 1, "model": "a",
        "choices": [choice],
    }  # fmt: skip

    async def chunks() -> AsyncIterator[str]:
        for _ in range(DELTAS):
            await anyio.lowlevel.checkpoint()
            yield f"data: {json.dumps(chunk, separators=(',', ':'))}\n\n"
        yield "data: [DONE]\n\n"

    return StreamingResponse(chunks(), media_type="text/event-stream")


if __name__ == "__main__":
    anyio.run(_serve, sys.argv[1])
