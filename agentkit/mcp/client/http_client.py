"""An HTTP client for MCP servers whose responses are bounded.

In:  the server's URL, headers, authentication, the limit of a message.
Out: an `httpx2.AsyncClient` for the SDK's transports.

The SDK bounds single events of a stream only. A JSON response of 1.3 MB of gzip can take 1.5 GB of
memory, and its parsing minutes. Here every body is decoded by the decoder of our own transport,
which counts each byte as it is made. An error response becomes a JSON-RPC error that names its
status, and a JSON response that is not quite JSON-RPC is repaired.
"""

import json
import os
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from functools import cache
from typing import Any

import anyio.lowlevel
import httpx2
import mcp_types as types

from agentkit.json_schema.validator import shorten
from agentkit.mcp.client.private_addresses import refuse_private_addresses
from agentkit.mcp.client.repair.messages import Report, WaitingRequests, parse_messages
from agentkit.transport.content_decoder import (
    BodyTooLargeError,
    ContentDecoder,
    DecodeError,
    UnknownEncodingError,
)

CONNECT_SECONDS = 30.0
READ_SECONDS = 300.0
"""Limit for a silent stream; the limit of a call is usually shorter."""

_MAX_STREAM_BYTES = 2**62
"""An event stream has no limit in total: it may be open for days, and each event has its own."""

_MAX_BUFFERED_PARTS = 100
_EVENT_STREAM = "text/event-stream"
_SESSION_HEADER = "mcp-session-id"


class BodyError(httpx2.StreamError):
    """A body cannot be read; the SDK takes it for an error of its own request only."""


