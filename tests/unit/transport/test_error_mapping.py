"""Each kind on the way becomes one error that says what can be done."""

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
def test_what_fails_before_the_answer(
    error: WireError, kind: ErrorKind, retry: Retry, text: str
) -> None:
    """The message names the host, its address and the deadline that was missed."""
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
def test_what_fails_inside_the_answer(
    error: WireError, kind: ErrorKind, retry: Retry, text: str
) -> None:
    """The host's id for the request goes with it."""
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
def test_each_exception_of_the_http_client_means_one_trouble(error: Exception, kind: str) -> None:
    """Its text goes with it, and so does the exception itself."""
    found = wire_error(error)

    assert (found.kind, str(found), found.__cause__) == (kind, str(error), error)


def raised_from(cause: Exception) -> WireError:
    """Return an error with this cause, two steps down, as HTTP clients have them."""
    error, between = WireError("connect", "[SSL]"), RuntimeError()
    between.__context__ = cause
    error.__cause__ = between
    return error


def test_a_certificate_that_is_not_trusted_is_not_tried_again() -> None:
    """It will not be trusted the next time either; the user is told what to set."""
    cause = ssl.SSLCertVerificationError()
    cause.verify_message = "self-signed certificate"

    found = BORDER.before_response(raised_from(cause))

    assert (found.kind, found.retry) == ("connection", "never")
    assert "not trusted: self-signed certificate; set SSL_CERT_FILE" in str(found)


def test_other_trouble_in_the_handshake_is_tried_again() -> None:
    """A host that goes away during the handshake may come back."""
    found = BORDER.before_response(raised_from(ssl.SSLEOFError()))

    assert (found.kind, found.retry) == ("connection", "same")


def test_an_error_survives_pickling() -> None:
    """It may have to reach another process."""
    found = BORDER.response_too_large(request_id="req-1")

    copy = pickle.loads(pickle.dumps(found))

    assert (str(copy), vars(copy)) == (str(found), vars(found))
