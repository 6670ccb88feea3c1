"""Read calls that are written as JSON objects, as most families do.

In:  a cursor at a JSON value.
Out: the calls it consists of.

Models use many keys for the name and the arguments (`parameters` of Llama, `tool_input` of ReAct
prompts), wrap calls in a message of the OpenAI format, or encode the arguments twice.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from agentkit.chat import Repair
from agentkit.dialect.lenient_json import LenientJsonError
from agentkit.dialect.text_calls.grammar import Cursor, NotACallError, broken_call
from agentkit.dialect.tool_call_assembler import CallDraft
from agentkit.json_schema import JsonValue

_NAME_KEYS = ("name", "function", "tool", "tool_name", "action")
_ARGUMENT_KEYS = (
    "arguments",
    "parameters",
    "args",
    "input",
    "params",
    "tool_input",
    "action_input",
)
_OTHER_KEYS = frozenset({"id", "type", "index", "call_id", "tool_call_id"})
_WRAPPERS = ("tool_call", "function_call", "calls")
_MESSAGE_KEYS = frozenset({"role", "content", "refusal", "tool_calls"})
CALL_KEYS = _OTHER_KEYS.union(_NAME_KEYS, _ARGUMENT_KEYS, _WRAPPERS, {"role", "tool_calls"})
"""The keys with which an object that is a call may begin."""

_STARTS = ("{", "[", "\\{", "\\[")
_BEGINNING = re.compile(
    r"(?:```[\w-]{0,20})?\s{0,40}(?:\\?\[\s{0,40})?\\?\{\s{0,40}"
    rf"(?P<q>[\"'])(?:{'|'.join(_NAME_KEYS)})(?P=q)\s{{0,40}}:\s{{0,40}}"
    r"(?P<r>[\"'])(?P<name>[^\"']{1,200})(?P=r)"
    rf"(?:\s{{0,40}},\s{{0,40}}(?P<s>[\"'])(?:{'|'.join(_ARGUMENT_KEYS)})(?P=s)\s{{0,40}}:\s{{0,40}})?"
)


def is_json_next(cursor: Cursor) -> bool:
    """Return whether a JSON object or list comes next."""
    return cursor.starts_with(*_STARTS)


def read_json_calls(cursor: Cursor, *, has_opener: bool = True) -> list[CallDraft]:
    """Return the calls of the JSON value that comes next; the last one may be broken.

    Args:
        cursor: at the value.
        has_opener: a marker precedes the value, so it is a call even if its tool is unknown or it
            has no arguments.

    Raises:
        NotACallError: the value is something else than calls.
    """
    start = cursor.at
    try:
        value, repairs = cursor.value()
    except LenientJsonError:
        broken = _broken(cursor, start) if has_opener else None
        if broken is None:
            raise NotACallError from None
        return [broken]
    calls = [
        call
        for item in _items(value)
        if (call := _call_of(cursor, item, repairs, has_opener=has_opener)) is not None
    ]
    if not calls or len(calls) != len(_items(value)):
        raise NotACallError
    return calls


def _broken(cursor: Cursor, start: int) -> CallDraft | None:
    """Return the call that begins at `start` as one that must not run, if its name can be read."""
    found = _BEGINNING.match(cursor.text, start)
    if found is None:
        return None
    cursor.at = len(cursor.text)
    name = cursor.tools.known(found.group("name")) or found.group("name")
    return broken_call(name, cursor.text[found.end() :])


def _items(value: JsonValue) -> list[JsonValue]:
    """Return the parts of a value that should each be a call."""
    if isinstance(value, dict) and _is_message(value):
        value = value["tool_calls"]
    elif isinstance(value, dict) and len(value) == 1:
        value = next((value[key] for key in _WRAPPERS if key in value), value)
    return value if isinstance(value, list) else [value]


def _is_message(value: Mapping[str, JsonValue]) -> bool:
    """Return whether `value` is a message with calls and nothing else, in the OpenAI format."""
    return (
        bool(value.get("tool_calls")) and not value.get("content") and set(value) <= _MESSAGE_KEYS
    )


def _call_of(
    cursor: Cursor, value: JsonValue, repairs: tuple[Repair, ...], *, has_opener: bool
) -> CallDraft | None:
    """Return the call that an object is, if it is one and nothing else."""
    if not isinstance(value, dict):
        return None
    inner = value.get("function")
    outer = set(value)
    if isinstance(inner, dict):
        if outer - _OTHER_KEYS - {"function"}:
            return None
        value = {**{key: value[key] for key in outer & {"id"}}, **inner}
    names = [key for key in _NAME_KEYS if key in value]
    arguments = [key for key in _ARGUMENT_KEYS if key in value]
    if len(names) != 1 or len(arguments) > 1 or set(value) - _OTHER_KEYS - {*names, *arguments}:
        return None
    written = value[names[0]]
    known = cursor.tools.known(written)
    if not isinstance(written, str) or not (has_opener or (known and arguments)):
        return None
    text = _argument_text(value, arguments)
    if text is None:
        return None
    call_id = value.get("id")
    return replace(
        CallDraft(name=known or written, arguments=text, repairs=repairs),
        id=call_id if isinstance(call_id, str) else None,
    )


def _argument_text(value: Mapping[str, JsonValue], keys: Iterator[str] | list[str]) -> str | None:
    """Return the arguments as JSON text; None if they are neither an object nor text."""
    arguments = next((value[key] for key in keys), None)
    if arguments is None:
        return "{}"
    if isinstance(arguments, str):
        return arguments
    return json.dumps(arguments, ensure_ascii=False) if isinstance(arguments, dict) else None
