"""Find tool calls that a host left in the text of an answer.

In:  the text, the names of the offered tools, a check of arguments.
Out: the text that is really text, and the calls; or nothing, and the text stays as it is.

A call in text begins with a marker, `[TOOL_CALLS]` in any spelling or its cousins of other model
families, or the whole text is nothing but calls in JSON, fenced or not. It counts only if it can
be decoded and names an offered tool. Its arguments have to fit as well, unless the answer begins
with the marker: then it can be nothing else, and the model is told what does not fit. Text after
the calls is what the model dreamt their results to be, and is dropped.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from agentkit.chat import Mending
from agentkit.dialect.call_parts import CallDraft, short
from agentkit.dialect.loose_json import LooseJsonError, read_loose
from agentkit.json_schema import JsonValue

MARKER = re.compile(
    r"\\?\[[ ]?TOOL[\\_ ]{0,2}CALLS?[ ]?\\?\]"
    r"|<\|?(?:tool[\\_ ]{0,2}calls?|function[\\_ ]{0,2}calls?|python[\\_ ]{0,2}tag)\|?>"
    r"|<function=(?P<name>[\w.-]{1,128})>",
    re.IGNORECASE,
)
"""What opens a call in text; `name` is set where the marker holds the tool's name."""

MAX_SPACE_CHARS = 400
"""How much white space may stand between a marker and the call."""

_MAX_ATTEMPTS = 16
_BETWEEN = re.compile(
    r"(?:[\s,;]|</s>|\[/TOOL_CALLS?\]|</?\|?(?:tool_calls?|function_calls?)\|?>|</function>)*", re.I
)
_SPACE = re.compile(rf"[\s,;]{{0,{MAX_SPACE_CHARS}}}")
_NAME = re.compile(r"[A-Za-z0-9_.\\-]{1,200}")
_BEFORE_ARGUMENTS = re.compile(r"(?:\[CALL_ID\]\s*(?P<id>[\w-]{1,64}))?\s*(?:\[ARGS\])?\s*(?=\{)")
_FENCE = re.compile(r"```[\w-]*\s*")
_NAME_KEYS = ("name", "function", "tool", "tool_name")
_ARGUMENT_KEYS = ("arguments", "parameters", "args", "input")
_OTHER_KEYS = frozenset({"id", "type", "index", "call_id", "tool_call_id"})

CALL_KEYS = _OTHER_KEYS.union(_NAME_KEYS, _ARGUMENT_KEYS)
"""The keys that an object may have that spells a call."""


