"""Taking secrets out of what is recorded."""

import json
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentkit.recording.exchange_redaction import Redaction
from agentkit.recording.recording import RecordedExchange, RecordedResponse
from agentkit.wire import WireHead, WireRequest


def _chunks(redaction: Redaction, *chunks: bytes) -> tuple[bytes, ...]:
    """Return the chunks of an answer after redaction."""
    exchange = RecordedExchange(
        provider="",
        request=WireRequest(path="/x"),
        outcome=RecordedResponse(head=WireHead(status=200), chunks=chunks),
    )
    outcome = redaction.redact_exchange(exchange).outcome
    assert isinstance(outcome, RecordedResponse)
    return outcome.chunks


@pytest.mark.parametrize(
    "name",
    [
        "Authorization", "proxy-authorization", "X-API-Key", "api-key", "cookie", "Set-Cookie",
        "x-goog-api-key", "x-amz-security-token", "openai-organization", "x-secret", "x-mine",
    ],
)  # fmt: skip
def test_headers_that_hold_secrets_are_redacted(name: str) -> None:
    """By their name, or because the caller says so."""
    request = WireRequest(path="/x", headers={name: "anything"})

    redacted = Redaction(headers=["X-Mine"]).redact_request(request)

    assert redacted.headers == {name: "REDACTED"}


@pytest.mark.parametrize(
    "name",
    ["content-type", "x-ratelimit-limit-tokens", "x-request-id", "retry-after", "x-author"],
)
def test_other_headers_stay(name: str) -> None:
    """A replay needs them."""
    request = WireRequest(path="/x", headers={name: "100"})

    assert Redaction().redact_request(request) == request


@pytest.mark.parametrize("field", ["key", "api_key", "API_KEY", "token", "password", "mine"])
def test_fields_at_the_top_of_a_body_are_redacted(field: str) -> None:
    """Where providers want their key; the same name deeper is anyone's."""
    body = {"model": "m", field: "xyz", "tools": [{field: {"type": "string"}}]}
    request = WireRequest(path="/x", body=json.dumps(body).encode())

    redacted = json.loads(Redaction(body_fields=["mine"]).redact_request(request).body)

    assert redacted == body | {field: "REDACTED"}


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("Bearer abcdefgh12345678", "Bearer REDACTED"),
        ("key sk-abcdefghijklmnopqrstuvwx.", "key REDACTED."),
        ("nvapi-abcdefghijklmnopqrstuvwxyz012", "REDACTED"),
        ("https://h/x?key=abc&n=1", "https://h/x?key=REDACTED&n=1"),
        ("https://h/x?n=1&api_key=abc", "https://h/x?n=1&api_key=REDACTED"),
        ("risk-abcdefghijklmnopqrstuvwxyz0", "risk-abcdefghijklmnopqrstuvwxyz0"),
        ("chatcmpl-abcdefghijklmnopqrstuvwxyz", "chatcmpl-abcdefghijklmnopqrstuvwxyz"),
        ("call_abcdefghijklmnopqrstuvwxyz0123", "call_abcdefghijklmnopqrstuvwxyz0123"),
    ],
)  # fmt: skip
def test_what_looks_like_a_key_is_redacted(text: str, redacted: str) -> None:
    """Even if no one passed it in; ids stay."""
    assert _chunks(Redaction(), text.encode()) == (redacted.encode(),)


def test_a_secret_across_cuts_is_redacted_and_the_cuts_stay() -> None:
    """The mark is at its beginning."""
    redaction = Redaction(secrets=["0123456789"])

    chunks = _chunks(redaction, b"a 012", b"345", b"6789 b 0123456789", b"0123", b"456789", b"c")

    assert chunks == (b"a REDACTED", b"", b" b REDACTED", b"REDACTED", b"", b"c")


def test_a_secret_is_found_in_every_encoding() -> None:
    """Inside JSON and inside a URL."""
    redaction = Redaction(secrets=['pass/word+"é"'])
    encodings = [
        'pass/word+"é"',
        r"pass/word+\"\u00e9\"",
        r"pass\/word+\"\u00e9\"",
        "pass%2Fword%2B%22%C3%A9%22",
    ]

    assert _chunks(redaction, *(text.encode() for text in encodings)) == (b"REDACTED",) * 4


def test_a_placeholder_for_a_key_is_no_secret() -> None:
    """Local servers take any key; `none` is a word."""
    request = WireRequest(path="/none", body=b"none of it")

    assert Redaction(secrets=["none", ""]).redact_request(request) == request


def test_secrets_add_up_and_are_not_shown() -> None:
    """Rules are made once, keys come one by one."""
    redaction = Redaction(secrets=["first-one"], headers=["x-a"], body_fields=["b"])

    both = redaction.with_secrets(["other-one"])
    request = WireRequest(path="/first-one/other-one", headers={"x-a": "1"}, body=b'{"b": 2}')

    assert both.redact_request(request) == WireRequest(
        path="/REDACTED/REDACTED", headers={"x-a": "REDACTED"}, body=b'{"b": "REDACTED"}'
    )
    assert "first-one" not in repr(both)


def test_half_a_surrogate_does_no_harm() -> None:
    """Headers and bodies may hold anything."""
    request = WireRequest(path="/\ud800", body=b'{"key": 1, "x": "\\ud800"}')

    redacted = Redaction().redact_request(request)

    assert redacted.path == "/\ud800"
    assert json.loads(redacted.body.decode("utf-8", "surrogatepass")) == {
        "key": "REDACTED",
        "x": "\ud800",
    }


@given(cuts=st.lists(st.integers(min_value=0, max_value=60), max_size=8))
@settings(max_examples=100)
def test_the_cuts_do_not_change_what_is_redacted(cuts: list[int]) -> None:
    """Joined, the chunks equal the redacted complete text."""
    body = b"0123456789 and Bearer abcdefgh1234 and 01234567890123456789"
    edges = [0, *sorted(cuts), len(body)]
    chunks = [body[start:end] for start, end in pairwise(edges)]

    redacted = _chunks(Redaction(secrets=["0123456789"]), *chunks)

    assert len(redacted) == len(chunks)
    assert b"".join(redacted) == b"REDACTED and Bearer REDACTED and REDACTEDREDACTED"
