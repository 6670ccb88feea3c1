"""Whether a position in Markdown text is quoted."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentkit.dialect.text_calls.quotation import Quotation


def is_quoted(text: str, size: int | None = None) -> bool:
    """Return whether what follows `text` is quoted."""
    quotation = Quotation()
    step = size or max(len(text), 1)
    for at in range(0, len(text), step):
        quotation.feed(text[at : at + step])
    return quotation.is_open


@pytest.mark.parametrize("size", [None, 1])
@pytest.mark.parametrize(
    "text",
    [
        "```\n",
        "```json\n{",
        "   ```\ncode",
        "~~~\ncode",
        "````\n```\n",
        "```\ncode\n~~~\n",
        "```\ncode\n``` not an end\n",
        "a `b",
        "a ``b ` c",
        "a `b\nc",
        "> a",
        ">",
        "a\n> b",
        'a "b',
        "a \u201cb",
        "a \u201eb",
        "a \u00abb",
        "a (b",
        "a ('b)",
        "He said 'b",
        "a (b [c] d",
        "`",
        "a ```b",
    ],
)
def test_it_is_quoted(text: str, size: int | None) -> None:
    """After what opens a quotation and does not close it."""
    assert is_quoted(text, size)


@pytest.mark.parametrize("size", [None, 1])
@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "```\ncode\n```\n",
        "```\ncode\n````\n",
        "~~~\ncode\n~~~\n",
        "    ```\nan indented line is no fence\n\n",
        "a `b` c",
        "a ``b ` c`` d",
        "a `b\n\nc",
        "> a\n",
        "a > b",
        'a "b" c',
        'a "b\nc',
        "a \u201cb\u201d",
        "a \u201eb\u201c",
        "a (b) c",
        "a (b\nc",
        "a) b",
        "It's the dogs' bowl",
        "a ```b``` c",
        "```b``` c",
        ":) fine",
        '"a" (b) `c`\n',
    ],
)
def test_it_is_not_quoted(text: str, size: int | None) -> None:
    """After what was closed, or ended with its line or its paragraph."""
    assert not is_quoted(text, size)


@given(text=st.text(alphabet="`~>\"'() \na\u201c\u201d", max_size=40), cut=st.integers(0, 40))
@settings(max_examples=300, deadline=None)
def test_it_does_not_depend_on_where_the_text_was_cut(text: str, cut: int) -> None:
    """Every piece leaves the same state."""
    quotation = Quotation()
    quotation.feed(text[:cut])
    quotation.feed(text[cut:])

    assert quotation.is_open == is_quoted(text) == is_quoted(text, 1)
