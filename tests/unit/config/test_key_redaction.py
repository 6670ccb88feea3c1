"""A key that is repeated by a provider is removed, however it is escaped."""

import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentkit.config.key_redaction import redact_key

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


@given(key=st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=8))
def test_any_key_is_removed_in_any_form(key: str) -> None:
    """Whatever characters a provider uses in its keys."""
    for form in (key, json.dumps(key)[1:-1], quote(key, safe="")):
        assert redact_key(f"\n{form}\n", key) == "\n[redacted]\n"


@pytest.mark.parametrize("key", ["", "none", "EMPTY", "x" * 7])
def test_a_placeholder_stays(key: str) -> None:
    """Words such as none are not secrets, and are part of other words."""
    assert redact_key(f"nonesuch EMPTY {key}", key) == f"nonesuch EMPTY {key}"
