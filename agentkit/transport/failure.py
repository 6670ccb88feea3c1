"""Turn what the HTTP client raises into errors that say what can be done.

In:  an exception of httpx, which host, how far the exchange had come.
Out: a `TransportError`.

The one border for these exceptions. No message holds a header, a body or a key; text of the HTTP
client is passed on only where it tells of the connection.
"""

import ssl
from dataclasses import dataclass
from typing import TypeAlias

import httpx

from agentkit.errors import ErrorKind, Retry, TransportError
from agentkit.transport.gunzip import GzipError
from agentkit.transport.settings import HttpSettings

ForeignError: TypeAlias = (
    httpx.HTTPError | httpx.InvalidURL | httpx.StreamError | TimeoutError | GzipError
)
FOREIGN_ERRORS = (
    httpx.HTTPError,
    httpx.InvalidURL,
    httpx.StreamError,
    TimeoutError,
    GzipError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """What one kind of exception means; `text` goes on after the host's name."""

    error: type[Exception]
    kind: ErrorKind
    text: str
    retry: Retry = "same"


# The first case that fits counts: narrow ones come first.
_BEFORE_ANSWER = (
    _Case(
        error=httpx.ConnectTimeout,
        kind="timeout",
        text="could not be reached within {settings.connect_seconds:g} s",
    ),
    _Case(
        error=httpx.PoolTimeout,
        kind="timeout",
        text="has all of {settings.max_connections} connections in use",
    ),
    _Case(
        error=httpx.WriteTimeout,
        kind="timeout",
        text="did not take the request within {settings.write_seconds:g} s",
    ),
    _Case(
        error=httpx.TimeoutException,
        kind="timeout",
        text="did not begin to answer within {settings.first_byte_seconds:g} s",
    ),
    _Case(
        error=TimeoutError,
        kind="timeout",
        text="did not begin to answer within {settings.first_byte_seconds:g} s",
    ),
    _Case(
        error=httpx.ProxyError,
        kind="connection",
        text="could not be reached through the proxy: {error}",
    ),
    _Case(
        error=httpx.ConnectError,
        kind="connection",
        text="could not be reached: {error}",
    ),
    _Case(
        error=httpx.NetworkError,
        kind="connection",
        text="broke the connection before it answered",
    ),
    _Case(
        error=httpx.RemoteProtocolError,
        kind="connection",
        text="did not answer in HTTP, or closed the connection before it answered",
    ),
    _Case(
        error=Exception,
        kind="invalid_request",
        text="was not asked: the HTTP client refuses the request's address or headers",
        retry="never",
    ),
)
_INSIDE_ANSWER = (
    _Case(
        error=httpx.TimeoutException,
        kind="timeout",
        text="stopped in the middle of its answer for {settings.idle_seconds:g} s",
    ),
    _Case(
        error=TimeoutError,
        kind="timeout",
        text="stopped in the middle of its answer for {settings.idle_seconds:g} s",
    ),
    _Case(
        error=GzipError,
        kind="stream_interrupted",
        text="sent an answer that cannot be unpacked: {error}",
    ),
    _Case(
        error=httpx.StreamError,
        kind="bad_response",
        text="has answered, but the HTTP client that was handed in has read the answer already",
        retry="never",
    ),
    _Case(
        error=Exception,
        kind="stream_interrupted",
        text="broke off in the middle of its answer",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Border:
    """Names the host in every error of one transport."""

    host: str
    origin: str
    settings: HttpSettings

    def before_answer(self, error: ForeignError) -> TransportError:
        """Return the error for an exchange that failed before the answer's head."""
        if (text := _tls_trouble(error)) is not None:
            return self._error(text, kind="connection", retry="never")
        return self._of(error, _BEFORE_ANSWER)

    def inside_answer(self, error: ForeignError, *, request_id: str | None) -> TransportError:
        """Return the error for an answer that did not arrive whole."""
        return self._of(error, _INSIDE_ANSWER, request_id=request_id)

    def too_long(self, *, request_id: str | None) -> TransportError:
        """Return the error for an answer without end."""
        limit = self.settings.max_answer_bytes
        return self._error(
            f"sent more than {limit} bytes (max_answer_bytes)",
            kind="bad_response",
            retry="never",
            request_id=request_id,
        )

    def unknown_coding(self, coding: str, *, request_id: str | None) -> TransportError:
        """Return the error for a body that is packed in a way nobody asked for."""
        return self._error(
            f"packed its answer as {coding[:40]!r}, which was not asked for",
            kind="bad_response",
            retry="never",
            request_id=request_id,
        )

    def _of(
        self, error: ForeignError, cases: tuple[_Case, ...], *, request_id: str | None = None
    ) -> TransportError:
        case = next(case for case in cases if isinstance(error, case.error))
        text = case.text.format(settings=self.settings, error=str(error).rstrip("."))
        return self._error(text, kind=case.kind, retry=case.retry, request_id=request_id)

    def _error(
        self, text: str, *, kind: ErrorKind, retry: Retry, request_id: str | None = None
    ) -> TransportError:
        return TransportError(
            f"{self.host!r} ({self.origin}) {text}.", kind=kind, retry=retry, request_id=request_id
        )


def _tls_trouble(error: BaseException) -> str | None:
    """Say what is wrong with the host's TLS, if it is something that will be wrong again."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return (
                f"has a certificate that is not trusted: {cause.verify_message}; set "
                "SSL_CERT_FILE, or hand in an HTTP client that trusts it"
            )
        if isinstance(cause, ssl.SSLError) and "WRONG_VERSION_NUMBER" in str(cause):
            return "does not speak TLS; its base URL may have to begin with http://"
        cause = cause.__cause__ or cause.__context__
    return None
