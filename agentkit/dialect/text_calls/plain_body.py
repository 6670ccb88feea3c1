"""Read what follows an opener in the simple formats: JSON, a name with JSON, or Python calls.

In:  a cursor after an opener.
Out: the calls of one group.

The forms after a marker were all observed: a list or an object, `name{...}`, `name[ARGS]{...}`,
`name[CALL_ID]id[ARGS]{...}`, `name(key=value)`, `[name(key=value)]`, and a name alone.
"""

import re

from agentkit.dialect.lenient_json import LenientJsonError
from agentkit.dialect.text_calls.grammar import (
    MAX_SPACE_CHARS,
    Cursor,
    NotACallError,
    broken_call,
)
from agentkit.dialect.text_calls.json_calls import is_json_next, read_json_calls
from agentkit.dialect.text_calls.python_calls import read_python_arguments, read_python_list
from agentkit.dialect.tool_call_assembler import CallDraft

_MAX_REPEATS = 4  # of an opener; more would make an attempt at each of them costly

# The end of what Markdown puts around a marker, and white space, colons and equals signs.
_AFTER_OPENER = re.compile(
    rf"(?:\*{{1,3}}|_{{1,3}}|`(?!``))?[\s,;:=]{{0,{MAX_SPACE_CHARS}}}(?:`(?!`))?"
)
_FENCE = re.compile(r"```[\w-]*\s*")
_BEFORE_OBJECT = re.compile(
    r"(?:\[CALL_ID\]\s*(?P<id>[\w-]{1,64}))?\s*(?:\[ARGS\]\s*)?(?:```\w{0,20}\s*)?(?=\{)"
)
_ARGUMENTS_MARK = re.compile(r"\s*\[(?:ARGS|CALL_ID)\]")
_NAME_ALONE = re.compile(r"[ \t]*(?:\Z|[\r\n])")
_ANOTHER_OBJECT = re.compile(r"\s{0,40}\{")


def read_plain_body(
    cursor: Cursor, *, openers: tuple[str, ...] = (), ends: tuple[str, ...] = ()
) -> list[CallDraft]:
    """Return the calls after an opener; an opener written twice, or nested, counts once.

    Args:
        cursor: after the opener.
        openers: those of the family, in canonical form.
        ends: the marks that end a call of the family, in canonical form.

    Raises:
        NotACallError: something else follows.
    """
    cursor.match(_AFTER_OPENER)
    for _ in range(_MAX_REPEATS):
        if not openers or not cursor.take(*openers):
            break
        cursor.match(_AFTER_OPENER)
    cursor.match(_FENCE)
    calls = read_python_list(cursor)
    if calls is not None:
        return calls
    if is_json_next(cursor):
        return read_json_calls(cursor)
    return [read_named_call(cursor, cursor.name(), openers=openers, ends=ends)]


def read_named_call(
    cursor: Cursor, name: str, *, openers: tuple[str, ...] = (), ends: tuple[str, ...] = ()
) -> CallDraft:
    """Return the call `name` with what follows it: an object, a parenthesis, or nothing.

    Raises:
        NotACallError: what follows are no arguments, and the name alone is not a call.
    """
    known = cursor.tools.known(name) or name
    before = cursor.match(_BEFORE_OBJECT)
    if before is None:
        return _without_object(cursor, name, openers=openers, ends=ends)
    try:
        value, repairs = cursor.value()
    except LenientJsonError:
        value, repairs = None, ()
    is_one = isinstance(value, dict) and _ANOTHER_OBJECT.match(cursor.text, cursor.at) is None
    if not isinstance(value, dict) or not is_one:
        # Cut off; or several objects, and any of them could be meant.
        if known not in cursor.tools.names and not before.group().strip():
            raise NotACallError  # a word before a brace
        cursor.at = len(cursor.text)
        return broken_call(known, cursor.text[before.end() :])
    return cursor.call(name, value, repairs=repairs, call_id=before.group("id"))


def _without_object(
    cursor: Cursor, name: str, *, openers: tuple[str, ...], ends: tuple[str, ...]
) -> CallDraft:
    """Return a call whose name is not followed by an object."""
    if cursor.starts_with("("):
        return read_python_arguments(cursor, name)
    known = cursor.tools.known(name)
    if _ARGUMENTS_MARK.match(cursor.text, cursor.at):
        rest = cursor.text[cursor.at :]
        cursor.at = len(cursor.text)
        return broken_call(known or name, rest)
    if known is None:
        raise NotACallError
    # A name alone is a call of a tool without parameters. One that has some, even optional ones,
    # would do something else than was meant if the answer was cut here; a closing mark excludes it.
    is_closed = cursor.is_before(*ends)
    if not is_closed and not cursor.tools.schema(known).get("properties"):
        is_closed = cursor.is_before(*openers) or bool(_NAME_ALONE.match(cursor.text, cursor.at))
    if not is_closed:
        rest = cursor.text[cursor.at :]
        cursor.at = len(cursor.text)
        return broken_call(known, rest)
    return cursor.call(known, {})
