"""The HTTP client for MCP servers."""

import gzip
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from anyio.abc import SocketAttribute, SocketStream

from agentkit.mcp.client.http_client import BodyError, build_http_client

CALL = {"jsonrpc": "2.0", "id": 7, "method": "tools/call"}
ANSWER = {"jsonrpc": "2.0", "id": 7, "result": {"content": []}}
JSON = ("content-type: application/json",)
LIMIT = 100_000


def response(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    """Return an HTTP response that ends with the connection."""
    head = [f"HTTP/1.1 {status}", "connection: close", *headers]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


@asynccontextmanager
async def answering(reply: bytes) -> AsyncIterator[str]:
    """Serve one reply to every request; yield the URL."""

    async def handle(stream: SocketStream) -> None:
        async with stream:
            request = b""
            while not request.endswith((b"}", b"]")):  # a close with unread data is a reset
                request += await stream.receive()
            with suppress(anyio.BrokenResourceError):  # the client stops at its limit
                await stream.send(reply)

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(SocketAttribute.local_port)  # noqa: S610  # not Django's
    async with listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, handle)
        yield f"http://127.0.0.1:{port}/mcp"
        group.cancel_scope.cancel()


class Client:
    """A client, and what it reported."""

    def __init__(self) -> None:
        self.reports: list[str] = []
        self.statuses: list[str] = []

    async def post(self, url: str, content: Any = CALL, **headers: str) -> httpx2.Response:
        """Send a message, and return the response as the SDK reads it."""
        client = build_http_client(
            url,
            headers={},
            auth=None,
            max_bytes=LIMIT,
            report=self.reports.append,
            on_status=self.statuses.append,
        )
        async with client, client.stream("POST", url, json=content, headers=headers) as answer:
            await answer.aread()
            return answer


async def answer_to(reply: bytes) -> Any:
    """Return the JSON that the SDK reads."""
    async with answering(reply) as url:
        return json.loads((await Client().post(url)).content)


BOMB = gzip.compress(b"a" * 50_000_000)
EMPTY_MEMBER = gzip.compress(b"")


@pytest.mark.parametrize(
    "reply",
    [
        response(json.dumps(ANSWER).encode(), *JSON),
        response(gzip.compress(json.dumps(ANSWER).encode()), *JSON, "content-encoding: gzip"),
        response(json.dumps(ANSWER).encode(), *JSON, "content-encoding: utf-8"),
        response(json.dumps([{"id": 7, "result": {"content": []}}]).encode(), *JSON),
    ],
    ids=["plain", "gzip", "mislabelled", "batch without a version"],
)
async def test_a_json_answer_is_decoded_and_repaired(reply: bytes) -> None:
    """The SDK reads plain JSON-RPC."""
    assert await answer_to(reply) == ANSWER


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (response(BOMB, *JSON, "content-encoding: gzip"), "the answer exceeds 0.1 MB"),
        (
            response(EMPTY_MEMBER * 20_000, *JSON, "content-encoding: gzip"),
            "the answer exceeds 0.1 MB",
        ),
        (response(b"a" * 200_000, *JSON), "the answer exceeds 0.1 MB"),
        (
            response(b"abc", *JSON, "content-encoding: br"),
            "the answer has the content encoding 'br', not gzip",
        ),
        (
            response(b"abc", *JSON, "content-encoding: gzip"),
            "the answer could not be decoded: The body is said to be gzip and is not.",
        ),
        (
            response(b"{}", *JSON, "content-length: 100"),
            "the answer ended early: RemoteProtocolError",
        ),
        (response(b'["no", "answer"]', *JSON), "the answer is not a JSON-RPC response"),
        (response(b'{"id": 7, "result": 5}', *JSON), "its result is int"),
    ],
    ids=["bomb", "empty members", "large", "brotli", "no gzip", "cut", "no answer", "no result"],
)
async def test_a_bad_body_is_an_error_of_its_own_request(reply: bytes, message: str) -> None:
    """At once, and within the bound; the connection stays usable."""
    answer = await answer_to(reply)

    assert (answer["id"], answer["error"]["code"]) == (7, -32603)
    assert message in answer["error"]["message"]


@pytest.mark.parametrize(
    ("reply", "code", "message"),
    [
        (
            response(b"<h1>Gateway  down</h1>", status="503 Service Unavailable"),
            -32603,
            "HTTP 503 Service Unavailable: <h1>Gateway down</h1>",
        ),
        (response(b"", status="401 Unauthorized"), -32603, "HTTP 401 Unauthorized"),
        (
            response(b'{"detail": "no"}', *JSON, status="403 Forbidden"),
            -32603,
            'HTTP 403 Forbidden: {"detail": "no"}',
        ),
        (response(b"?", status="404 Not Found"), -32601, "HTTP 404 Not Found: ?"),
        (
            response(
                b'{"jsonrpc": "2.0", "id": null, "error": {"code": -32602, "message": "bad"}}',
                *JSON,
                status="400 Bad Request",
            ),
            -32602,
            "bad",
        ),
        (
            response(BOMB, "content-encoding: gzip", status="500 Oops"),
            -32603,
            "the answer HTTP 500 Oops: exceeds 0.1 MB",
        ),
    ],
    ids=["text", "empty", "json", "not found", "json-rpc", "bomb"],
)
async def test_an_http_error_names_its_status(reply: bytes, code: int, message: str) -> None:
    """An error in JSON-RPC is passed on as it is."""
    answer = await answer_to(reply)

    assert answer == {"jsonrpc": "2.0", "id": 7, "error": {"code": code, "message": message}}


async def test_the_status_of_an_error_is_kept_for_the_reason() -> None:
    """And cleared by the next success."""
    client = Client()

    for reply in (response(b"", status="500 Oops"), response(json.dumps(ANSWER).encode(), *JSON)):
        async with answering(reply) as url:
            await client.post(url)

    assert client.statuses == ["HTTP 500 Oops", ""]


async def test_the_end_of_a_session_is_left_to_the_sdk() -> None:
    """It detects it by the status."""
    async with answering(response(b"gone", status="404 Not Found")) as url:
        answer = await Client().post(url, **{"mcp-session-id": "s"})

    assert (answer.status_code, answer.content) == (404, b"gone")


async def test_other_bodies_are_bounded_too() -> None:
    """Such as metadata for OAuth, which the SDK reads itself."""
    async with answering(response(BOMB, "content-encoding: gzip")) as url:
        with pytest.raises(BodyError, match=r"exceeds 0\.1 MB"):
            await Client().post(url, ["no request"])


async def test_an_event_stream_has_no_limit_in_total() -> None:
    """The SDK limits its events."""
    events = gzip.compress(b"data: x\n\n" * 50_000)
    headers = ("content-type: text/event-stream", "content-encoding: gzip")

    async with answering(response(events, *headers)) as url:
        answer = await Client().post(url)

    assert len(answer.content) == 450_000


async def test_certificates_are_those_that_the_environment_names_now(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """They are read once for each place, not once for a process."""
    async with answering(response(json.dumps(ANSWER).encode(), *JSON)) as url:
        assert (await Client().post(url)).json() == ANSWER
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
        with pytest.raises(FileNotFoundError):
            await Client().post(url)