def build_http_client(
    url: str,
    *,
    headers: Mapping[str, str],
    auth: httpx2.Auth | None,
    max_bytes: int,
    report: Report,
    on_status: Callable[[str], None],
) -> httpx2.AsyncClient:
    """Return a client for one server.

    Args:
        url: the MCP endpoint.
        headers: sent with every request.
        auth: authenticates requests; its own requests are bounded in the same way.
        max_bytes: limit of one decoded body.
        report: called with a sentence about each repair.
        on_status: called with each response's status if it is an error, else with an empty text.
    """

    async def receive(response: httpx2.Response) -> None:
        is_error = response.status_code >= 400
        on_status(_status(response) if is_error else "")
        await _bound(response, max_bytes=max_bytes, report=report)

    return httpx2.AsyncClient(
        verify=_tls_context(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")),
        headers={"accept-encoding": "gzip", **headers},
        timeout=httpx2.Timeout(CONNECT_SECONDS, read=READ_SECONDS),
        auth=auth,
        event_hooks={"request": [refuse_private_addresses(url)], "response": [receive]},
    )


@cache
def _tls_context(*_certificates: str | None) -> ssl.SSLContext:
    """Return what a client makes by itself, once: reading the certificates takes 20 ms."""
    return httpx2.create_ssl_context()


async def _bound(response: httpx2.Response, *, max_bytes: int, report: Report) -> None:
    """Replace the body of a response by a bounded one."""
    is_stream = _media_type(response) == _EVENT_STREAM
    limit = _MAX_STREAM_BYTES if is_stream else max_bytes
    body = _BoundedBody(response, max_bytes=limit)
    response.stream = body
    response.headers.pop("content-encoding", None)
    response.headers.pop("content-length", None)
    request = _json_rpc_request(response.request)
    is_error = response.status_code >= 400
    if request is None or (is_stream and not is_error):
        return
    if response.status_code == 404 and _SESSION_HEADER in response.request.headers:
        return  # the session ended, which the SDK detects by the status
    answer = await _answer(response, body, request, report)
    if answer is not None:
        await body.aclose()
        response.headers["content-type"] = "application/json"
        response.stream = httpx2.ByteStream(answer)


async def _answer(
    response: httpx2.Response, body: "_BoundedBody", request: types.JSONRPCRequest, report: Report
) -> bytes | None:
    """Return the JSON-RPC answer that a response to a request stands for; None to leave it."""
    is_error = response.status_code >= 400
    is_json = _media_type(response) == "application/json"
    if not is_error and not is_json:
        return None  # accepted without a body, or of another type, which the SDK reports
    waiting = WaitingRequests(report)
    waiting.add(request)
    try:
        content = b"".join([piece async for piece in body])
    except BodyError as error:
        return _error(request, f"{_status(response)}: {error}" if is_error else str(error))
    messages = parse_messages(content, waiting) if is_json else []
    answers = (types.JSONRPCError,) if is_error else (types.JSONRPCResponse, types.JSONRPCError)
    found = next((one for one in messages if isinstance(one, answers)), None)
    if found is not None:
        found.id = request.id  # null if the server rejected the request before reading its id
        return found.model_dump_json(by_alias=True, exclude_unset=True).encode()
    if not is_error:
        return _error(request, "is not a JSON-RPC response")
    text = shorten(" ".join(content[:2_000].decode(errors="replace").split()), 300)
    # For a 404, the SDK's code: without it, no earlier revision would be tried.
    is_unknown = response.status_code == 404
    code = types.METHOD_NOT_FOUND if is_unknown else types.INTERNAL_ERROR
    return _encode(request, code, _status(response) + (f": {text}" if text else ""))


def _error(request: types.JSONRPCRequest, fault: str) -> bytes:
    """Return an error in place of an answer."""
    return _encode(request, types.INTERNAL_ERROR, f"the answer {fault}")


def _encode(request: types.JSONRPCRequest, code: int, message: str) -> bytes:
    error = types.ErrorData(code=code, message=message)
    answer = types.JSONRPCError(jsonrpc="2.0", id=request.id, error=error)
    return answer.model_dump_json(by_alias=True, exclude_unset=True).encode()


def _json_rpc_request(request: httpx2.Request) -> types.JSONRPCRequest | None:
    """Return the JSON-RPC request that an HTTP request carries; None if it is another."""
    if request.method != "POST" or not request.headers.get("content-type", "").startswith(
        "application/json"
    ):
        return None
    try:
        content: Any = json.loads(request.content)
    except (ValueError, httpx2.StreamError):
        return None
    if not isinstance(content, dict) or "jsonrpc" not in content or "id" not in content:
        return None
    return types.JSONRPCRequest(
        jsonrpc="2.0", id=content["id"], method=str(content.get("method", ""))
    )


def _media_type(response: httpx2.Response) -> str:
    kind: str = response.headers.get("content-type", "")
    return kind.partition(";")[0].strip().lower()


def _status(response: httpx2.Response) -> str:
    return f"HTTP {response.status_code} {response.reason_phrase}".strip()


class _BoundedBody(httpx2.AsyncByteStream):
    """A body, decoded and counted while it is read."""

    def __init__(self, response: httpx2.Response, *, max_bytes: int) -> None:
        self._stream = response.stream
        self._encoding: str = response.headers.get("content-encoding", "")
        self._max_bytes = max_bytes

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if not isinstance(self._stream, httpx2.AsyncByteStream):
            raise TypeError("An asynchronous client has asynchronous streams.")
        parts = aiter(self._stream)
        try:
            decoder = ContentDecoder(self._encoding, max_bytes=self._max_bytes)
            async for part in parts:
                for piece in decoder.feed(part):
                    # A small part can decode to many pieces; other tasks run in between.
                    await anyio.lowlevel.checkpoint()
                    yield piece
            decoder.finish()
        except (BodyTooLargeError, UnknownEncodingError, DecodeError) as error:
            await self._abandon(parts)
            raise BodyError(self._fault(error)) from error
        except httpx2.RequestError as error:
            raise BodyError(f"ended early: {type(error).__name__}: {error}") from error

    async def _abandon(self, parts: AsyncIterator[bytes]) -> None:
        """Close the connection before the end of a body.

        httpx2 leaves its inner generators open then. They end once the closed connection is read.
        """
        await self.aclose()
        with suppress(httpx2.RequestError, StopAsyncIteration):
            for _ in range(_MAX_BUFFERED_PARTS):
                await anext(parts)

    def _fault(self, error: Exception) -> str:
        match error:
            case BodyTooLargeError():
                return f"exceeds {self._max_bytes / 1_000_000:g} MB"
            case UnknownEncodingError():
                return f"has the content encoding {str(error)!r}, not gzip"
            case _:
                return f"could not be decoded: {error}"

    async def aclose(self) -> None:
        """Close the connection's stream."""
        if isinstance(self._stream, httpx2.AsyncByteStream):
            await self._stream.aclose()
