"""DeepSeek V3, R1, V3.1, and the DSML of V3.2 and V4.

In:  a cursor after an opener.
Out: `DEEPSEEK`.

- V3, R1: begin tokens, `function<sep>name`, and a fenced JSON object.
- V3.1: begin tokens, `name<sep>{...}`.
- V3.2, V4: `<|DSML|function_calls>` or `<|DSML|tool_calls>`, then `invoke` and `parameter` tags
  with an attribute for strings; other values are JSON. V4.1 writes `<|DSML| calls>`.

The bars and underscores of the tokens are the characters U+FF5C and U+2581; some servers write them
in ASCII.
"""

import re

from agentkit.dialect.lenient_json import LenientJsonError
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

_SECTION = "<|toolcallsbegin|>"
_CALL = "<|toolcallbegin|>"
_SEP = "<|toolsep|>"
_END = "<|toolcallend|>"
_DSML = ("<|dsml|functioncalls>", "<|dsml|toolcalls>", "<|dsml|calls>")
_INVOKE = "<|dsml|invokename="
_B = r"[|\uff5c]"
_NAME = re.compile(r"\s*(?P<name>[\w.:-]{1,128})\s*")
_FENCE = re.compile(r"\s*```(?:json)?\s*")
_FENCE_END = re.compile(r"\s*```")
_INVOKE_NAME = re.compile(r"[\"'](?P<name>[^\"'<>]{1,128})[\"']\s*(?P<empty>/?)>")
_TAGS = Tags(
    opening=re.compile(
        rf"\s*<{_B}DSML{_B} ?parameter name=\"(?P<key>[^\"<>]{{1,128}})\""
        r"(?: string=\"(?P<string>true|false)\")?>"
    ),
    closing=re.compile(rf"</{_B}DSML{_B} ?parameter>"),
    end=re.compile(rf"\s*</{_B}DSML{_B} ?invoke>"),
)


def _read(cursor: Cursor, opener: str) -> list[CallDraft]:
    """Read the calls of one section."""
    if opener in _DSML and not cursor.take(_INVOKE):
        raise NotACallError
    if opener in (*_DSML, _INVOKE):
        return [_invoke(cursor)]
    if opener == _SECTION and not cursor.take(_CALL):
        raise NotACallError
    return [_token_call(cursor)]


def _token_call(cursor: Cursor) -> CallDraft:
    """Read a call between begin and end tokens."""
    name = _call_name(cursor)
    start = cursor.at
    is_fenced = cursor.match(_FENCE) is not None
    cursor.skip_space()
    try:
        value, repairs = cursor.value()
    except LenientJsonError:
        value, repairs = None, ()
    if not isinstance(value, dict):
        cursor.at = len(cursor.text)
        return broken_call(cursor.tools.known(name) or name, cursor.text[start:])
    if is_fenced:
        cursor.match(_FENCE_END)
    return cursor.call(name, value, repairs=repairs)


def _call_name(cursor: Cursor) -> str:
    """Read `name<sep>` or `function<sep>name`."""
    first = cursor.match(_NAME)
    if first is None or not cursor.take(_SEP):
        raise NotACallError
    second = cursor.match(_NAME) if first.group("name") == "function" else None
    return (second or first).group("name")


def _invoke(cursor: Cursor) -> CallDraft:
    """Read an `invoke` tag with its parameters."""
    tag = cursor.match(_INVOKE_NAME)
    if tag is None:
        raise NotACallError
    name, start = tag.group("name"), cursor.at
    if tag.group("empty"):
        return cursor.call(name, {})
    properties = cursor.tools.schema(name).get("properties") or {}
    try:
        values, repairs = read_tagged(cursor, _TAGS, properties=properties)
    except UnreadableValuesError:
        cursor.at = len(cursor.text)
        return broken_call(cursor.tools.known(name) or name, cursor.text[start:])
    found = {
        key: text if opening.group("string") == "true" else as_json(text)
        for key, (opening, text) in values.items()
    }
    return cursor.call(name, found, repairs=repairs)


DEEPSEEK = Family(
    name="DeepSeek",
    openers=(_SECTION, _CALL, *_DSML, _INVOKE),
    read=_read,
    closers=(
        _END,
        "<|tool_calls_end|>",
        "</|DSML|invoke>",
        "</|DSML|function_calls>",
        "</|DSML|tool_calls>",
        "</|DSML|calls>",
    ),
    special_tokens=(
        "<|begin_of_sentence|>",
        "<|end_of_sentence|>",
        "<|Assistant|>",
        "<|User|>",
        "<|EOT|>",
    ),
    result_markers=("<|tool_outputs_begin|>", "<|tool_output_begin|>", "<function_results>"),
    reasoning=(ReasoningTags(opening="<think>", closing="</think>"),),
)
