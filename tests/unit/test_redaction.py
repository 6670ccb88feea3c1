"""A key that is repeated by a provider is removed, however it is escaped."""

import json
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agentkit.redaction import redact_key

KEY = "sk-a/b+c=d\"e\\f'g%h"


@pytest.mark.parametrize(
    "form",
    [
        KEY,
        json.dumps(KEY)[1:-1],
        json.dumps(KEY)[1:-1].replace("/", "\\/"),
        json.dumps(KEY)[1:-1].replace("/", "\\u002F"),
        quote(KEY, safe=""),
        quote(KEY, safe="").lower(),
        quote(KEY),
        "".join(f"%{ord(character):02x}" for character in KEY),
    ],
)
def test_each_usual_form_of_a_key_is_removed(form: str) -> None:
    """As it is, in JSON, in PHP's JSON, in a URL."""
    if form == quote(KEY, safe="").lower():
        assert "sk-" in form  # only the digits of the escapes differ

    assert redact_key(f"<{form}>", KEY) == "<[redacted]>"


@given(secret=st.text(st.characters(codec="utf-8"), min_size=8))
@example("8 Gärten\n\t🌱\x00")
def test_any_secret_is_removed_in_any_form(secret: str) -> None:
    """Whatever characters it has: in JSON, with and without escapes, and in a URL."""
    as_json = [json.dumps(secret, ensure_ascii=is_ascii)[1:-1] for is_ascii in (True, False)]
    for form in (secret, *as_json, quote(secret, safe="")):
        assert redact_key(f"<{form}>", secret) == "<[redacted]>"


def test_nothing_but_the_secret_is_removed() -> None:
    """The text around it stays, and so do texts that have only a part of it."""
    text = "a secret-1234 b secret-123 c secret%2D1234 d secret-12345"

    assert redact_key(text, "secret-1234") == (
        "a [redacted] b secret-123 c [redacted] d [redacted]5"
    )


@pytest.mark.parametrize("key", ["", "none", "EMPTY", "x" * 7])
def test_a_placeholder_stays(key: str) -> None:
    """Words such as none are not secrets, and are part of other words."""
    assert redact_key(f"nonesuch EMPTY {key}", key) == f"nonesuch EMPTY {key}"
