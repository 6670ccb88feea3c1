"""Map transport failures to errors with advice for the caller.

In:  a `WireError`, and whether the response had begun.
Out: a `TransportError` that names the provider.

Each transport raises a `WireError` with the kind of failure; only this module words it for the
caller. No message holds a header, a body or a key; the text of an HTTP client's exception is used
only if it describes the connection, since others quote the header that carries the key.
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
"""How an exchange failed; `refused` is a request that the HTTP client does not send."""


class WireError(Exception):
    """An exchange failed; never leaves the package.

    Attributes:
        kind: how it failed.
    """

    def __init__(self, kind: WireErrorKind, text: str = "") -> None:
        super().__init__(text)
        self.kind = kind


@dataclass(frozen=True, slots=True, kw_only=True)
class _ErrorText:
    """What one kind of failure means; `text` follows the provider's name."""

    kind: ErrorKind
    text: str
    retry: Retry = "same"


_NO_ANSWER = _ErrorText(
    kind="timeout", text="did not begin to answer within {settings.first_byte_seconds:g} s"
)
_NOT_SENT = _ErrorText(
    kind="invalid_request",
    text="got no request: the HTTP client refuses its address or headers",
    retry="never",
)
_BEFORE_RESPONSE: dict[WireErrorKind, _ErrorText] = {
    "connect": _ErrorText(kind="connection", text="could not be reached: {error}"),
    "connect_timeout": _ErrorText(
        kind="timeout", text="could not be reached within {settings.connect_seconds:g} s"
    ),
    "pool_timeout": _ErrorText(
        kind="timeout", text="has all of {settings.max_connections} connections in use"
    ),
    "proxy": _ErrorText(kind="connection", text="could not be reached through the proxy: {error}"),
    "write_timeout": _ErrorText(
        kind="timeout", text="did not take the request within {settings.write_seconds:g} s"
    ),
    "read_timeout": _NO_ANSWER,
    "broken": _ErrorText(kind="connection", text="closed the connection before it answered"),
    "protocol": _ErrorText(
        kind="connection",
        text="did not answer in HTTP, or closed the connection before it answered",
    ),
}
_INTERRUPTED = _ErrorText(
    kind="stream_interrupted", text="closed the connection in the middle of its answer"
)
_DURING_RESPONSE: dict[WireErrorKind, _ErrorText] = {
    "read_timeout": _ErrorText(
        kind="timeout",
        text="sent nothing in the middle of its answer for {settings.idle_seconds:g} s",
    ),
    "content_encoding": _ErrorText(
        kind="stream_interrupted", text="sent an answer that cannot be decoded: {error}"
    ),
    "already_read": _ErrorText(
        kind="bad_response",
        text="has answered, but the HTTP client that was handed in has read the answer already",
        retry="never",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorMapper:
    """Maps the failures of one transport; each message names the provider."""

    provider: str
    origin: str
    settings: HttpSettings

    def before_response(self, error: WireError) -> TransportError:
        """Return the error for an exchange that failed before the response's head."""
        if (text := _tls_problem(error)) is not None:
            return self._error(text, kind="connection", retry="never")
        return self._of(error, _BEFORE_RESPONSE.get(error.kind, _NOT_SENT))

    def during_response(self, error: WireError, *, request_id: str | None) -> TransportError:
        """Return the error for a response that ended early."""
        case = _DURING_RESPONSE.get(error.kind, _INTERRUPTED)
        return self._of(error, case, request_id=request_id)

    def response_too_large(self, *, request_id: str | None) -> TransportError:
        """Return the error for a response that exceeds its bound."""
        limit = self.settings.max_response_bytes
        return self._error(
            f"sent more than {limit} bytes (max_response_bytes)",
            kind="bad_response",
            retry="never",
            request_id=request_id,
        )

    def unknown_content_encoding(self, encoding: str, *, request_id: str | None) -> TransportError:
        """Return the error for a content encoding that was not accepted."""
        return self._error(
            f"encoded its answer as {encoding[:40]!r}, which was not accepted",
            kind="bad_response",
            retry="never",
            request_id=request_id,
        )

    def _of(
        self, error: WireError, case: _ErrorText, *, request_id: str | None = None
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
    """Return what is wrong with the provider's TLS, if a repetition would fail too."""
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
