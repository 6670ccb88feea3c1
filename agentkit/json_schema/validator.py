"""A JSON Schema with its validator, built once.

In:  a schema (Draft 2020-12, or an older draft named by `$schema`) and JSON values.
Out: `JsonSchema`; what does not match as `Violation`s.

No reference is fetched from the network, and no schema and no value makes a check run without end.

jsonschema takes 4 ms to check a schema against the meta-schema, and servers offer hundreds of
tools. Schemas of the usual keywords are therefore recognised here, and most values by `fast_check`.
jsonschema is loaded at the first schema or value that is not recognised, and only it rejects.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any, Literal, TypeAlias, cast

from agentkit.json_schema.strict_json import JsonObject, JsonValue
from agentkit.lazy_import import LazyModule
from agentkit.value import dataclass

engine: LazyModule = LazyModule("agentkit.json_schema.engine")
fast_check: LazyModule = LazyModule("agentkit.json_schema.fast_check")

MAX_SCHEMA_DEPTH = 100
MAX_VIOLATIONS = 8


class JsonSchema:
    """A schema with its validator, built once. Safe to use from many threads."""

    def __init__(self, schema: Mapping[str, JsonValue], *, is_derived: bool = False) -> None:
        """Keep a copy of `schema`.

        Args:
            schema: a JSON object.
            is_derived: it was derived from types by agentkit. Then the schema itself is not
                checked, and its formats are asserted; in other schemas a format is an annotation.

        Raises:
            JsonSchemaError: it is not a schema, has a reference that leads nowhere, outside, or
                back to itself, or asks for more work than can be done.
        """
        self.schema: JsonObject = _copy(schema)
        self._is_derived = is_derived
        self._validator: Any = None
        self._fast_check: Any = None
        if not is_derived:
            self._check()

    @property
    def unchecked_patterns(self) -> tuple[str, ...]:
        """Return the patterns in the schema that are not checked; see `json_schema.pattern`."""
        found = dict.fromkeys(_patterns_in(self.schema))
        if not found:
            return ()
        unsupported: tuple[str, ...] = engine.find_unsupported_patterns(tuple(found))
        return unsupported

    def violations(
        self, value: JsonValue, *, limit: int = MAX_VIOLATIONS
    ) -> "tuple[Violation, ...]":
        """Return where `value` does not match, at most `limit` places; empty if it matches."""
        if self._fast_check is None:
            self._fast_check = fast_check.FastCheck(self.schema, asserts_formats=self._is_derived)
        if self._fast_check.accepts(value):
            return ()
        found: tuple[Violation, ...] = engine.find_violations(self._build(), value, limit=limit)
        return found

    def _build(self) -> Any:
        """Return jsonschema's validator, which is built once."""
        if self._validator is None:
            self._validator = engine.build_validator(self.schema, asserts_formats=self._is_derived)
        return self._validator

    def _check(self) -> None:
        """Check the schema itself, and every place it refers to."""
        form = validity_of(self.schema)
        if form == "plain":
            return
        engine.check_schema(self.schema, self._build(), is_known_valid=form == "refers")


def _copy(schema: Mapping[str, JsonValue]) -> JsonObject:
    """Return a copy as plain JSON; raise an error if it is not JSON or too deep."""
    if not isinstance(schema, Mapping):
        raise JsonSchemaError(f"a schema is a JSON object, not a {type(schema).__name__}")
    try:
        copied = cast(JsonObject, json.loads(json.dumps(dict(schema), allow_nan=False)))
    except (TypeError, ValueError, RecursionError) as error:
        raise JsonSchemaError(f"it is not JSON: {error}") from error
    level: list[JsonValue] = [copied]
    for _ in range(MAX_SCHEMA_DEPTH):
        level = [
            child
            for item in level
            if isinstance(item, dict | list)
            for child in (item.values() if isinstance(item, dict) else item)
        ]
        if not level:
            return copied
    raise JsonSchemaError(f"it is more than {MAX_SCHEMA_DEPTH} levels deep")


