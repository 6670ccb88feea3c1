"""Read calls that are written as Python calls, as Llama 4 and Gemma 3 do.

In:  a cursor at `name(key=value, ...)` or at a list of such calls.
Out: the calls, with their values read as JSON or Python literals; nothing is evaluated.

A value without a key could be any parameter, so it makes the call unreadable.
"""

import re

from agentkit.chat import Repair
from agentkit.dialect.lenient_json import LenientJsonError
from agentkit.dialect.text_calls.grammar import Cursor, NotACallError, broken_call
from agentkit.dialect.tool_call_assembler import CallDraft
from agentkit.json_schema import JsonValue

_LIST = re.compile(r"\[\s{0,40}(?=[A-Za-z_][\w.]{0,127}\()")
_LIST_END = re.compile(r"\s*\]")
_COMMA = re.compile(r"\s*,\s*")
_OPENING = re.compile(r"\(\s*")
_CLOSING = re.compile(r"\s*\)")
_KEY = re.compile(r"\s*([A-Za-z_]\w{0,127})\s*=\s*")
_OBJECT = re.compile(r"\s{0,40}(?=\{)")


def read_python_list(cursor: Cursor) -> list[CallDraft] | None:
    """Return the calls of the list that comes next; None if there is no such list."""
    if cursor.match(_LIST) is None:
        return None
    calls: list[CallDraft] = []
    while cursor.match(_LIST_END) is None:
        name = cursor.name()
        calls.append(read_python_arguments(cursor, name))
        if calls[-1].rejection is not None:
            break
        if cursor.match(_COMMA) is None and _LIST_END.match(cursor.text, cursor.at) is None:
            # A list that is cut off or malformed: which calls it was to hold is not known.
            calls.append(broken_call(name, cursor.text[cursor.at :]))
            cursor.at = len(cursor.text)
            break
    if calls and calls[-1].rejection is not None:
        return [broken_call(call.name, call.arguments) for call in calls]
    return calls


def read_python_arguments(cursor: Cursor, name: str) -> CallDraft:
    """Return the call `name` with the parenthesis that comes next; a broken one if unreadable.

    Raises:
        NotACallError: no parenthesis comes next.
    """
    start = cursor.at
    if cursor.match(_OPENING) is None:
        raise NotACallError
    try:
        found, repairs = _arguments(cursor)
    except LenientJsonError:
        known = cursor.tools.known(name)
        if known is None:
            raise NotACallError from None  # a word before a parenthesis
        cursor.at = len(cursor.text)
        return broken_call(known, cursor.text[start:])
    return cursor.call(name, found, repairs=repairs)


def _arguments(cursor: Cursor) -> tuple[dict[str, JsonValue], tuple[Repair, ...]]:
    """Return the keyword arguments up to the closing parenthesis, or the one object inside."""
    if cursor.match(_OBJECT) is not None:
        value, own = cursor.value()
        if not isinstance(value, dict) or cursor.match(_CLOSING) is None:
            raise LenientJsonError("the arguments do not end")
        return value, own
    found: dict[str, JsonValue] = {}
    repairs: list[Repair] = []
    while cursor.match(_CLOSING) is None:
        key = cursor.match(_KEY)
        if key is None or key.group(1) in found:
            raise LenientJsonError("a key is missing or occurs twice")
        found[key.group(1)], more = cursor.value()
        repairs += [
            one for one in more if one.kind != "python_literal"
        ]  # the format's own literals
        if cursor.match(_COMMA) is None and _CLOSING.match(cursor.text, cursor.at) is None:
            raise LenientJsonError("a comma is missing")
    return found, tuple(repairs)
