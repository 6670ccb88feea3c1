"""Send requests to URLs that a model or a page named.

In:  a method, a URL, headers, a body; limits of bytes, time and redirects.
Out: a `GuardedResponse`, or a `GuardedRequestError`.

A redirect is a new request to a new address: its URL, its host and its addresses are checked like
the first ones. There are no cookies, no proxies of the environment and no credentials but those of
the call, which do not follow a redirect to another origin.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import field
from typing import TypeAlias

import anyio
import anyio.lowlevel
import httpcore

from agentkit.errors import AgentKitError
from agentkit.transport.base import CLOSE_SECONDS
from agentkit.transport.content_decoder import (
    BodyTooLargeError,
    ContentDecoder,
    DecodeError,
    UnknownEncodingError,
)
from agentkit.transport.guarded.guarded_connection import AddressRefusedError, GuardedBackend
from agentkit.transport.guarded.web_address import WebAddress, WebAddressError, parse_web_address
from agentkit.transport.tls import tls_context
from agentkit.value import dataclass
from agentkit.version import __version__

USER_AGENT = f"agentkit/{__version__}"
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MAX_HEADERS = 100
_SLICE_BYTES = 16_384
_MAX_BUFFERED_PARTS = 100

Before: TypeAlias = Callable[[WebAddress], Awaitable[None]]
"""Called before each request, also of a redirect; raises to stop it."""


class GuardedRequestError(AgentKitError):
    """A request was not sent, or its answer is missing or cannot be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestLimits:
    """The limits of one request with its redirects.

    Attributes:
        max_bytes: how much of a decoded body is read; the rest is left.
        seconds: for everything, from the first look-up to the last byte.
        max_redirects: how many are followed; 0 returns the redirect itself.
    """

    max_bytes: int = 2_000_000
    seconds: float = 20.0
    max_redirects: int = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardedResponse:
    """The answer to a request.

    Attributes:
        address: where it came from, after redirects.
        headers: by lower-case name; of several with a name, joined by commas.
        is_cut: the body was longer than the limit; `body` is its beginning.
    """

    address: WebAddress
    status: int
    headers: Mapping[str, str]
    body: bytes
    is_cut: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingRequest:
    """A request before its address was checked."""

    method: str = "GET"
    url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""


class GuardedClient:
    """Sends requests to public addresses; holds no connection between two of them."""

    def __init__(self, backend: GuardedBackend | None = None) -> None:
        """Take the backend that opens connections; by default one without any exception."""
        self._backend = backend or GuardedBackend()

    async def send(
        self,
        request: OutgoingRequest,
        *,
        limits: RequestLimits | None = None,
        before: Before | None = None,
    ) -> GuardedResponse:
        """Send a request, follow its redirects and return the last answer.

        Args:
            request: what to send.
            limits: the limits.
            before: see `Before`; the first request included.

        Raises:
            GuardedRequestError: nothing was received, for a reason that the message names.
        """
        limits = limits or RequestLimits()
        try:
            with anyio.fail_after(limits.seconds):
                return await self._follow(request, limits=limits, before=before)
        except TimeoutError as error:
            raise GuardedRequestError(
                f"There was no complete answer within {limits.seconds:g} seconds."
            ) from error
        except (WebAddressError, AddressRefusedError) as error:
            raise GuardedRequestError(str(error)) from error
        except (httpcore.TimeoutException, httpcore.NetworkError) as error:
            reason = str(error) or type(error).__name__
            raise GuardedRequestError(f"The server cannot be reached: {reason}.") from error
        except (httpcore.ProtocolError, httpcore.UnsupportedProtocol) as error:
            raise GuardedRequestError(f"The answer is not valid HTTP: {error}.") from error
        except (DecodeError, UnknownEncodingError) as error:
            raise GuardedRequestError(f"The body cannot be decoded: {error}.") from error

    async def _follow(
        self, request: OutgoingRequest, *, limits: RequestLimits, before: Before | None
    ) -> GuardedResponse:
        first = address = parse_web_address(request.url)
        method, content, headers = request.method, request.content, dict(request.headers)
        for _ in range(limits.max_redirects + 1):
            if before is not None:
                await before(address)
            response = await self._send_once(method, address, headers, content, limits.max_bytes)
            location = response.headers.get("location")
            if response.status not in _REDIRECTS or not location or not limits.max_redirects:
                return response
            address = address.join(location)
            if address.origin != first.origin:
                headers = {}
            if response.status == 303 or (response.status < 303 and method == "POST"):
                method, content = "GET", b""  # RFC 9110, 15.4
        raise GuardedRequestError(
            f"There were more than {limits.max_redirects} redirects, the last one to {address.url}."
        )

    async def _send_once(
        self,
        method: str,
        address: WebAddress,
        headers: Mapping[str, str],
        content: bytes,
        max_bytes: int,
    ) -> GuardedResponse:
        sent = {"user-agent": USER_AGENT, "accept-encoding": "gzip", **headers}
        if content or method in ("POST", "PUT", "PATCH"):
            sent["content-length"] = str(len(content))
        sent["host"] = address.authority
        outgoing = httpcore.Request(
            method=method.encode(),
            url=httpcore.URL(
                scheme=address.scheme.encode(),
                host=address.host.encode(),
                port=address.port,
                target=address.target.encode(),
            ),
            headers=[(name.encode(), value.encode()) for name, value in sent.items()],
            content=content,
        )
        async with httpcore.AsyncConnectionPool(
            ssl_context=tls_context(), network_backend=self._backend, max_keepalive_connections=0
        ) as pool:
            answer = await pool.handle_async_request(outgoing)
            try:
                received = _read_headers(answer.headers)
                body, is_cut = await _read_body(answer, received, max_bytes=max_bytes)
            finally:
                with anyio.move_on_after(CLOSE_SECONDS, shield=True):
                    await answer.aclose()
        return GuardedResponse(
            address=address, status=answer.status, headers=received, body=body, is_cut=is_cut
        )


def _read_headers(headers: list[tuple[bytes, bytes]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for raw_name, raw_value in headers[:_MAX_HEADERS]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


async def _read_body(
    answer: httpcore.Response, headers: Mapping[str, str], *, max_bytes: int
) -> tuple[bytes, bool]:
    """Return the decoded body up to a limit, and whether it goes on."""
    decoder = ContentDecoder(headers.get("content-encoding", ""), max_bytes=max_bytes)
    body = bytearray()
    parts = aiter(answer.aiter_stream())
    try:
        async for part in parts:
            # In slices: a piece that exceeds the limit is not delivered at all.
            for start in range(0, len(part), _SLICE_BYTES):
                for piece in decoder.feed(part[start : start + _SLICE_BYTES]):
                    await anyio.lowlevel.checkpoint()
                    body += piece
        decoder.finish()
    except BodyTooLargeError:
        await _abandon(answer, parts)
        return bytes(body), True
    except BaseException:  # a cancellation may arrive between two pieces
        await _abandon(answer, parts)
        raise
    return bytes(body), False


async def _abandon(answer: httpcore.Response, parts: AsyncIterator[bytes]) -> None:
    """Close the connection before the end of a body.

    httpcore leaves its inner generators open then. They end once the closed connection is read.
    """
    with anyio.move_on_after(CLOSE_SECONDS, shield=True):
        await answer.aclose()
        with suppress(httpcore.NetworkError, httpcore.ProtocolError, StopAsyncIteration):
            for _ in range(_MAX_BUFFERED_PARTS):
                await anext(parts)
