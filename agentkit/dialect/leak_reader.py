"""Read the calls that stand in a text, in every form that is known.

In:  the text, the names of the offered tools, a marker in it.
Out: `CallDraft`s in the order they stand; none where the text is something else.

After a marker stand JSON objects, one or a list of them, or names with arguments: `name{...}`,
`name[ARGS]{...}`, `name(key=value)`, `<function=name><parameter=key>value</parameter>`. Nothing is
made up: what cannot be read of a call whose tool is known stays its arguments' text, and is
refused later in words for the model.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace

from agentkit.chat import Mending
from agentkit.dialect.call_parts import CallDraft, short
from agentkit.dialect.loose_json import LooseJsonError, read_loose
from agentkit.dialect.tool_names import undress
from agentkit.json_schema import JsonValue

MARKER = re.compile(
    r"\\?\[[ ]?TOOL[\\_ ]{0,2}CALLS?[ ]?\\?\]"
    r"|<\|?(?:tool[\\_ ]{0,2}calls?|function[\\_ ]{0,2}calls?|python[\\_ ]{0,2}tag)\|?>"
    r"|```tool_(?:code|calls?)\b"
    r"|<function=(?P<name>[\w.-]{1,128})>",
    re.IGNORECASE,
)
"""What opens a call in text; `name` is set where the marker holds the tool's name."""

MAX_SPACE_CHARS = 400
"""How much white space may stand between a marker and the call."""

AFTER_MARKER = re.compile(rf"(?:\*{{1,3}}|_{{1,3}}|`(?!``))?[\s,;:]{{0,{MAX_SPACE_CHARS}}}")
"""The end of what Markdown puts around a marker, and space."""

_BETWEEN = re.compile(
    r"(?:[\s,;]|```|</s>|\[/TOOL_CALLS?\]|</?\|?(?:tool_calls?|function_calls?)\|?>|</function>)*",
    re.I,
)
_NAME = re.compile(r"[A-Za-z0-9_.\\-]{1,200}(?:::?[A-Za-z0-9_.\\-]{1,200})?")
_BEFORE_ARGUMENTS = re.compile(r"(?:\[CALL_ID\]\s*(?P<id>[\w-]{1,64}))?\s*(?:\[ARGS\]\s*)?(?=\{)")
_OBJECT = re.compile(r"\s{0,40}\{")
_FENCE = re.compile(r"```[\w-]*\s*")
_KEY = re.compile(r"\s*([A-Za-z_]\w{0,127})\s*=")
_COMMA = re.compile(r"\s*,")
_CLOSING = re.compile(r"\s*\)")
_PARAMETER = re.compile(r"\s*<parameter=([\w.-]{1,128})>\n?")
_PARAMETER_END = "</parameter>"
_FUNCTION_END = re.compile(r"\s*</function>")
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
_MESSAGE_KEYS = frozenset({"role", "content", "refusal", "tool_calls"})
_BEGINNING = re.compile(
    r"(?:```[\w-]{0,20})?\s{0,40}(?:\[\s{0,40})?\{\s{0,40}"
    rf"(?P<q>[\"'])(?:{'|'.join(_NAME_KEYS)})(?P=q)\s{{0,40}}:\s{{0,40}}"
    r"(?P<r>[\"'])(?P<name>[^\"']{1,200})(?P=r)"
    rf"(?:\s{{0,40}},\s{{0,40}}(?P<s>[\"'])(?:{'|'.join(_ARGUMENT_KEYS)})(?P=s)\s{{0,40}}:\s{{0,40}})?"
)

CALL_KEYS = _OTHER_KEYS.union(_NAME_KEYS, _ARGUMENT_KEYS, {"role", "tool_calls"})
"""The keys that an object may begin with that spells a call."""


