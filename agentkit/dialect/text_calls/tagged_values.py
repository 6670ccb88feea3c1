"""Read arguments that are written in tags of their own, without quotation marks or escapes.

In:  a cursor at the first tag, the patterns of a family's tags, the tool's schema.
Out: arguments of the types the schema asks for.

A value may contain the family's own tags (a file that documents the format), so a closing tag only
counts if the structure goes on after it. Such formats have no types: `5` is a number if the schema
asks for one, and text otherwise.
"""

import re
from collections.abc import Mapping
from typing import TypeAlias

from agentkit.chat import Repair
from agentkit.dialect.coerce import coerce
from agentkit.dialect.text_calls.grammar import Cursor, Schema
from agentkit.dialect.tool_call_assembler import short
from agentkit.json_schema import JsonTextError, JsonValue, parse_json
from agentkit.value import dataclass

_TYPES = ("type", "anyOf", "oneOf", "allOf", "enum", "const", "$ref")
_NULLS = frozenset({"null", "None"})


MAX_UNCLOSED = 4
"""How many closing tags may be missing; beyond it, each would cost a search of the rest."""


Values: TypeAlias = dict[str, tuple[re.Match[str], str]]
"""The opening tag and the raw text of each parameter."""


class UnreadableValuesError(Exception):
    """The tags do not end, or a parameter occurs twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tags:
    """The tags of one family.

    Attributes:
        opening: matches an opening tag; its group `key` is the name of the parameter.
        closing: matches the closing tag of a value.
        end: matches what ends all arguments; looked for after a value, not skipped.
        strips_newline: the format puts a line break before and after each value.
    """

    opening: re.Pattern[str]
    closing: re.Pattern[str]
    end: re.Pattern[str]
    strips_newline: bool = False


def read_tagged(
    cursor: Cursor, tags: Tags, *, properties: Mapping[str, object]
) -> tuple[Values, tuple[Repair, ...]]:
    """Return the opening tags and raw values by parameter, with the cursor at the end tag.

    Raises:
        UnreadableValuesError: they cannot be read to their end.
    """
    found: Values = {}
    repairs: list[Repair] = []
    while (opening := cursor.match(tags.opening)) is not None:
        key = opening.group("key")
        if key in found or len(repairs) > MAX_UNCLOSED:
            raise UnreadableValuesError
        closing = _closing(cursor, tags)
        if closing is not None:
            value = cursor.text[cursor.at : closing.start()]
            cursor.at = closing.end()
        else:
            value = _unclosed_value(cursor, tags, {key, *found}, properties)
            cursor.at += len(value)
            repairs.append(
                Repair(kind="unclosed_parameter", before=short(value), after=short(value.strip()))
            )
        found[key] = (opening, _without_newlines(value) if tags.strips_newline else value)
    if tags.end.match(cursor.text, cursor.at) is None:
        raise UnreadableValuesError
    return found, tuple(repairs)


def _closing(cursor: Cursor, tags: Tags) -> re.Match[str] | None:
    """Return the closing tag of the value that begins here; None if it is missing.

    A tag that opens another parameter at the start of a line is part of the value if it is closed
    in it, so a value may hold a complete example of a call.
    """
    text, at, depth = cursor.text, cursor.at, 0
    while (closing := tags.closing.search(text, at)) is not None:
        opened = tags.opening.finditer(text, at, closing.start())
        depth += sum(_is_line_start(text, opening) for opening in opened)
        if depth == 0 and _continues(text, closing.end(), tags):
            return closing
        depth = max(depth - 1, 0)
        at = closing.end()
    return None


def _continues(text: str, at: int, tags: Tags) -> bool:
    """Return whether the structure goes on at a position."""
    return bool(tags.end.match(text, at) or tags.opening.match(text, at))


def _is_line_start(text: str, opening: re.Match[str]) -> bool:
    start = opening.start()
    return text[start] == "\n" or text[start - 1 : start] == "\n"


def _unclosed_value(
    cursor: Cursor, tags: Tags, used: set[str], properties: Mapping[str, object]
) -> str:
    """Return a value whose closing tag is missing: up to the next parameter, or the end tag.

    Qwen3-Coder and GLM are known to forget it. Only a declared parameter that has no value yet
    counts, and only at the start of a line.
    """
    text, start = cursor.text, cursor.at
    end = tags.end.search(text, start)
    if end is None:
        raise UnreadableValuesError
    for opening in tags.opening.finditer(text, start, end.start()):
        key = opening.group("key")
        if _is_line_start(text, opening) and key in properties and key not in used:
            return text[start : opening.start()]
    return text[start : end.start()]


def _without_newlines(value: str) -> str:
    """Remove the line breaks that the format puts around a value."""
    if value[:1] == "\n":
        return value[1:].removesuffix("\n")
    return value


def typed(values: Values, schema: Schema) -> dict[str, JsonValue]:
    """Return raw texts as the values the schema asks for; what does not fit stays text."""
    properties = schema.get("properties")
    known = properties if isinstance(properties, dict) else {}
    found: dict[str, JsonValue] = {}
    for key, (_, text) in values.items():
        own = known.get(key)
        if isinstance(own, dict) and any(word in own for word in _TYPES):
            found[key] = _as_declared(text, own, schema)
        else:
            found[key] = as_json(text)
    return found


def _as_declared(text: str, own: Schema, root: Schema) -> JsonValue:
    """Return the value of `text` in a type that its schema allows."""
    if text.strip() in _NULLS and _allows_null(own, root):
        return None
    wrapper = {**root, "properties": {"value": own}, "required": ["value"]}
    turned, _ = coerce({"value": text}, wrapper)
    value = turned["value"] if isinstance(turned, dict) else text
    if value is text and text.strip() != text:
        turned, _ = coerce({"value": text.strip()}, wrapper)
        stripped = turned["value"] if isinstance(turned, dict) else text
        return value if isinstance(stripped, str) else stripped
    return value


def _allows_null(own: Schema, root: Schema) -> bool:
    """Return whether coercion would keep a null here."""
    wrapper = {**root, "properties": {"value": own}, "required": []}
    turned, _ = coerce({"value": None}, wrapper)
    return isinstance(turned, dict) and "value" in turned


def as_json(text: str) -> JsonValue:
    """Return the JSON value of a text without a declared type; text that is not JSON as it is."""
    try:
        return parse_json(text)
    except JsonTextError:
        return text
