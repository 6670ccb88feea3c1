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

from agentkit.chat import Repair
from agentkit.dialect.lenient_json import LenientJsonError, parse_lenient
from agentkit.dialect.tool_call_assembler import CallDraft, short
from agentkit.dialect.tool_names import unwrap_name
from agentkit.json_schema import JsonValue
from agentkit.value import replace

MARKER = re.compile(
    r"\\?\[[ ]?TOOL[\\_ -]{0,2}CALLS?[ ]?\\?\]"
    r"|<(?:minimax:)?[|\uff5c]?"
    r"(?:(?:tool|function)[\\_\u2581 -]{0,2}calls?(?:[_\u2581](?:section[_\u2581])?begin)?"
    r"|python[\\_ ]{0,2}tag)[|\uff5c]?>"
    r"|```tool_(?:code|calls?)\b"
    r"|<\|channel\|>(?:commentary|analysis)\s{1,4}to="
    r"|<(?:function(?:=|\(|\s{1,4}name=)|invoke\s{1,4}name=)[\"']?(?P<name>[\w.-]{1,128})[\"')]?"
    r"(?:\s{0,4}>|(?=\s{0,9}\{))",
    re.IGNORECASE,
)
"""What opens a call in text; `name` is set where the marker holds the tool's name."""

MAX_SPACE_CHARS = 400
"""How much white space may stand between a marker and the call."""

AFTER_MARKER = re.compile(
    rf"(?:\*{{1,3}}|_{{1,3}}|`(?!``))?[\s,;:=]{{0,{MAX_SPACE_CHARS}}}(?:`(?!`))?"
)
"""The end of what Markdown puts around a marker, and space."""

_BETWEEN = re.compile(
    r"(?:[\s,;]|`(?!``)|```(?!\w)|</s>|\[/TOOL_CALLS?\]|</(?:function|invoke)>|<end_of_turn>"
    r"|<(?:/\|?|\|/)(?:minimax:)?(?:tool_?calls?|function_calls?)\|?>"
    r"|<[|\uff5c](?:[\w\u2581]{0,30}end[\w\u2581]{0,20}|eo[tm]_id|call)[|\uff5c]>)*",
    re.I,
)
_NAME = re.compile(r"[A-Za-z0-9_.\\-]{1,200}(?:::?[A-Za-z0-9_.\\-]{1,200})?")
TYPE = re.compile(r"function<[|\uff5c]tool[_\u2581]sep[|\uff5c]>")
"""What some models write between a marker and the name."""

BEFORE_ARGUMENTS = re.compile(
    r"(?:\[CALL_ID\]\s*(?P<id>[\w-]{1,64}))?\s*"
    r"(?:(?:\[ARGS\]|<[|\uff5c]tool[_\u2581](?:sep|call_argument_begin)[|\uff5c]>"
    r"|(?:<\|constrain\|>)?\s{0,4}(?:json\s{0,4})?<\|message\|>)\s*)?(?:```\w{0,20}\s*)?(?=\{)"
)
_OBJECT = re.compile(r"\s{0,40}\{")
_FENCE = re.compile(r"```[\w-]*\s*")
_KEY = re.compile(r"\s*([A-Za-z_]\w{0,127})\s*=")
_SPACE = re.compile(r"\s*")
_LIST_END = re.compile(r"\s*\]")
_COMMA = re.compile(r"\s*,")
_CLOSING = re.compile(r"\s*\)")
_PARAMETER = re.compile(
    r"\s*<(?P<tag>parameter)(?:=|\s{1,4}name=)[\"']?(?P<key>[\w.-]{1,128})[\"']?(?:\s[^<>]{0,80})?>\n?"
)
_PAIR = re.compile(
    r"\s*<arg_key>\s{0,4}(?P<key>[\w.-]{1,128})\s{0,4}</arg_key>\s*<(?P<tag>arg_value)>\n?"
)
_PARAMETERS_END = re.compile(r"\s*(?:</(?:function|invoke)>|(?=</tool_call>))")
_PYTHON_LIST = re.compile(r"\[\s{0,40}(?=[A-Za-z_][\w.]{0,127}\()")
_BRACKETS = ("{", "[", "\\{", "\\[")
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
_BEGINNING = re.compile(
    r"(?:```[\w-]{0,20})?\s{0,40}(?:\[\s{0,40})?\{\s{0,40}"
    rf"(?P<q>[\"'])(?:{'|'.join(_NAME_KEYS)})(?P=q)\s{{0,40}}:\s{{0,40}}"
    r"(?P<r>[\"'])(?P<name>[^\"']{1,200})(?P=r)"
    rf"(?:\s{{0,40}},\s{{0,40}}(?P<s>[\"'])(?:{'|'.join(_ARGUMENT_KEYS)})(?P=s)\s{{0,40}}:\s{{0,40}})?"
)