class LeakReader:
    """Reads calls out of one text."""

    def __init__(self, text: str, offered: AbstractSet[str]) -> None:
        self._text = text
        self._offered = offered
        self._at = 0
        self._end = 0

    def after_marker(
        self, marker: re.Match[str], *, is_call: Callable[[CallDraft], bool] | None = None
    ) -> list[CallDraft]:
        """Return the calls that follow a marker, one right after the other.

        The last one may be a call that cannot be read: its arguments are all the rest then.
        There are none if `is_call` denies the first one; the others are not read then.
        """
        calls: list[CallDraft] = []
        found: re.Match[str] | None = marker
        while found is not None or calls:
            if found is not None:
                self._at = found.end()
            start = self._at
            name = found.group("name") if found is not None else None
            try:
                calls.extend(self._group(name))
            except LooseJsonError:
                if found is not None:
                    calls.extend(self._unreadable(start, name))
                break
            if is_call is not None and not (calls and is_call(calls[0])):
                return []
            is_call = None
            self._skip(_BETWEEN)
            self._end = self._at
            found = MARKER.match(self._text, self._at)
        return calls if is_call is None or (calls and is_call(calls[0])) else []

    @property
    def rest(self) -> str:
        """Return the text after the last call that followed a marker."""
        return self._text[self._end :].strip()

    def whole(self) -> list[CallDraft]:
        """Return the calls of which the whole text consists, without a marker."""
        self._at = 0
        self._skip(AFTER_MARKER)
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
        self._skip(AFTER_MARKER)
        inner = MARKER.match(self._text, self._at) if name is None else None
        if inner is not None and inner.group("name") is not None:
            name, self._at = inner.group("name"), inner.end()
        is_fenced = self._skip(_FENCE)
        if is_fenced or (name is None and self._text[self._at : self._at + 1] in ("{", "[")):
            calls = list(self._json_calls(is_marked=True))
        else:
            calls = [self._named_call(name)]
        if is_fenced:
            self._skip(_BETWEEN)
        return calls

    def _named_call(self, name: str | None) -> CallDraft:
        """Read a name with its arguments; without the name where the marker held it."""
        is_tag = name is not None
        if name is None:
            found = _NAME.match(self._text, self._at)
            if found is None:
                raise LooseJsonError("no name")
            name, self._at = found.group(), found.end()
        known = self._known(name)
        if known is None:
            raise LooseJsonError("no offered tool")
        before = _BEFORE_ARGUMENTS.match(self._text, self._at)
        mendings: tuple[Mending, ...] = ()
        arguments: JsonValue
        if before is not None:
            arguments, mendings = self._value(before.end())
            if _OBJECT.match(self._text, self._at) is not None:
                raise LooseJsonError("there are several objects, and either could be meant")
        elif is_tag:
            arguments = self._tagged()
        else:
            arguments, mendings = self._python()
        text = json.dumps(arguments, ensure_ascii=False)
        call_id = None if before is None else before.group("id")
        return CallDraft(name=known, arguments=text, id=call_id, mendings=mendings)

    def _tagged(self) -> dict[str, JsonValue]:
        """Read parameters in tags of their own; all are text, and the schema tells what else."""
        found: dict[str, JsonValue] = {}
        while tag := _PARAMETER.match(self._text, self._at):
            end = self._text.find(_PARAMETER_END, tag.end())
            if end < 0 or tag.group(1) in found:
                raise LooseJsonError("a parameter does not end, or stands twice")
            found[tag.group(1)] = self._text[tag.end() : end].removesuffix("\n")
            self._at = end + len(_PARAMETER_END)
        if not self._skip(_FUNCTION_END):
            raise LooseJsonError("the parameters do not end")
        return found

    def _python(self) -> tuple[dict[str, JsonValue], tuple[Mending, ...]]:
        """Read `(key=value, ...)`; a value without a key could be any parameter."""
        if self._text[self._at : self._at + 1] != "(":
            raise LooseJsonError("no arguments")
        self._at += 1
        found: dict[str, JsonValue] = {}
        mendings: list[Mending] = []
        while not self._skip(_CLOSING):
            key = _KEY.match(self._text, self._at)
            if key is None or key.group(1) in found:
                raise LooseJsonError("a key is missing, or stands twice")
            found[key.group(1)], more = self._value(key.end())
            mendings += more
            if not self._skip(_COMMA) and _CLOSING.match(self._text, self._at) is None:
                raise LooseJsonError("a comma is missing")
        return found, tuple(mendings)

    def _unreadable(self, start: int, name: str | None) -> Iterator[CallDraft]:
        """Yield a call to an offered tool of which nothing but the name can be read.

        Its arguments are what stands in their place, to the end of the text. They are no JSON
        object, unless all that is broken is what comes after them.
        """
        space = AFTER_MARKER.match(self._text, start)
        source = self._text[space.end() if space is not None else start :]
        named = None if name is not None else _NAME.match(source)
        before = _BEGINNING.match(source)
        if name is None and before is not None:
            name, rest = before.group("name"), source[before.end() :]
        else:
            rest = source if named is None else source[named.end() :]
            name = name if named is None else named.group()
            arguments = _BEFORE_ARGUMENTS.match(rest)
            rest = rest[arguments.end() :] if arguments is not None else ""
        known = self._known(name)
        if known is None or not (before or rest or _PARAMETER.match(source)):
            return
        self._at = self._end = len(self._text)
        yield CallDraft(name=known, arguments=rest if rest[:1] == "{" else source)

    def _json_calls(self, *, is_marked: bool) -> Iterator[CallDraft]:
        """Read one JSON value that consists of calls alone."""
        value, mendings = self._value(self._at)
        if isinstance(value, dict) and _is_message(value):
            value = value["tool_calls"]
        items = value if isinstance(value, list) else [value]
        for item in items:
            call = self._call_of(item, is_marked=is_marked)
            if call is None:
                raise LooseJsonError("no call to an offered tool")
            yield replace(call, mendings=mendings)

    def _value(self, start: int) -> tuple[JsonValue, tuple[Mending, ...]]:
        """Read a JSON value and go past it."""
        found = read_loose(self._text, start)
        if found.is_lossy:
            raise LooseJsonError("a number would be rounded by writing it again")
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
        """Return the offered name that `name` means."""
        return undress(name, self._offered) if isinstance(name, str) else None


def _is_message(value: Mapping[str, JsonValue]) -> bool:
    """Say whether `value` is a whole message of calls, as the OpenAI form has it."""
    return (
        bool(value.get("tool_calls")) and not value.get("content") and set(value) <= _MESSAGE_KEYS
    )


def _argument_text(value: Mapping[str, JsonValue], keys: list[str]) -> str | None:
    """Return the arguments as text; an object, or text that stands for one."""
    arguments = value[keys[0]] if keys else None
    if arguments is None:
        return "{}"
    if isinstance(arguments, str):
        return arguments
    return json.dumps(arguments, ensure_ascii=False) if isinstance(arguments, dict) else None
