"""Say yes at once to schemas of the usual form, and to values of the simplest ones.

In:  a schema as plain JSON; values.
Out: whether it is certainly a schema of the drafts from 7 on, and what in it refers elsewhere;
     a `Glance`, which knows an object of plain fields at sight.

jsonschema takes 4 ms to hold a schema against the meta-schema, and servers offer hundreds of
tools; most tools take a few texts and numbers, for which it takes a hundred calls of functions.
What is not certain here is for jsonschema to decide, and only it says no, and why.
"""

import re
from collections.abc import Callable, Mapping
from typing import Literal, TypeAlias

from agentkit.json_schema.pattern import PatternError, check_pattern
from agentkit.json_schema.strict_json import JsonValue, LossyFloat

Form: TypeAlias = Literal["plain", "refers", "unknown"]
"""Certainly a schema; one with references, which may still lead nowhere; not certain."""

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
_WORDS = frozenset({"title", "description", "default", "examples", "$comment"})
_PLAIN_FIELD = _WORDS | {"type"}
_PLAIN_OBJECT = _WORDS | {"type", "properties", "required", "additionalProperties"}


def form_of(schema: JsonValue) -> Form:
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


class Glance:
    """Knows the objects that have certain fields, each of one type, and no other field."""

    def __init__(self, fields: Mapping[str, frozenset[type]], required: frozenset[str]) -> None:
        self._fields = fields
        self._required = required

    def fits(self, value: JsonValue) -> bool:
        """Return whether `value` certainly fits."""
        if type(value) is not dict or not self._required <= value.keys():
            return False
        fields = self._fields
        for name, one in value.items():
            if name not in fields or type(one) not in fields[name]:
                return False
        return True


def glance_of(schema: Mapping[str, JsonValue]) -> Glance | None:
    """Return what knows the values of `schema` at sight, if it is of that simple form."""
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
    return Glance(fields, names) if len(names) == len(required) else None


def _without_draft(schema: JsonValue) -> JsonValue:
    """Leave out the name of a draft in which the keywords below mean the same."""
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
    # A reference that is no address of this form is for jsonschema to judge.
    "$ref": lambda value: type(value) is str and bool(re.fullmatch(r"#[\w/$.-]*", value)),
}
