"""Turn what goes wrong on the way into errors that say what can be done.

In:  a `WireError`, how far the exchange had come.
Out: a `TransportError` that names the provider.

Each transport says in a `WireError` what became of the connection; this is the one place that puts
it in words for the caller. No message holds a header, a body or a key; text of an HTTP client is
passed on only where it tells of the connection.
"""

import ssl
from typing import Literal, TypeAlias

from agentkit.errors import ErrorKind, Retry, TransportError
from agentkit.transport.http_settings import HttpSettings
from agentkit.value import dataclass

WireErrorKind: TypeAlias = Literal[
    "connect",
    "connect_timeout",
    "pool_timeout",
    "proxy",
    "write_timeout",
    "read_timeout",
    "broken",
    "protocol",
    "content_encoding",
    "already_read",
    "refused",
]
"""What became of an exchange; `refused` is a request that cannot be sent as it is."""


class WireError(Exception):
    """An exchange failed; never leaves the package.

    Attributes:
        kind: what became of it.
    """

    def __init__(self, kind: WireErrorKind, text: str = "") -> None:
        super().__init__(text)
        self.kind = kind


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """What one kind of kind means; `text` goes on after the provider's name."""

    kind: ErrorKind
    text: str
    retry: Retry = "same"


_NO_ANSWER = _Case(
    kind="timeout", text="did not begin to answer within {settings.first_byte_seconds:g} s"
)
_NOT_ASKED = _Case(
    kind="invalid_request",
    text="was not asked: the HTTP client refuses the request's address or headers",
    retry="never",
)
_BEFORE_ANSWER: dict[WireErrorKind, _Case] = {
    "connect": _Case(kind="connection", text="could not be reached: {error}"),
    "connect_timeout": _Case(
        kind="timeout", text="could not be reached within {settings.connect_seconds:g} s"
    ),
    "pool_timeout": _Case(
        kind="timeout", text="has all of {settings.max_connections} connections in use"
    ),
    "proxy": _Case(kind="connection", text="could not be reached through the proxy: {error}"),
    "write_timeout": _Case(
        kind="timeout", text="did not take the request within {settings.write_seconds:g} s"
    ),
    "read_timeout": _NO_ANSWER,
    "broken": _Case(kind="connection", text="broke the connection before it answered"),
    "protocol": _Case(
        kind="connection",
        text="did not answer in HTTP, or closed the connection before it answered",
    ),
}
_BROKE_OFF = _Case(kind="stream_interrupted", text="broke off in the middle of its answer")
_INSIDE_ANSWER: dict[WireErrorKind, _Case] = {
    "read_timeout": _Case(
        kind="timeout",
        text="stopped in the middle of its answer for {settings.idle_seconds:g} s",
    ),
    "content_encoding": _Case(
        kind="stream_interrupted", text="sent an answer that cannot be unpacked: {error}"
    ),
    "already_read": _Case(
        kind="bad_response",
        text="has answered, but the HTTP client that was handed in has read the answer already",
        retry="never",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorMapper:
    """Names the provider in every error of one transport."""

    provider: str
    origin: str
    settings: HttpSettings

    def before_response(self, error: WireError) -> TransportError:
        """Return the error for an exchange that failed before the answer's head."""
        if (text := _tls_problem(error)) is not None:
            return self._error(text, kind="connection", retry="never")
        return self._of(error, _BEFORE_ANSWER.get(error.kind, _NOT_ASKED))

    def during_response(self, error: WireError, *, request_id: str | None) -> TransportError:
        """Return the error for an answer that did not arrive whole."""
        case = _INSIDE_ANSWER.get(error.kind, _BROKE_OFF)
        return self._of(error, case, request_id=request_id)

    def response_too_large(self, *, request_id: str | None) -> TransportError:
        """Return the error for an answer without end."""
        limit = self.settings.max_response_bytes
        return self._error(
            f"sent more than {limit} bytes (max_response_bytes)",
            kind="bad_response",
            retry="never",
            request_id=request_id,
        )

    def unknown_content_encoding(self, coding: str, *, request_id: str | None) -> TransportError:
        """Return the error for a body that is packed in a way nobody asked for."""
        return self._error(
            f"packed its answer as {coding[:40]!r}, which was not asked for",
            kind="bad_response",
            retry="never",
            request_id=request_id,
        )

    def _of(
        self, error: WireError, case: _Case, *, request_id: str | None = None
    ) -> TransportError:
        text = case.text.format(settings=self.settings, error=str(error).rstrip("."))
        return self._error(text, kind=case.kind, retry=case.retry, request_id=request_id)

    def _error(
        self, text: str, *, kind: ErrorKind, retry: Retry, request_id: str | None = None
    ) -> TransportError:
        return TransportError(
            f"{self.provider!r} ({self.origin}) {text}.",
            kind=kind,
            retry=retry,
            request_id=request_id,
        )


def _tls_problem(error: BaseException) -> str | None:
    """Say what is wrong with the provider's TLS, if it is something that will be wrong again."""
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
