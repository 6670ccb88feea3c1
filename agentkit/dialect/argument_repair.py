"""Repair the arguments of a tool call that do not fit the tool's schema.

In:  untrusted argument text, the tool's schema, a check of complete values.
Out: arguments that pass the check, with every repair named; or None.

Strict JSON comes first, then the smallest repair that passes. A repair never guesses a name,
never rounds, never fills in a value and never decodes a string that the schema allows.
The cost is linear in the text.
"""

import json
import re
from collections.abc import Callable, Mapping

from agentkit.chat import Repair
from agentkit.dialect.coerce import coerce
from agentkit.dialect.lenient_json import LenientJsonError, parse_lenient
from agentkit.dialect.text_calls.table import contains_opener
from agentkit.dialect.text_calls.unimportant import without_markers
from agentkit.dialect.tool_call_assembler import short
from agentkit.json_schema import JsonTextError, JsonValue, parse_json
from agentkit.json_schema.strict_json import MAX_CHARACTERS
from agentkit.value import dataclass

_FENCE = re.compile(r"```[\w-]*")
_MAX_UNWRAPPED = 3
_RESULT_MARKER = "[TOOL_RESULTS]"
_VALUE = re.compile(r"[\d{\[\"'`:=]|\A,")
_CORRECTION = re.compile(
    r"\b(?:wait|sorry|oops|no|not|instead|actually|rather|should|must|correct\w*|mistake|wrong)\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairedArguments:
    """Arguments that fit; without repairs they were valid as they arrived."""

    value: dict[str, JsonValue]
    repairs: tuple[Repair, ...] = ()


def repair_arguments(
    text: str, *, schema: Mapping[str, JsonValue], is_valid: Callable[[JsonValue], bool]
) -> RepairedArguments | None:
    """Return the arguments that `text` stands for, or None if it cannot be repaired.

    Args:
        text: what the model wrote.
        schema: the tool's input schema; decides where a string may stand for another type.
        is_valid: the tool's own check; a value that fails it is never returned.
    """
    read = read_arguments(text) or _read_empty_list(text, schema)
    if read is None:
        return None
    if is_valid(read.value):
        return read
    coerced, repairs = coerce(read.value, schema)
    if not repairs or not isinstance(coerced, dict) or not is_valid(coerced):
        return None
    return RepairedArguments(value=coerced, repairs=(*read.repairs, *repairs))


def _read_empty_list(text: str, schema: Mapping[str, JsonValue]) -> RepairedArguments | None:
    """Return no arguments for `[]`, as PHP writes an empty object, if the tool takes none."""
    if text.strip()[:1] != "[" or text.strip("[] \t\r\n") or schema.get("properties"):
        return None
    return RepairedArguments(value={}, repairs=(_repaired("empty_list_arguments", text, "{}"),))


def read_arguments(text: str) -> RepairedArguments | None:
    """Return the JSON object that `text` stands for without a schema; None if there is none."""
    repairs: list[Repair] = []
    for _ in range(_MAX_UNWRAPPED):
        if not text.strip():
            return RepairedArguments(value={}, repairs=tuple(repairs))
        try:
            value = _read(text, repairs)
        except LenientJsonError:
            return None
        if value is None:
            repairs.append(_repaired("null_arguments", text, "{}"))
            value = {}
        if isinstance(value, dict):
            return RepairedArguments(value=value, repairs=tuple(repairs))
        if not isinstance(value, str):
            return None
        repairs.append(_repaired("double_encoded", text, value))
        text = value
    return None


def object_text(text: str) -> str:
    """Return `text` as a JSON object that any server can parse; `{}` if it stands for none."""
    try:
        value = parse_json(text)
    except JsonTextError:
        value = None
    if isinstance(value, dict):
        return text
    read = read_arguments(text)
    return json.dumps(read.value if read is not None else {}, ensure_ascii=False)


def _read(text: str, repairs: list[Repair]) -> JsonValue:
    """Parse one value, strictly if that is possible."""
    try:
        return parse_json(text)
    except JsonTextError:
        pass
    if len(text) > MAX_CHARACTERS:
        raise LenientJsonError("it is too long")
    inside = _unfence(text)
    found = parse_lenient(text if inside is None else inside)
    rest = (text if inside is None else inside)[found.end :]
    kinds = sorted(found.deviations)
    if inside is not None:
        kinds.insert(0, "fenced")
    if rest.strip():
        kinds.append("trailing_text")
    if not kinds or not _is_droppable(rest, found.value):
        # Without any deviation the strict parser had other reasons, such as a lone surrogate.
        raise LenientJsonError("there is more than one value, or one that is not JSON")
    after = json.dumps(found.value, ensure_ascii=False)
    if not _is_encodable(after):
        raise LenientJsonError("it holds half of a surrogate pair")
    repairs.extend(_repaired(kind, text, after) for kind in kinds)
    return found.value


def _is_droppable(rest: str, value: JsonValue) -> bool:
    """Return whether text after a complete value may be dropped.

    Excess closing brackets and closing marks may, and words that add nothing. Another value, a
    word that announces a correction, or the name of an argument may not: they would change the
    call. Behind a result marker is a result that the model invented.
    """
    rest = without_markers(rest.partition(_RESULT_MARKER)[0]).strip(" \t\r\n}])")
    if _VALUE.search(rest) or _CORRECTION.search(rest) or contains_opener(rest):
        return False
    return not isinstance(value, dict) or value.keys().isdisjoint(_WORD.findall(rest))


def _unfence(text: str) -> str | None:
    """Return the text inside a Markdown fence, or None if there is no fence."""
    text = text.strip()
    fence = _FENCE.match(text)
    if fence is None or not text.endswith("```", fence.end()):
        return None
    return text[fence.end() : -3]


def _is_encodable(text: str) -> bool:
    """Return whether `text` can be encoded; half of a surrogate pair cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _repaired(kind: str, before: str, after: str) -> Repair:
    return Repair(kind=kind, before=short(before), after=short(after))