Fits = Callable[[str, str], bool]
"""Says whether a tool, by name, can be called with arguments, as text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """The calls that were found in a text, what stood before them, and what is dropped after."""

    text: str
    calls: tuple[CallDraft, ...]
    dropped: str = ""


def find_leak(text: str, *, offered: AbstractSet[str], fits: Fits) -> Leak | None:
    """Return the calls in `text`, or None where it is text and nothing else.

    Args:
        text: the whole text of an answer.
        offered: the names a host was given, and ours.
        fits: whether a tool can be called so.
    """
    if not offered:
        return None
    reader = _Reader(text, offered)
    marker = None
    # A text may name the marker often; each try may read to the end, so tries are counted.
    for marker, _ in zip(MARKER.finditer(text), range(_MAX_ATTEMPTS), strict=False):
        before = text[: marker.start()]
        calls = reader.after_marker(marker)
        if calls and (not before.strip() or all(fits(c.name, c.arguments) for c in calls)):
            return _leak(before, calls, text[marker.start() :], dropped=reader.rest)
    if marker is None:
        calls = reader.whole()
        if calls and all(fits(call.name, call.arguments) for call in calls):
            return _leak("", calls, text)
    return None


def _leak(before: str, calls: list[CallDraft], source: str, *, dropped: str = "") -> Leak:
    named = tuple(
        replace(
            call,
            mendings=(
                Mending(
                    rung="leaked_text",
                    before=short(source),
                    after=short(f"{call.name}({call.arguments})"),
                ),
                *call.mendings,
            ),
        )
        for call in calls
    )
    return Leak(text=before.rstrip(), calls=named, dropped=dropped)


class _Reader:
    """Reads calls out of one text."""

    def __init__(self, text: str, offered: AbstractSet[str]) -> None:
        self._text = text
        self._offered = offered
        self._at = 0
        self._end = 0

    def after_marker(self, marker: re.Match[str]) -> list[CallDraft]:
        """Return the calls that follow a marker, one right after the other."""
        calls: list[CallDraft] = []
        found: re.Match[str] | None = marker
        while found is not None or calls:
            if found is not None:
                self._at = found.end()
            try:
                calls.extend(self._group(found.group("name") if found is not None else None))
            except LooseJsonError:
                break
            self._skip(_BETWEEN)
            self._end = self._at
            found = MARKER.match(self._text, self._at)
        return calls

    @property
    def rest(self) -> str:
        """Return the text after the last call that followed a marker."""
        return self._text[self._end :].strip()

    def whole(self) -> list[CallDraft]:
        """Return the calls of which the whole text consists, without a marker."""
        self._at = 0
        self._skip(_SPACE)
        is_fenced = self._skip(_FENCE)
        if self._text[self._at : self._at + 1] not in ("{", "["):
            return []
        try:
            calls = list(self._json_calls(is_marked=False))
        except LooseJsonError:
            return []
        self._skip(_BETWEEN)
        if is_fenced:
            self._skip(_FENCE)
        return calls if self._at == len(self._text) else []

    def _skip(self, pattern: re.Pattern[str]) -> bool:
        """Go past `pattern` if it comes next, and say whether it did."""
        found = pattern.match(self._text, self._at)
        if found is None:
            return False
        self._at = found.end()
        return True

    def _group(self, name: str | None) -> list[CallDraft]:
        """Read one list, one object, or one name with its arguments."""
        self._skip(_SPACE)
        is_fenced = self._skip(_FENCE)
        if is_fenced or (name is None and self._text[self._at : self._at + 1] in ("{", "[")):
            calls = list(self._json_calls(is_marked=True))
        else:
            calls = [self._named_call(name)]
        if is_fenced:
            self._skip(_BETWEEN)
            self._skip(_FENCE)
        return calls

    def _named_call(self, name: str | None) -> CallDraft:
        """Read `name{...}`, or `{...}` where the marker held the name."""
        if name is None:
            found = _NAME.match(self._text, self._at)
            if found is None:
                raise LooseJsonError("no name")
            name, self._at = found.group(), found.end()
        known = self._known(name)
        before = _BEFORE_ARGUMENTS.match(self._text, self._at)
        if known is None or before is None:
            raise LooseJsonError("no call to an offered tool")
        arguments, mendings = self._value(before.end())
        text = json.dumps(arguments, ensure_ascii=False)
        return CallDraft(name=known, arguments=text, id=before.group("id"), mendings=mendings)

    def _json_calls(self, *, is_marked: bool) -> Iterator[CallDraft]:
        """Read one JSON value that consists of calls alone."""
        value, mendings = self._value(self._at)
        items = value if isinstance(value, list) else [value]
        for item in items:
            call = self._call_of(item, is_marked=is_marked)
            if call is None:
                raise LooseJsonError("no call to an offered tool")
            yield replace(call, mendings=mendings)

    def _value(self, start: int) -> tuple[JsonValue, tuple[Mending, ...]]:
        """Read a JSON value and go past it."""
        found = read_loose(self._text, start)
        source = short(self._text[start : found.end])
        self._at = found.end
        return found.value, tuple(
            Mending(rung=rung, before=source, after=short(json.dumps(found.value)))
            for rung in sorted(found.accents)
        )

    def _call_of(self, value: JsonValue, *, is_marked: bool) -> CallDraft | None:
        """Return the call that an object spells, if it spells one and nothing else."""
        if not isinstance(value, dict):
            return None
        inner = value.get("function")
        outer_keys = set(value)
        if isinstance(inner, dict):
            if outer_keys - _OTHER_KEYS - {"function"}:
                return None
            value = {**{key: value[key] for key in outer_keys & {"id"}}, **inner}
        names = [key for key in _NAME_KEYS if key in value]
        arguments = [key for key in _ARGUMENT_KEYS if key in value]
        if len(names) != 1 or len(arguments) > 1 or not (arguments or is_marked):
            return None
        if set(value) - _OTHER_KEYS - {*names, *arguments}:
            return None
        name = self._known(value[names[0]])
        text = _argument_text(value, arguments)
        if name is None or text is None:
            return None
        call_id = value.get("id")
        return CallDraft(
            name=name, arguments=text, id=call_id if isinstance(call_id, str) else None
        )

    def _known(self, name: JsonValue) -> str | None:
        """Return the offered name that `name` is, but for the backslashes of Markdown."""
        if not isinstance(name, str):
            return None
        readings = (name, name.replace("\\", ""))
        return next((reading for reading in readings if reading in self._offered), None)


def _argument_text(value: Mapping[str, JsonValue], keys: list[str]) -> str | None:
    """Return the arguments as text; an object, or text that stands for one."""
    arguments = value[keys[0]] if keys else None
    if arguments is None:
        return "{}"
    if isinstance(arguments, str):
        return arguments
    return json.dumps(arguments, ensure_ascii=False) if isinstance(arguments, dict) else None