def _patterns_in(schema: JsonValue) -> Iterator[str]:
    """Yield the patterns of a schema and its subschemas."""
    if isinstance(schema, list):
        for item in schema:
            yield from _patterns_in(item)
    elif isinstance(schema, dict):
        for name, value in schema.items():
            if name == "pattern" and isinstance(value, str):
                yield value
            elif name == "patternProperties" and isinstance(value, dict):
                yield from value
            if name not in _DATA:
                yield from _patterns_in(value)


Validity: TypeAlias = Literal["plain", "refers", "unknown"]
"""Certainly valid; valid apart from its references, which may lead nowhere; not certain."""

NEWEST = "https://json-schema.org/draft/2020-12/schema"
SAME_KEYWORDS = frozenset(
    {
        NEWEST,
        "https://json-schema.org/draft/2019-09/schema",
        "http://json-schema.org/draft-07/schema",
    }
)
_TYPES = frozenset({"string", "integer", "number", "boolean", "null", "array", "object"})


def validity_of(schema: JsonValue) -> Validity:
    """Return what is certain about `schema` without jsonschema."""
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


def _without_draft(schema: JsonValue) -> JsonValue:
    """Drop the name of a draft in which the keywords below mean the same."""
    draft = schema.get("$schema") if isinstance(schema, dict) else None
    if not isinstance(schema, dict) or not isinstance(draft, str):
        return schema
    rest = {name: value for name, value in schema.items() if name != "$schema"}
    return rest if draft.rstrip("#") in SAME_KEYWORDS else schema


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


_DATA = frozenset({"default", "examples", "const", "enum"})
_SCHEMA = frozenset(
    {"items", "additionalProperties", "contains", "not", "if", "then", "else", "propertyNames"}
)
_NAMED = frozenset({"properties", "$defs", "definitions"})
_LISTED = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_VALUES: Mapping[str, Callable[[JsonValue], bool]] = {
    "type": _is_type,
    "enum": _is_list,
    "required": _is_names,
    "multipleOf": _is_step,
    **dict.fromkeys(("title", "description", "format", "pattern", "$comment"), _is_text),
    **dict.fromkeys(("default", "const"), _is_anything),
    **dict.fromkeys(("uniqueItems", "readOnly", "writeOnly"), _is_flag),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), _is_number),
    **dict.fromkeys(
        ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"),
        _is_count,
    ),
    "examples": _is_list,
    # Any other reference is left to jsonschema.
    "$ref": lambda value: type(value) is str and bool(re.fullmatch(r"#[\w/$.-]*", value)),
}


class JsonSchemaError(ValueError):
    """The schema itself is not usable; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One place where a value does not match its schema.

    Attributes:
        path: keys and positions from the root to the place.
        expected: a description of what the schema asks for.
        found: a short description of the value at that place.
    """

    path: tuple[str | int, ...]
    expected: str
    found: str

    @property
    def place(self) -> str:
        """Return the path in the usual notation, e.g. `items[0].name`; empty for the root."""
        text = ""
        for part in self.path:
            if isinstance(part, int):
                text += f"[{part}]"
            else:
                text += f".{shorten(part)}" if text else shorten(part)
        return text

    def __str__(self) -> str:
        prefix = f"{self.place}: " if self.path else ""
        return f"{prefix}expected {self.expected}, got {self.found}"


def describe(value: object) -> str:
    """Return a short description of `value`, at most a line long."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, int | float):
        return f"the number {shorten(str(value))}"
    if isinstance(value, str):
        return f"the text {json.dumps(shorten(value), ensure_ascii=False)}"
    if isinstance(value, list):
        return f"an array of {len(value)}" if value else "an empty array"
    if isinstance(value, dict):
        keys = ", ".join(repr(shorten(str(key))) for key in islice(value, 4))
        more = ", …" if len(value) > 4 else ""
        return f"an object with {keys}{more}" if value else "an empty object"
    return f"a value of the type {type(value).__name__}"


def shorten(text: str, limit: int = 60) -> str:
    """Return `text`, cut with an ellipsis if it is longer than `limit` characters."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
