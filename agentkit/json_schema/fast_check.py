"""A fast path for ordinary schemas, and for values of flat object schemas.

In:  a schema as plain JSON; values.
Out: whether it is certainly a valid schema of the drafts from 7 on, and whether it has references;
     a `FlatObjectCheck`, which accepts objects of flat fields.

jsonschema takes 4 ms to validate a schema against the meta-schema, and servers offer hundreds of
tools. Most tools take a few strings and numbers, for which jsonschema makes a hundred function
calls. The fast path only accepts; jsonschema decides everything else and gives the reason.
"""

import re
from collections.abc import Callable, Mapping
from typing import Literal, TypeAlias

from agentkit.json_schema.pattern import PatternError, check_pattern
from agentkit.json_schema.strict_json import JsonValue, LossyFloat

Validity: TypeAlias = Literal["plain", "refers", "unknown"]
"""Certainly valid; valid if its references can be resolved; unknown."""

_DRAFTS = frozenset(
    {
        "https://json-schema.org/draft/2020-12/schema",
        "https://json-schema.org/draft/2019-09/schema",
        "http://json-schema.org/draft-07/schema",
    }
)
_TYPES = frozenset({"string", "integer", "number", "boolean", "null", "array", "object"})
_PLAIN_TYPES: Mapping[str, frozenset[type]] = {
    "string": frozenset({str}),
    "integer": frozenset({int}),
    "number": frozenset({int, float, LossyFloat}),
    "boolean": frozenset({bool}),
}
_TEXT_KEYWORDS = frozenset({"title", "description", "default", "examples", "$comment"})
_PLAIN_FIELD = _TEXT_KEYWORDS | {"type"}
_PLAIN_OBJECT = _TEXT_KEYWORDS | {"type", "properties", "required", "additionalProperties"}


def validity_of(schema: JsonValue) -> Validity:
    """Return what is certain about `schema`."""
    refers = False
    waiting = [_without_draft(schema)]
    while waiting:
        one = waiting.pop()
        if one is True or one is False:
            continue
        if type(one) is not dict:
            return "unknown"
        for name, value in one.items():
            is_right = _VALUES.get(name)
            if is_right is not None and is_right(value):
                refers = refers or name == "$ref"
            elif name in _SCHEMA:
                waiting.append(value)
            elif name in _NAMED and type(value) is dict:
                waiting.extend(value.values())
            elif name in _LISTED and type(value) is list and value:
                waiting.extend(value)
            else:
                return "unknown"
    return "refers" if refers else "plain"


class FlatObjectCheck:
    """Accepts objects with certain fields, each of one type, and no other field."""

    def __init__(self, fields: Mapping[str, frozenset[type]], required: frozenset[str]) -> None:
        self._fields = fields
        self._required = required

    def accepts(self, value: JsonValue) -> bool:
        """Return whether `value` is certainly valid."""
        if type(value) is not dict or not self._required <= value.keys():
            return False
        fields = self._fields
        for name, one in value.items():
            if name not in fields or type(one) not in fields[name]:
                return False
        return True


def flat_object_check(schema: Mapping[str, JsonValue]) -> FlatObjectCheck | None:
    """Return the fast check for `schema`; None if it is not a flat object schema."""
    properties, required = schema.get("properties", {}), schema.get("required", [])
    if schema.get("type") != "object" or not schema.keys() <= _PLAIN_OBJECT:
        return None
    if not isinstance(properties, dict) or not isinstance(required, list):
        return None
    names = frozenset([one for one in required if isinstance(one, str)])
    fields: dict[str, frozenset[type]] = {}
    for name, one in properties.items():
        if not isinstance(one, dict) or not one.keys() <= _PLAIN_FIELD:
            return None
        kind = one.get("type")
        if not isinstance(kind, str) or kind not in _PLAIN_TYPES:
            return None
        fields[name] = _PLAIN_TYPES[kind]
    return FlatObjectCheck(fields, names) if len(names) == len(required) else None


def _without_draft(schema: JsonValue) -> JsonValue:
    """Return the schema without a draft name for which the keywords below have the same meaning."""
    draft = schema.get("$schema") if isinstance(schema, dict) else None
    if not isinstance(schema, dict) or not isinstance(draft, str):
        return schema
    rest = {name: value for name, value in schema.items() if name != "$schema"}
    return rest if draft.rstrip("#") in _DRAFTS else schema


def _is_text(value: JsonValue) -> bool:
    return type(value) is str


def _is_flag(value: JsonValue) -> bool:
    return type(value) is bool


def _is_number(value: JsonValue) -> bool:
    return type(value) in (int, float)


def _is_step(value: JsonValue) -> bool:
    return type(value) in (int, float) and value > 0  # type: ignore[operator]  # it is a number


def _is_count(value: JsonValue) -> bool:
    return type(value) is int and value >= 0


def _is_list(value: JsonValue) -> bool:
    return type(value) is list


def _is_anything(_: JsonValue) -> bool:
    return True


def _is_type(value: JsonValue) -> bool:
    if type(value) is list:
        return bool(value) and _is_names(value) and _TYPES.issuperset(map(str, value))
    return type(value) is str and value in _TYPES


def _is_names(value: JsonValue) -> bool:
    if type(value) is not list or not all(type(one) is str for one in value):
        return False
    return len(set(map(str, value))) == len(value)


def _is_pattern(value: JsonValue) -> bool:
    if type(value) is not str:
        return False
    try:
        check_pattern(value)
    except (PatternError, RecursionError, OverflowError):
        return False
    return True


_SCHEMA = frozenset(
    {"items", "additionalProperties", "contains", "not", "if", "then", "else", "propertyNames"}
)
_NAMED = frozenset({"properties", "$defs", "definitions"})
_LISTED = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_VALUES: Mapping[str, Callable[[JsonValue], bool]] = {
    "type": _is_type,
    "enum": _is_list,
    "required": _is_names,
    "pattern": _is_pattern,
    "multipleOf": _is_step,
    **dict.fromkeys(("title", "description", "format", "$comment"), _is_text),
    **dict.fromkeys(("default", "const"), _is_anything),
    **dict.fromkeys(("uniqueItems", "readOnly", "writeOnly"), _is_flag),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), _is_number),
    **dict.fromkeys(
        ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"),
        _is_count,
    ),
    "examples": _is_list,
    # jsonschema decides about references in any other form.
    "$ref": lambda value: type(value) is str and bool(re.fullmatch(r"#[\w/$.-]*", value)),
}
