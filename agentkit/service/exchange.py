"""One HTTP request: its headers, its body, its response.

In:  the three parts of an ASGI call.
Out: `HttpExchange`, with which a route reads and answers.

A body is read up to a limit, and only if it is JSON by its type: a web page can send other types
to any server without asking first (https://fetch.spec.whatwg.org/#cors-safelisted-request-header).
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TypeVar
from urllib.parse import parse_qs

import anyio
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agentkit.dialect.event_stream import compact_json
from agentkit.dialect.received_request import load_body
from agentkit.json_schema import JsonValue
from agentkit.service.http_errors import ServiceError
from agentkit.service.served import Caller

T = TypeVar("T")

END_SECONDS = 1.0
"""How long a server may take to report the end of a response."""


class HttpExchange:
    """One request and its response.

    Attributes:
        scope: of ASGI.
        headers: of the request.
        caller: who sends it.
        request_id: names the request in logs and in the response.
    """

    def __init__(
        self, scope: Scope, receive: Receive, send: Send, *, caller: Caller, request_id: str
    ) -> None:
        self.scope = scope
        self.headers: Headers = Headers(scope=scope)
        self.caller = caller
        self.request_id = request_id
        self.extra_headers: dict[str, str] = {}
        self.is_started: bool = False
        self.is_finished: bool = False
        self._receive = receive
        self._send = send

    @property
    def path_params(self) -> Mapping[str, str]:
        """Return the variable parts of the path."""
        found: Mapping[str, str] = self.scope.get("path_params", {})
        return found

    def query(self, name: str) -> str | None:
        """Return the last value of a query parameter."""
        values = parse_qs(self.scope["query_string"].decode("latin-1")).get(name)
        return values[-1] if values else None

    async def read_json(self, max_bytes: int) -> tuple[bytes, dict[str, JsonValue]]:
        """Return the body, as it came and as a JSON object.

        Raises:
            ServiceError: it is too long, or has another type.
            InvalidRequestError: it is not a JSON object.
        """
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise ServiceError(
                f"The content type is {kind!r}; it must be 'application/json'.",
                status=415,
                code="unsupported_media_type",
            )
        body = await self.read_body(max_bytes)
        return body, load_body(body)

    async def read_body(self, max_bytes: int) -> bytes:
        """Return the body.

        Raises:
            ServiceError: it is too long.
        """
        announced = self.headers.get("content-length", "0")
        parts: list[bytes] = []
        size = int(announced) if announced.isdecimal() else 0
        if size > max_bytes:
            raise _too_long(max_bytes)
        size = 0
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ServiceError("The client left.", status=499)
            part: bytes = message.get("body", b"")
            size += len(part)
            if size > max_bytes:
                raise _too_long(max_bytes)
            parts.append(part)
            if not message.get("more_body", False):
                return b"".join(parts)

    async def send_json(
        self, body: JsonValue, *, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> None:
        """Send a complete response."""
        content = compact_json(body).encode()
        await self.send_content(content, "application/json", status=status, headers=headers)

    async def send_content(
        self,
        content: bytes,
        content_type: str,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Send a complete response of any type."""
        all_headers = {"content-length": str(len(content)), **(headers or {})}
        await self.start(status, content_type, headers=all_headers)
        self.is_finished = True
        await self._send({"type": "http.response.body", "body": content})

    async def send_nothing(self, status: int = 204) -> None:
        """Send a response without a body."""
        await self.start(status, None)
        await self._send({"type": "http.response.body", "body": b""})

    async def start(
        self, status: int, content_type: str | None, *, headers: Mapping[str, str] | None = None
    ) -> None:
        """Send the status and the headers."""
        self.is_started = True
        sent = {
            "x-request-id": self.request_id,
            "x-content-type-options": "nosniff",
            "cache-control": "no-store",
            **self.extra_headers,
            **(headers or {}),
        }
        if content_type is not None:
            sent["content-type"] = content_type
        await self._send(
            {"type": "http.response.start", "status": status, "headers": _raw(sent.items())}
        )

    async def delegate(self, app: ASGIApp) -> None:
        """Let another ASGI application answer the request."""

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.is_started = True
                headers = [*message.get("headers", ()), *_raw([("x-request-id", self.request_id)])]
                message = {**message, "headers": headers}
            await self._send(message)

        await app(self.scope, self._receive, send)

    async def send_part(self, content: bytes, *, is_last: bool = False) -> None:
        """Send a part of a body."""
        message: Message = {"type": "http.response.body", "body": content}
        message["more_body"] = not is_last
        self.is_finished = is_last
        await self._send(message)

    async def while_connected(self, work: Callable[[], Awaitable[T]]) -> T | None:
        """Do `work`, which sends a response, and cancel it if the client leaves; return None then.

        Read the body first: what a client sends meanwhile is not read.
        """
        done: list[T] = []
        errors: list[Exception] = []
        async with anyio.create_task_group() as tasks:

            async def watch() -> None:
                while (await self._receive())["type"] != "http.disconnect":
                    pass
                if not self.is_finished:
                    tasks.cancel_scope.cancel()

            tasks.start_soon(watch)
            try:
                done.append(await work())
            except Exception as error:  # noqa: BLE001  # carried out of the group, which would wrap it
                errors.append(error)
            if self.is_finished:
                # A server reports the end of a response as it reports a client that left
                # (https://asgi.readthedocs.io/en/latest/specs/www.html#disconnect-receive-event);
                # to wait for it costs less than to cancel a task.
                tasks.cancel_scope.deadline = anyio.current_time() + END_SECONDS
            else:
                tasks.cancel_scope.cancel()
        if errors:
            raise errors[0]
        return done[0] if done else None


def _raw(headers: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), text.encode("latin-1")) for name, text in headers]


def _too_long(max_bytes: int) -> ServiceError:
    return ServiceError(
        f"The body is longer than {max_bytes} bytes.", status=413, code="request_too_large"
    )
