"""Read calls without an opener: only if the answer consists of nothing else.

In:  the text of an answer, complete or still arriving.
Out: the calls; or whether the text so far may become calls.

Llama writes plain JSON or a list of Python calls, many models a JSON fence, and servers that drop
special tokens leave `name[ARGS]{...}` of Mistral's format. Inside other text the same is an
example.
"""

import re
from typing import Literal, TypeAlias

from agentkit.dialect.text_calls.grammar import Cursor, NotACallError, OfferedTools
from agentkit.dialect.text_calls.json_calls import CALL_KEYS, is_json_next, read_json_calls
from agentkit.dialect.text_calls.markers import Marker
from agentkit.dialect.text_calls.plain_body import read_named_call
from agentkit.dialect.text_calls.python_calls import read_python_list
from agentkit.dialect.text_calls.table import CLOSERS, MARKERS, SPECIAL_TOKENS
from agentkit.dialect.tool_call_assembler import CallDraft

Verdict: TypeAlias = Literal["wait", "calls", "text"]

_FENCE = re.compile(r"```[\w-]*\s*")
_FENCE_START = re.compile(r"`{1,2}\Z|```[\w-]*\s*")
_SEPARATOR = re.compile(r"[\s,;]+|`{1,3}(?![\w`])")
_LIST_START = re.compile(r"\\?\[\s*")
_KEY = re.compile(r"\\?\{\s*(?:(?P<quote>[\"'])(?P<key>\w*)(?P<end>(?P=quote)?))?")
_NAME = re.compile(r"[A-Za-z0-9_.:\\-]{1,200}")
_PYTHON_NAME = re.compile(r"\[\s*(?P<name>[A-Za-z0-9_.:\\-]{1,200})?(?P<end>\(|\Z)?")
_ARGUMENTS = ("[ARGS]{", "[CALL_ID]", "{", "(")


def read_unmarked_calls(text: str, tools: OfferedTools) -> list[CallDraft]:
    """Return the calls of which `text` consists; none if it is anything else."""
    cursor = Cursor(text, 0, tools)
    calls: list[CallDraft] = []
    _skip_separators(cursor)
    while not cursor.is_at_end:
        is_fenced = cursor.match(_FENCE) is not None
        try:
            calls += _read_group(cursor, is_fenced=is_fenced)
        except NotACallError:
            return []
        _skip_separators(cursor)
    is_certain = all(
        call.rejection is None
        and call.name in tools.names
        and tools.fits(call.name, call.arguments)
        for call in calls
    )
    return calls if is_certain else []


def _read_group(cursor: Cursor, *, is_fenced: bool) -> list[CallDraft]:
    """Read a JSON value, a list of Python calls, or an offered name with its arguments.

    Python calls in a fence are an example of code.
    """
    calls = None if is_fenced else read_python_list(cursor)
    if calls is not None:
        return calls
    if is_json_next(cursor):
        return read_json_calls(cursor, has_opener=False)
    name = cursor.name()
    if name not in cursor.tools.names or not cursor.starts_with(*_ARGUMENTS, " ", "\n"):
        raise NotACallError
    if is_fenced and cursor.starts_with("("):
        raise NotACallError
    start = cursor.at
    call = read_named_call(cursor, name)
    if not cursor.text[start : cursor.at].strip():
        raise NotACallError  # a name alone may be any word
    return [call]


def _skip_separators(cursor: Cursor) -> None:
    """Skip white space, closing fences, and markers without a meaning of their own."""
    while not cursor.is_at_end:
        if cursor.match(_SEPARATOR) is not None:
            continue
        found = MARKERS.match(cursor.text, cursor.at)
        if not isinstance(found, Marker) or found.name not in CLOSERS | SPECIAL_TOKENS:
            return
        cursor.at = found.end


def judge_start(text: str, tools: OfferedTools) -> Verdict:
    """Return whether an answer that begins with `text` is calls, may become calls, or is not."""
    text = text.lstrip()
    fence = _FENCE_START.match(text)
    start = 0 if fence is None else fence.end()
    name = _NAME.match(text, start)
    if name is None:
        return _judge_json(text[start:], tools)
    rest = text[name.end() :].lstrip(" \n")
    if not rest:
        is_possible = any(offer.startswith(name.group()) for offer in tools.names)
        return "wait" if is_possible else "text"
    if name.group() not in tools.names:
        return "text"
    if rest.startswith(_ARGUMENTS):
        return "calls"
    return "wait" if any(one.startswith(rest) for one in _ARGUMENTS) else "text"


def _judge_json(text: str, tools: OfferedTools) -> Verdict:
    """Return the same for text that does not begin with a name."""
    listed = _PYTHON_NAME.match(text)
    if listed is not None and listed.group("name"):
        if listed.group("end") == "(":
            return "calls" if tools.known(listed.group("name")) else "text"
        return "wait" if listed.group("end") == "" else "text"
    found_list = _LIST_START.match(text)
    return _judge_object(text[found_list.end() :] if found_list is not None else text)


def _judge_object(text: str) -> Verdict:
    """Return the same for text that should begin with an object."""
    if not text or text == "\\":
        return "wait"
    found = _KEY.match(text)
    key = None if found is None else found.group("key")
    if found is None or key is None:
        return "wait" if found is not None and found.end() == len(text) else "text"
    if found.group("end"):
        return "calls" if key in CALL_KEYS else "text"
    is_possible = found.end() == len(text) and any(known.startswith(key) for known in CALL_KEYS)
    return "wait" if is_possible else "text"
