"""Each exception of the HTTP client becomes one error that says what can be done."""

import pickle
import ssl

import httpx
import pytest

from agentkit.errors import ErrorKind, Retry
from agentkit.transport.failure import Border, ForeignError
from agentkit.transport.gunzip import GzipError
from agentkit.transport.settings import HttpSettings

BORDER = Border(host="oxen", origin="https://hub.oxen.ai", settings=HttpSettings())


@pytest.mark.parametrize(
    ("error", "kind", "retry", "text"),
    [
        (httpx.ConnectTimeout(""), "timeout", "same", "could not be reached within 10 s"),
        (httpx.PoolTimeout(""), "timeout", "same", "has all of 256 connections in use"),
        (httpx.WriteTimeout(""), "timeout", "same", "did not take the request within 30 s"),
        (httpx.ReadTimeout(""), "timeout", "same", "did not begin to answer within 180 s"),
        (TimeoutError(), "timeout", "same", "did not begin to answer within 180 s"),
        (httpx.ProxyError("407 No."), "connection", "same", "through the proxy: 407 No"),
        (httpx.ConnectError("no route"), "connection", "same", "not be reached: no route"),
        (httpx.ReadError(""), "connection", "same", "broke the connection before it answered"),
        (httpx.RemoteProtocolError(""), "connection", "same", "did not answer in HTTP"),
        (httpx.UnsupportedProtocol(""), "invalid_request", "never", "was not asked"),
        (httpx.LocalProtocolError(""), "invalid_request", "never", "was not asked"),
        (httpx.InvalidURL(""), "invalid_request", "never", "was not asked"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_what_fails_before_the_answer(
    error: ForeignError, kind: ErrorKind, retry: Retry, text: str
) -> None:
    """The message names the host, its address and the deadline that was missed."""
    found = BORDER.before_answer(error)

    assert (found.kind, found.retry) == (kind, retry)
    assert str(found).startswith("'oxen' (https://hub.oxen.ai) ")
    assert text in str(found)
    assert str(found).endswith(".")
    assert not str(found).endswith("..")


@pytest.mark.parametrize(
    ("error", "kind", "retry", "text"),
    [
        (TimeoutError(), "timeout", "same", "in the middle of its answer for 60 s"),
        (httpx.ReadTimeout(""), "timeout", "same", "in the middle of its answer for 60 s"),
        (httpx.ReadError(""), "stream_interrupted", "same", "broke off in the middle"),
        (httpx.RemoteProtocolError(""), "stream_interrupted", "same", "broke off in the middle"),
        (GzipError("It stops."), "stream_interrupted", "same", "be unpacked: It stops."),
        (httpx.StreamConsumed(), "bad_response", "never", "has read the answer already"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_what_fails_inside_the_answer(
    error: ForeignError, kind: ErrorKind, retry: Retry, text: str
) -> None:
    """The host's id for the request goes with it."""
    found = BORDER.inside_answer(error, request_id="req-1")

    assert (found.kind, found.retry, found.request_id) == (kind, retry, "req-1")
    assert text in str(found)


def raised_from(cause: Exception) -> httpx.ConnectError:
    """Return an error of the HTTP client with this cause, two steps down, as it has them."""
    error, between = httpx.ConnectError("[SSL]"), RuntimeError()
    between.__context__ = cause
    error.__cause__ = between
    return error


def test_a_certificate_that_is_not_trusted_is_not_tried_again() -> None:
    """It will not be trusted the next time either; the user is told what to set."""
    cause = ssl.SSLCertVerificationError()
    cause.verify_message = "self-signed certificate"

    found = BORDER.before_answer(raised_from(cause))

    assert (found.kind, found.retry) == ("connection", "never")
    assert "not trusted: self-signed certificate; set SSL_CERT_FILE" in str(found)


def test_other_trouble_in_the_handshake_is_tried_again() -> None:
    """A host that goes away during the handshake may come back."""
    found = BORDER.before_answer(raised_from(ssl.SSLEOFError()))

    assert (found.kind, found.retry) == ("connection", "same")


def test_an_error_survives_pickling() -> None:
    """It may have to reach another process."""
    found = BORDER.too_long(request_id="req-1")

    copy = pickle.loads(pickle.dumps(found))

    assert (str(copy), vars(copy)) == (str(found), vars(found))
