"""Bodies and connections that are made to exhaust a server cost it little."""

import contextlib
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import anyio
import httpx
import pytest

from agentkit import Agent
from agentkit.mcp.server import request_limits
from agentkit.service import build_service, open_port
from tests.service.rule_model import RuleModel

CHAT = "/v1/chat/completions"
CPU_SECONDS = 5.0
"""Each takes less than half a second; slow machines need room."""


def chat(**fields: Any) -> bytes:
    """Return a request with these fields."""
    said = [{"role": "user", "content": "hi"}]
    return json.dumps({"model": "a", "messages": said, **fields}).encode()


def tool(schema: str) -> bytes:
    """Return a request with a tool of this schema."""
    place = '{"type": "function", "function": {"name": "f", "parameters": SCHEMA}}'
    request = chat(tools=["TOOL"]).decode().replace('"TOOL"', place)
    return request.replace("SCHEMA", schema).encode()


DEEP = 100_000
BOMBS: dict[str, tuple[bytes, dict[str, str]]] = {
    "nested lists": (b"[" * DEEP, {}),
    "nested objects": (b'{"a":' * DEEP + b"1" + b"}" * DEEP, {}),
    "nested content": (chat(messages="X").replace(b'"X"', b"[" * DEEP + b"]" * DEEP), {}),
    "nested schema": (tool('{"items":' * DEEP + "{}" + "}" * DEEP), {}),
    "a long number": (chat(seed=0).replace(b'"seed": 0', b'"seed": ' + b"9" * 1_000_000), {}),
    "not a number": (chat(temperature=0).replace(b'e": 0', b'e": NaN'), {}),
    "many fields": (json.dumps({f"x{at}": 1 for at in range(300_000)}).encode(), {}),
    "many messages": (chat(messages=[{"role": "user", "content": "x"}] * 60_000), {}),
    "many roles": (chat(messages=[{"role": "x", "content": "x"}] * 20_000), {}),
    "many tools": (chat(tools=[{"type": "function", "function": {"name": "f"}}] * 20_000), {}),
    "a schema of itself": (tool('{"$ref": "#"}'), {}),
    "compressed": (b"\x1f\x8b\x08" + b"\x00" * 100_000, {"content-encoding": "gzip"}),
    "a wrong length": (b"{}", {"content-length": "99999999999999999999"}),
    "half a pair": (chat().replace(b"hi", b"\\ud800") + b"\xff", {}),
}


@pytest.mark.parametrize("name", BOMBS)
async def test_a_bomb_is_refused_at_little_cost(name: str) -> None:
    """With a status that says so, before a run."""
    content, headers = BOMBS[name]
    model = RuleModel()
    transport = httpx.ASGITransport(app=build_service({"a": Agent(model)}))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        began = time.process_time()
        answer = await client.post(
            CHAT, content=content, headers={"content-type": "application/json", **headers}
        )
        seconds = time.process_time() - began

    assert answer.status_code in (400, 413)
    assert len(answer.content) < 20_000
    assert model.requests == []
    assert seconds < CPU_SECONDS


SLOW: dict[str, bytes] = {
    "headers": f"POST {CHAT} HTTP/1.1\r\nhost: localhost\r\nx-slow: ".encode(),
    "body": (
        f"POST {CHAT} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
        "content-length: 1000\r\n\r\n{"
    ).encode(),
    "chunks": (
        f"POST {CHAT} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
        "transfer-encoding: chunked\r\n\r\n1\r\n{\r\n"
    ).encode(),
    "nothing": b"",
}


@pytest.fixture
async def port(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    """Serve with little time for a request to arrive, and return the port."""
    monkeypatch.setattr(request_limits, "REQUEST_SECONDS", 0.3)
    service = build_service({"a": Agent(RuleModel())})
    async with open_port(service, port=0) as running:
        yield int(running.url.rpartition(":")[2])
        assert service.state.limits.running == 0


@pytest.mark.parametrize("name", SLOW)
async def test_a_slow_request_ends_its_connection(port: int, name: str) -> None:
    """Although a byte comes again and again."""
    part = b"1\r\n \r\n" if name == "chunks" else b"x" if name == "headers" else b" "
    with anyio.fail_after(60):
        async with await anyio.connect_tcp("127.0.0.1", port) as stream:
            if SLOW[name]:
                await stream.send(SLOW[name])
            assert await is_closed(stream, b"" if name == "nothing" else part)


async def is_closed(stream: anyio.abc.SocketStream, part: bytes) -> bool:
    """Send a part again and again, and return whether the other side closes without an answer."""
    received = list[bytes]()
    async with anyio.create_task_group() as tasks:

        async def send() -> None:
            while part:
                await anyio.sleep(0.02)
                try:
                    await stream.send(part)
                except anyio.BrokenResourceError:
                    return

        tasks.start_soon(send)
        with contextlib.suppress(anyio.EndOfStream, anyio.BrokenResourceError):
            received.append(await stream.receive())
        tasks.cancel_scope.cancel()
    return not received
