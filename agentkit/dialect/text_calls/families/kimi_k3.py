"""Kimi K3: elements between `<|open|>` and `<|close|>` tokens, with typed arguments.

In:  a cursor after an opener.
Out: `KIMI_K3`.

`<|open|>tools<|sep|>`, then `call` elements with `argument` elements. The answer text is in a
`response` element and the reasoning in a `think` element, whose opening the prompt already holds.
"""

import re
from html import unescape

from agentkit.dialect.text_calls.grammar import (
    Cursor,
    Family,
    NotACallError,
    ReasoningTags,
    broken_call,
)
from agentkit.dialect.text_calls.tagged_values import (
    Tags,
    UnreadableValuesError,
    as_json,
    read_tagged,
)
from agentkit.dialect.tool_call_assembler import CallDraft

_TOOLS = "<|open|>tools<|sep|>"
_CALL = "<|open|>calltool="
_CALL_TAG = re.compile(r"\"(?P<name>[^\"<>]{1,160})\"[^<>]{0,80}<\|sep\|>")
_TAGS = Tags(
    opening=re.compile(
        r"\s*<\|open\|>argument key=\"(?P<key>[^\"<>]{1,200})\""
        r"(?: type=\"(?P<type>\w{1,20})\")?<\|sep\|>"
    ),
    closing=re.compile(r"<\|close\|>argument<\|sep\|>"),
    end=re.compile(r"\s*<\|close\|>call<\|sep\|>"),
)


def _read(cursor: Cursor, opener: str) -> list[CallDraft]:
    """Read one `call` element."""
    if opener == _TOOLS and not cursor.take(_CALL):
        raise NotACallError
    tag = cursor.match(_CALL_TAG)
    if tag is None:
        raise NotACallError
    name, start = unescape(tag.group("name")), cursor.at
    properties = cursor.tools.schema(name).get("properties") or {}
    try:
        values, repairs = read_tagged(cursor, _TAGS, properties=properties)
    except UnreadableValuesError:
        cursor.at = len(cursor.text)
        return [broken_call(cursor.tools.known(name) or name, cursor.text[start:])]
    found = {
        unescape(key): text if opening.group("type") == "string" else as_json(text)
        for key, (opening, text) in values.items()
    }
    return [cursor.call(name, found, repairs=repairs)]


KIMI_K3 = Family(
    name="Kimi K3",
    openers=(_TOOLS, _CALL),
    read=_read,
    closers=("<|close|>call<|sep|>", "<|close|>tools<|sep|>"),
    special_tokens=(
        "<|open|>response<|sep|>",
        "<|close|>response<|sep|>",
        "<|close|>message<|sep|>",
        '<|open|>message role="assistant"<|sep|>',
        "<|end_of_msg|>",
    ),
    reasoning=(ReasoningTags(opening="<|open|>think<|sep|>", closing="<|close|>think<|sep|>"),),
)