CALL_KEYS = _OTHER_KEYS.union(_NAME_KEYS, _ARGUMENT_KEYS, _WRAPPERS, {"role", "tool_calls"})
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
            except LenientJsonError:
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

    def behind(self, start: int) -> list[CallDraft]:
        """Return the calls that follow a marker right behind `start`."""
        self._at = start
        self._skip(_BETWEEN)
        marker = MARKER.match(self._text, self._at)
        return self.after_marker(marker) if marker is not None else []

    def whole(self) -> list[CallDraft]:
        """Return the calls of which the whole text consists, without a marker."""
        calls: list[CallDraft] = []
        self._at = 0
        self._skip(_SPACE)
        while self._at < len(self._text):
            self._skip(_FENCE)
            try:
                calls += self._unmarked()
            except LenientJsonError:
                return []
            self._skip(_BETWEEN)
        return calls

    def _unmarked(self) -> list[CallDraft]:
        """Read one JSON value, or one name with its object: the marker may have been removed."""
        if self._is_json_next:
            return list(self._json_calls(is_marked=False))
        name = _NAME.match(self._text, self._at)
        if name is None or name.group() not in self._offered:
            raise LenientJsonError("no call")
        if BEFORE_ARGUMENTS.match(self._text, name.end()) is None:
            raise LenientJsonError("no arguments")
        return [self._named_call(None)]

    @property
    def _is_json_next(self) -> bool:
        return self._text.startswith(_BRACKETS, self._at)

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
        while name is None and (inner := MARKER.match(self._text, self._at)) is not None:
            name, self._at = inner.group("name"), inner.end()
            self._skip(AFTER_MARKER)
        is_fenced = self._skip(_FENCE)
        if name is None and self._skip(_PYTHON_LIST):
            calls = list(self._python_list())
        elif is_fenced or (name is None and self._is_json_next):
            calls = list(self._json_calls(is_marked=True))
        else:
            calls = [self._named_call(name)]
        if is_fenced:
            self._skip(_BETWEEN)
        return calls

    def _python_list(self) -> Iterator[CallDraft]:
        """Read `name(key=value), ...]`."""
        while not self._skip(_LIST_END):
            yield self._named_call(None)
            if not self._skip(_COMMA) and _LIST_END.match(self._text, self._at) is None:
                raise LenientJsonError("the list does not end")
            self._skip(_SPACE)

    def _named_call(self, name: str | None) -> CallDraft:
        """Read a name with its arguments; without the name where the marker held it."""
        is_tag = name is not None
        if name is None:
            self._skip(TYPE)
            found = _NAME.match(self._text, self._at)
            if found is None:
                raise LenientJsonError("no name")
            name, self._at = found.group(), found.end()
        known = self._known(name)
        if known is None:
            raise LenientJsonError("no offered tool")
        before = BEFORE_ARGUMENTS.match(self._text, self._at)
        repairs: tuple[Repair, ...] = ()
        arguments: JsonValue
        if before is not None:
            arguments, repairs = self._value(before.end())
            if _OBJECT.match(self._text, self._at) is not None:
                raise LenientJsonError("there are several objects, and either could be meant")
        elif is_tag or _PAIR.match(self._text, self._at) is not None:
            arguments = self._tagged()
        else:
            arguments, repairs = self._python()
        text = json.dumps(arguments, ensure_ascii=False)
        call_id = None if before is None else before.group("id")
        return CallDraft(name=known, arguments=text, id=call_id, repairs=repairs)

    def _tagged(self) -> dict[str, JsonValue]:
        """Read parameters in tags of their own; all are text, and the schema tells what else."""
        found: dict[str, JsonValue] = {}
        while tag := (_PARAMETER.match(self._text, self._at) or _PAIR.match(self._text, self._at)):
            closing = f"</{tag.group('tag')}>"
            end = self._text.find(closing, tag.end())
            key = tag.group("key")
            if end < 0 or key in found:
                raise LenientJsonError("a parameter does not end, or stands twice")
            found[key] = self._text[tag.end() : end].removesuffix("\n")
            self._at = end + len(closing)
        if not self._skip(_PARAMETERS_END):
            raise LenientJsonError("the parameters do not end")
        return found

    def _python(self) -> tuple[dict[str, JsonValue], tuple[Repair, ...]]:
        """Read `(key=value, ...)`; a value without a key could be any parameter."""
        if self._text[self._at : self._at + 1] != "(":
            raise LenientJsonError("no arguments")
        self._at += 1
        if _OBJECT.match(self._text, self._at) is not None:
            value, more = self._value(self._at)
            if not isinstance(value, dict) or not self._skip(_CLOSING):
                raise LenientJsonError("the arguments do not end")
            return value, more
        found: dict[str, JsonValue] = {}
        repairs: list[Repair] = []
        while not self._skip(_CLOSING):
            key = _KEY.match(self._text, self._at)
            if key is None or key.group(1) in found:
                raise LenientJsonError("a key is missing, or stands twice")
            found[key.group(1)], more = self._value(key.end())
            repairs += more
            if not self._skip(_COMMA) and _CLOSING.match(self._text, self._at) is None:
                raise LenientJsonError("a comma is missing")
        return found, tuple(repairs)

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
            arguments = BEFORE_ARGUMENTS.match(rest)
            rest = rest[arguments.end() :] if arguments is not None else ""
        known = self._known(name)
        if known is None or not (before or rest or _PARAMETER.match(source)):
            return
        self._at = self._end = len(self._text)
        yield CallDraft(name=known, arguments=rest if rest[:1] == "{" else source)

    def _json_calls(self, *, is_marked: bool) -> Iterator[CallDraft]:
        """Read one JSON value that consists of calls alone."""
        value, repairs = self._value(self._at)
        if isinstance(value, dict) and _is_message(value):
            value = value["tool_calls"]
        elif isinstance(value, dict) and len(value) == 1:
            value = next((value[key] for key in _WRAPPERS if key in value), value)
        items = value if isinstance(value, list) else [value]
        for at, item in enumerate(items):
            call = self._call_of(item, is_marked=is_marked, may_be_unknown=is_marked and at > 0)
            if call is None:
                raise LenientJsonError("no call to an offered tool")
            yield replace(call, repairs=repairs)

    def _value(self, start: int) -> tuple[JsonValue, tuple[Repair, ...]]:
        """Read a JSON value and go past it."""
        found = parse_lenient(self._text, start)
        if found.is_lossy:
            raise LenientJsonError("a number would be rounded by writing it again")
        source = short(self._text[start : found.end])
        self._at = found.end
        return found.value, tuple(
            Repair(kind=kind, before=source, after=short(json.dumps(found.value)))
            for kind in sorted(found.deviations)
        )

    def _call_of(
        self, value: JsonValue, *, is_marked: bool, may_be_unknown: bool
    ) -> CallDraft | None:
        """Return the call that an object spells, if it spells one and nothing else.

        Beside a call to an offered tool stands no text: a name that is not known is refused later.
        """
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
        said = value[names[0]]
        name = self._known(said) or (said if may_be_unknown and isinstance(said, str) else None)
        text = _argument_text(value, arguments)
        if name is None or text is None:
            return None
        call_id = value.get("id")
        return CallDraft(
            name=name, arguments=text, id=call_id if isinstance(call_id, str) else None
        )

    def _known(self, name: JsonValue) -> str | None:
        """Return the offered name that `name` means."""
        return unwrap_name(name, self._offered) if isinstance(name, str) else None


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
