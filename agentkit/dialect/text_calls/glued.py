"""Separate calls that a server left as text behind the arguments of a native call.

In:  a call as the provider sent it, the offered tools.
Out: the call and those behind its arguments.

Servers that parse only the first of several calls glue the rest to its arguments:
`{"a": 1}[TOOL_CALLS]multiply[ARGS]{"a": 3}`, or `{"a": 1} multiply{"a": 3}` if they drop special
tokens (vLLM, llama.cpp). Both calls are certain if nothing else is behind the arguments.
"""

import re
from dataclasses import replace

from agentkit.chat import Repair
from agentkit.dialect.lenient_json import LenientJsonError, parse_lenient
from agentkit.dialect.text_calls.grammar import Cursor, NotACallError, OfferedTools
from agentkit.dialect.text_calls.markers import Marker
from agentkit.dialect.text_calls.plain_body import read_named_call
from agentkit.dialect.text_calls.rows import moved, read_row
from agentkit.dialect.text_calls.table import CLOSERS, MARKERS, OPENERS, SPECIAL_TOKENS
from agentkit.dialect.tool_call_assembler import CallDraft, short

_SPACE = re.compile(r"[\s,;]*")
_BEHIND = re.compile(rf"\}}[\s,;\]]*(?!\])[{MARKERS.first_chars}A-Za-z0-9_.-]")
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,128}(?=\s*(?:\[ARGS\]\s*)?\{)")


def may_be_glued(arguments: str) -> bool:
    """Return whether a call may be behind the arguments; false for most JSON, without reading it.

    Behind an object inside of JSON is a bracket, or a comma and the next object or key.
    """
    return _BEHIND.search(arguments) is not None


def split_glued(call: CallDraft, tools: OfferedTools) -> list[CallDraft]:
    """Return a native call, and those that were left behind its arguments as text."""
    text = call.arguments
    try:
        found = parse_lenient(text)
    except LenientJsonError:
        return [call]
    rest = text[found.end :].strip()
    if not rest or not isinstance(found.value, dict):
        return [call]
    more = _calls_behind(text, found.end, tools)
    if not more:
        return [call]
    own = text[: found.end]
    repair = Repair(kind="split_calls", before=short(text), after=short(own))
    return [replace(call, arguments=own, repairs=(*call.repairs, repair)), *more]


def _calls_behind(text: str, start: int, tools: OfferedTools) -> list[CallDraft]:
    """Return the calls of which the text behind `start` consists; none if it is anything else."""
    calls: list[CallDraft] = []
    at = start
    while True:
        at = _SPACE.match(text, at).end()  # type: ignore[union-attr]  # it matches empty text, too
        if at >= len(text):
            return calls
        marker = MARKERS.match(text, at)
        if isinstance(marker, Marker) and marker.name in OPENERS:
            row, at = read_row(text, marker, tools)
            if row is None:
                return []
            calls += [moved(call, group.source) for group in row.groups for call in group.calls]
        elif isinstance(marker, Marker) and marker.name in CLOSERS | SPECIAL_TOKENS:
            at = marker.end
        else:
            cursor = Cursor(text, at, tools)
            call = _named(cursor)
            if call is None:
                return []
            calls.append(moved(call, text[at : cursor.at]))
            at = cursor.at


def _named(cursor: Cursor) -> CallDraft | None:
    """Return the call of an offered tool that comes next without an opener."""
    name = cursor.match(_NAME)
    if name is None or name.group() not in cursor.tools.names:
        return None
    try:
        call = read_named_call(cursor, name.group())
    except NotACallError:
        return None
    return None if call.rejection is not None else call
