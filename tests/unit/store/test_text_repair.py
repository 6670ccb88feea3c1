"""Text that a database cannot keep."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentkit.store.text_repair import repair_text

ANY_TEXT = st.text(
    st.characters() | st.integers(0xD800, 0xDFFF).map(chr) | st.sampled_from("\0 a😀")
)


@pytest.mark.parametrize(
    ("text", "repaired"),
    [
        ("", ""),
        ("a\0b\0", "a\ufffdb\ufffd"),
        ("ש\0", "ש\ufffd"),
        ("a\ud800b", "a\ufffdb"),
        ("a\udc00", "a\ufffd"),
        ("\ud83d\ude00", "😀"),
        ("\ude00\ud83d", "\ufffd\ufffd"),
        ("\ud83d\ud83d\ude00", "\ufffd😀"),
    ],
)
def test_characters_that_cannot_be_stored_are_replaced(text: str, repaired: str) -> None:
    """By the replacement character; halves that belong together become their character."""
    assert repair_text(text) == repaired


@given(ANY_TEXT)
def test_repaired_text_can_be_stored_and_is_not_repaired_again(text: str) -> None:
    """What was right stays as it is."""
    repaired = repair_text(text)

    repaired.encode()
    assert "\0" not in repaired
    assert repair_text(repaired) is repaired
    if "\0" not in text and not any("\ud800" <= one <= "\udfff" for one in text):
        assert repaired is text
