"""Gemma 4: `<|tool_call>call:name{...}<tool_call|>` in a notation of its own; Gemma 3: Python code.

In:  a cursor after an opener.
Out: `GEMMA`.

In Gemma 4's notation keys have no quotation marks (and may hold spaces), and strings are written
between `<|"|>` tokens, without escapes. Gemma 3 writes Python calls into a `tool_code` fence.
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
from agentkit.dialect.text_calls.plain_body import read_plain_body
from agentkit.dialect.text_calls.python_calls import read_python_arguments
from agentkit.dialect.tool_call_assembler import CallDraft
from agentkit.json_schema import JsonTextError, JsonValue, parse_json

MAX_DEPTH = 64

_OPENER = "<|toolcall>"
_FENCES = ("```toolcode", "```toolcall", "```toolcalls")
_NAME = re.compile(r"\s*(?:call:)?\s{0,4}(?P<name>[\w.:-]{1,128})\s{0,4}(?=\{)")
_NAME_ONLY = re.compile(r"\s*call:(?P<name>[\w.:-]{1,128})")
_QUOTE = '<|"|>'
_KEY = re.compile(r"\s*(?:<\|\"\|>)?(?P<key>[^:{}\[\],\"<]{1,200}?)(?:<\|\"\|>)?\s*:\s*")
_PLAIN = re.compile(r"[^,\]}<\"]{1,400}")
_COMMA = re.compile(r"\s*,\s*")
_SPACE = re.compile(r"\s*")
_PRINT = re.compile(r"\s*print\(\s*(?=[A-Za-z_][\w.]{0,127}\()")
_PYTHON_NAME = re.compile(r"\s*(?P<name>[A-Za-z_][\w.]{0,127})(?=\()")
_CLOSING = re.compile(r"\s*\)")


def _read(cursor: Cursor, opener: str) -> list[CallDraft]:
    """Read one call of Gemma 4, or the calls of a code fence."""
    if opener in _FENCES:
        return _read_code(cursor)
    start = cursor.at
    found = cursor.match(_NAME)
    if found is None:
        named = _NAME_ONLY.match(cursor.text, start)
        known = cursor.tools.known(named.group("name")) if named is not None else None
        if known is None:
            raise NotACallError
        cursor.at = len(cursor.text)
        return [broken_call(known, cursor.text[start:])]
    name, start = found.group("name"), cursor.at
    try:
        value = _value(cursor, MAX_DEPTH)
    except LenientJsonError:
        value = None
    if not isinstance(value, dict):
        cursor.at = len(cursor.text)
        return [broken_call(cursor.tools.known(name) or name, cursor.text[start:])]
    return [cursor.call(name, value)]


def _read_code(cursor: Cursor) -> list[CallDraft]:
    """Read the Python calls, or the JSON, of a `tool_code` fence."""
    calls: list[CallDraft] = []
    while True:
        start = cursor.at
        is_printed = cursor.match(_PRINT) is not None
        named = cursor.match(_PYTHON_NAME)
        if named is None:
            cursor.at = start
            break
        calls.append(read_python_arguments(cursor, named.group("name")))
        if is_printed:
            cursor.match(_CLOSING)
    return calls or read_plain_body(cursor)


def _value(cursor: Cursor, depth: int) -> JsonValue:
    """Read one value of the notation."""
    cursor.match(_SPACE)
    if depth == 0:
        raise LenientJsonError("it is nested too deeply")
    if cursor.starts_with("{"):
        return _object(cursor, depth)
    if cursor.starts_with("["):
        return _list(cursor, depth)
    if cursor.starts_with(_QUOTE):
        return _string(cursor)
    if cursor.starts_with('"'):
        value, _ = cursor.value()
        return value
    plain = cursor.match(_PLAIN)
    if plain is None:
        raise LenientJsonError("a value is missing")
    text = plain.group().strip()
    try:
        return parse_json(text)
    except JsonTextError:
        return text


def _string(cursor: Cursor) -> str:
    start = cursor.at + len(_QUOTE)
    end = cursor.text.find(_QUOTE, start)
    if end < 0:
        raise LenientJsonError("a string does not end")
    cursor.at = end + len(_QUOTE)
    return cursor.text[start:end]


def _object(cursor: Cursor, depth: int) -> dict[str, JsonValue]:
    cursor.at += 1
    found: dict[str, JsonValue] = {}
    while not _closes(cursor, "}"):
        key = cursor.match(_KEY)
        if key is None or key.group("key").strip() in found:
            raise LenientJsonError("a key is missing or occurs twice")
        found[key.group("key").strip()] = _value(cursor, depth - 1)
        _separate(cursor, "}")
    return found


def _list(cursor: Cursor, depth: int) -> list[JsonValue]:
    cursor.at += 1
    found: list[JsonValue] = []
    while not _closes(cursor, "]"):
        found.append(_value(cursor, depth - 1))
        _separate(cursor, "]")
    return found


def _closes(cursor: Cursor, bracket: str) -> bool:
    """Skip `bracket` if it comes next."""
    cursor.match(_SPACE)
    if not cursor.starts_with(bracket):
        return False
    cursor.at += 1
    return True


def _separate(cursor: Cursor, bracket: str) -> None:
    """Skip the comma between two entries."""
    if cursor.match(_COMMA) is None:
        cursor.match(_SPACE)
        if not cursor.starts_with(bracket):
            raise LenientJsonError("a comma is missing")


GEMMA = Family(
    name="Gemma",
    openers=(_OPENER, *_FENCES),
    read=_read,
    closers=("<tool_call|>",),
    special_tokens=(
        "<bos>",
        "<eos>",
        "<start_of_turn>model",
        "<start_of_turn>",
        "<end_of_turn>",
        "<|turn>model",
        "<|turn>",
        "<turn|>",
        "<tool_response|>",
        "<|think|>",
    ),
    result_markers=("<|tool_response>", "```tool_output"),
    reasoning=(ReasoningTags(opening="<|channel>thought\n", closing="<channel|>"),),
)
