"""Qwen3-Coder, Qwen 3.5 and Llama 3.1: `<function=name>` with parameter tags or JSON.

In:  a cursor after the tag's start.
Out: `FUNCTION_TAG`.

Qwen wraps the tag in `<tool_call>`, puts each value on lines of its own, and is known to forget the
`<tool_call>` and single `</parameter>` tags. Llama 3.1 writes a JSON object into the tag. Values
have no types and no escapes, see `tagged_values`.
"""

import re

from agentkit.dialect.lenient_json import LenientJsonError
from agentkit.dialect.text_calls.grammar import (
    Cursor,
    Family,
    NotACallError,
    broken_call,
)
from agentkit.dialect.text_calls.tagged_values import (
    Tags,
    UnreadableValuesError,
    read_tagged,
    typed,
)
from agentkit.dialect.tool_call_assembler import CallDraft

_TAG_STARTS = ("<function=", "<functionname=", "<function(")
_WRAPPERS = ("<toolcall>", "<toolcalls>", "<functioncall>")
_NAME = re.compile(r"[\"']?(?P<name>[\w.:-]{1,128})[\"')]?(?:\s{0,4}>|(?=\s{0,9}\{))")
_OBJECT = re.compile(r"\s{0,40}(?=\{)")
_TAGS = Tags(
    opening=re.compile(
        r"\s*<parameter(?:=|\s{1,4}name=)[\"']?(?P<key>[\w.-]{1,128})[\"']?(?:\s[^<>]{0,80})?>"
    ),
    closing=re.compile(r"</parameter>"),
    end=re.compile(r"\s*</(?:function|tool_call)>"),
    strips_newline=True,
)
_END = re.compile(r"\s*</function>")


def _read(cursor: Cursor, opener: str) -> list[CallDraft]:
    """Read one function tag; after a wrapper it has to come next."""
    if opener in _WRAPPERS and not cursor.take(*_TAG_STARTS):
        raise NotACallError
    tag = cursor.match(_NAME)
    if tag is None:
        raise NotACallError
    name = tag.group("name")
    start = cursor.at
    if cursor.match(_OBJECT) is not None:
        return [_json_call(cursor, name)]
    schema = cursor.tools.schema(name)
    try:
        values, repairs = read_tagged(cursor, _TAGS, properties=schema.get("properties") or {})
    except UnreadableValuesError:
        cursor.at = len(cursor.text)
        return [broken_call(cursor.tools.known(name) or name, cursor.text[start:])]
    cursor.match(_END)
    return [cursor.call(name, typed(values, schema), repairs=repairs)]


def _json_call(cursor: Cursor, name: str) -> CallDraft:
    """Read a JSON object inside the tag."""
    start = cursor.at
    try:
        value, repairs = cursor.value()
    except LenientJsonError:
        value, repairs = None, ()
    if not isinstance(value, dict):
        cursor.at = len(cursor.text)
        return broken_call(cursor.tools.known(name) or name, cursor.text[start:])
    return cursor.call(name, value, repairs=repairs)


FUNCTION_TAG = Family(
    name="Qwen XML",
    openers=(*_TAG_STARTS, *_WRAPPERS),
    read=_read,
    closers=("</function>", "</tool_call>", "</tool_calls>"),
    special_tokens=("<|im_start|>assistant", "<|im_start|>", "<|im_end|>", "<|endoftext|>"),
    result_markers=("<tool_response>",),
)
