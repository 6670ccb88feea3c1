"""Each kind of failure becomes one error with its remedy."""

import pickle
import ssl

import httpx
import pytest

from agentkit.errors import ErrorKind, Retry
from agentkit.transport.error_mapping import ErrorMapper, WireError
from agentkit.transport.http_settings import HttpSettings
from agentkit.transport.httpx_transport import wire_error

BORDER = ErrorMapper(provider="oxen", origin="https://hub.oxen.ai", settings=HttpSettings())


@pytest.mark.parametrize(
    ("error", "kind", "retry", "text"),
    [
        (WireError("connect_timeout"), "timeout", "same", "could not be reached within 10 s"),
        (WireError("pool_timeout"), "timeout", "same", "has all of 1000 connections in use"),
        (WireError("write_timeout"), "timeout", "same", "did not take the request within 30 s"),
        (WireError("read_timeout"), "timeout", "same", "did not begin to answer within 180 s"),
        (WireError("proxy", "407 No."), "connection", "same", "through the proxy: 407 No"),
        (WireError("connect", "no route"), "connection", "same", "not be reached: no route"),
        (WireError("broken"), "connection", "same", "closed the connection before it answered"),
        (WireError("protocol"), "connection", "same", "did not answer in HTTP"),
        (WireError("refused", "key"), "invalid_request", "never", "got no request"),
    ],
    ids=lambda value: value.kind if isinstance(value, WireError) else None,
)
def test_failures_before_the_response(
    error: WireError, kind: ErrorKind, retry: Retry, text: str
) -> None:
    """The message names the provider, its address and the missed deadline."""
    found = BORDER.before_response(error)

    assert (found.kind, found.retry) == (kind, retry)
    assert str(found).startswith("'oxen' (https://hub.oxen.ai) ")
    assert text in str(found)
    assert str(found).endswith(".")
    assert not str(found).endswith("..")


@pytest.mark.parametrize(
    ("error", "kind", "retry", "text"),
    [
        (WireError("read_timeout"), "timeout", "same", "in the middle of its answer for 60 s"),
        (WireError("broken"), "stream_interrupted", "same", "connection in the middle"),
        (
            WireError("protocol"),
            "stream_interrupted",
            "same",
            "connection in the middle",
        ),
        (
            WireError("content_encoding", "It stops."),
            "stream_interrupted",
            "same",
            "decoded: It stops.",
        ),
        (WireError("already_read"), "bad_response", "never", "has read the answer already"),
    ],
    ids=lambda value: value.kind if isinstance(value, WireError) else None,
)
def test_failures_inside_the_response(
    error: WireError, kind: ErrorKind, retry: Retry, text: str
) -> None:
    """The error has the request id."""
    found = BORDER.during_response(error, request_id="req-1")

    assert (found.kind, found.retry, found.request_id) == (kind, retry, "req-1")
    assert text in str(found)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (httpx.ConnectTimeout(""), "connect_timeout"),
        (httpx.PoolTimeout(""), "pool_timeout"),
        (httpx.WriteTimeout(""), "write_timeout"),
        (httpx.ReadTimeout(""), "read_timeout"),
        (TimeoutError(), "read_timeout"),
        (httpx.ProxyError("407"), "proxy"),
        (httpx.ConnectError("no route"), "connect"),
        (httpx.ReadError(""), "broken"),
        (httpx.RemoteProtocolError(""), "protocol"),
        (httpx.StreamConsumed(), "already_read"),
        (httpx.UnsupportedProtocol(""), "refused"),
        (httpx.InvalidURL(""), "refused"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_each_exception_of_the_http_client_has_one_kind(error: Exception, kind: str) -> None:
    """Its message and the exception itself are kept."""
    found = wire_error(error)

    assert (found.kind, str(found), found.__cause__) == (kind, str(error), error)


def raised_from(cause: Exception) -> WireError:
    """Return an error with this cause, two steps down, as HTTP clients have them."""
    error, between = WireError("connect", "[SSL]"), RuntimeError()
    between.__context__ = cause
    error.__cause__ = between
    return error


def test_an_untrusted_certificate_is_not_retried() -> None:
    """It would not be trusted the next time either; the message names the setting."""
    cause = ssl.SSLCertVerificationError()
    cause.verify_message = "self-signed certificate"

    found = BORDER.before_response(raised_from(cause))

    assert (found.kind, found.retry) == ("connection", "never")
    assert "not trusted: self-signed certificate; set SSL_CERT_FILE" in str(found)


def test_other_failures_of_the_handshake_are_retried() -> None:
    """A disconnection during the handshake may be temporary."""
    found = BORDER.before_response(raised_from(ssl.SSLEOFError()))

    assert (found.kind, found.retry) == ("connection", "same")


def test_an_error_survives_pickling() -> None:
    """It may have to reach another process."""
    found = BORDER.response_too_large(request_id="req-1")

    copy = pickle.loads(pickle.dumps(found))

    assert (str(copy), vars(copy)) == (str(found), vars(found))
