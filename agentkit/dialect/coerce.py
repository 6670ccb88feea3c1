"""Convert strings to the type that a schema requires, if that loses nothing.

In:  a JSON value and a JSON Schema.
Out: the value with such strings converted, and one repair for each.

A string is only converted if the schema allows no string there: exact numbers, `true` and `false`,
and lists or objects that were JSON-encoded twice. A null for an optional property that allows none
counts as "not given" (open models fill every property they know). Whether the result fits the
schema is for the caller to check.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from agentkit.chat import Repair
from agentkit.dialect.lenient_json import LenientJsonError, parse_lenient
from agentkit.dialect.tool_call_assembler import short
from agentkit.json_schema import JsonTextError, JsonValue, parse_json

Schema = Mapping[str, JsonValue]

MAX_REPAIRS = 100
"""Values that are converted in one call; each becomes an event and part of an approval."""

_MAX_DEPTH = 64
_MAX_DIGITS = 300
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]*)")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?")
_BOOLEANS = {"true": True, "false": False, "True": True, "False": False}
_ALL_TYPES = frozenset({"null", "boolean", "integer", "number", "string", "array", "object"})
_ALTERNATIVES = ("anyOf", "oneOf", "allOf")


def coerce(value: JsonValue, schema: Schema) -> tuple[JsonValue, list[Repair]]:
    """Return `value` with strings converted to what `schema` requires, and the repairs.

    If that would take more than `MAX_REPAIRS`, nothing is converted.
    """
    repairs: list[Repair] = []
    try:
        return _Coercion(schema, repairs).run(value), repairs
    except _TooManyRepairsError:
        return value, []


class _TooManyRepairsError(Exception):
    """So many values do not fit that the model should write them again."""


class _Coercion:
    """One walk over a value and its schema, side by side."""

    def __init__(self, root: Schema, repairs: list[Repair]) -> None:
        self._root: dict[str, JsonValue] = dict(root)
        self._repairs = repairs
        self._known_views: dict[int, list[Schema]] = {}

    def run(self, value: JsonValue) -> JsonValue:
        """Return `value` as the root schema requires it."""
        return self.apply(value, self._root, path="", depth=_MAX_DEPTH)

    def apply(self, value: JsonValue, schema: JsonValue, *, path: str, depth: int) -> JsonValue:
        """Return `value` as `schema` requires it, as far as nothing is lost."""
        views = self._views(schema)
        if depth == 0 or not views:
            return value
        if isinstance(value, str):
            turned = self._turn(value, _types(views), path)
            if isinstance(turned, str):
                return value
            return self.apply(turned, schema, path=path, depth=depth - 1)
        if isinstance(value, dict):
            return self._object(value, views, path=path, depth=depth)
        if isinstance(value, list):
            return [
                self.apply(item, _item_schema(views, at), path=f"{path}[{at}]", depth=depth - 1)
                for at, item in enumerate(value)
            ]
        return value

    def _object(
        self, value: dict[str, JsonValue], views: Sequence[Schema], *, path: str, depth: int
    ) -> JsonValue:
        required = {name for view in views for name in _list(view.get("required"))}
        kept: dict[str, JsonValue] = {}
        for key, item in value.items():
            schema = _property_schema(views, key)
            place = f"{path}.{key}" if path else key
            if item is None and key not in required and not self._allows_null(schema):
                self._add(Repair(kind="dropped_null", before=f"{place}: null", after="not given"))
                continue
            kept[key] = self.apply(item, schema, path=place, depth=depth - 1)
        return kept

    def _add(self, repair: Repair) -> None:
        if len(self._repairs) == MAX_REPAIRS:
            raise _TooManyRepairsError
        self._repairs.append(repair)

    def _allows_null(self, schema: JsonValue) -> bool:
        """Return whether null is allowed; a property without a schema may be anything."""
        views = self._views(schema)
        return not views or "null" in _types(views)

    def _turn(self, text: str, types: frozenset[str], path: str) -> JsonValue:
        """Return the value of `text` in one of `types`; `text` itself if a string is allowed."""
        if "string" in types:
            return text
        for kind, turned in _readings(text, types):
            after = json.dumps(turned, ensure_ascii=False)
            place = f"{path}: " if path else ""
            self._add(
                Repair(kind=kind, before=short(f"{place}{text!r}"), after=short(f"{place}{after}"))
            )
            return turned
        return text

    def _views(self, schema: JsonValue) -> list[Schema]:
        """Return the schema with its references and alternatives, each once."""
        if not isinstance(schema, dict):
            return []
        if id(schema) not in self._known_views:
            self._known_views[id(schema)] = self._find_views(schema)
        return self._known_views[id(schema)]

    def _find_views(self, schema: JsonValue) -> list[Schema]:
        found: dict[int, Schema] = {}
        waiting = [schema]
        for one in waiting:
            if not isinstance(one, dict) or id(one) in found:
                continue
            found[id(one)] = one
            reference = one.get("$ref")
            if isinstance(reference, str):
                waiting.append(self._resolve(reference))
            for key in _ALTERNATIVES:
                waiting.extend(_list(one.get(key)))
        return list(found.values())

    def _resolve(self, reference: str) -> JsonValue:
        """Return the target of a reference inside the schema; external ones have none."""
        here: JsonValue = self._root
        if not reference.startswith("#"):
            return None
        for part in reference[1:].split("/")[1:]:
            if not isinstance(here, dict):
                return None
            here = here.get(part.replace("~1", "/").replace("~0", "~"))
        return here


def _readings(text: str, types: frozenset[str]) -> Iterator[tuple[str, JsonValue]]:
    """Yield the exact readings of `text` among `types`."""
    if len(text) <= _MAX_DIGITS:
        if types & {"integer", "number"} and _INTEGER.fullmatch(text):
            yield "coerced_integer", int(text)
        if "number" in types and _NUMBER.fullmatch(text):
            number = float(text)
            if math.isfinite(number) and Decimal(repr(number)) == Decimal(text):
                yield "coerced_number", number
    if "boolean" in types and text in _BOOLEANS:
        yield "coerced_boolean", _BOOLEANS[text]
    for name, kind in (("array", list), ("object", dict)):
        if name in types and text.lstrip()[:1] in ("[", "{"):
            decoded = _decode(text)
            if isinstance(decoded, kind):
                yield f"decoded_{name}", decoded


def _decode(text: str) -> JsonValue:
    """Return the JSON value that is all of `text`, strict or lenient; else None."""
    try:
        return parse_json(text)
    except JsonTextError:
        pass
    try:
        found = parse_lenient(text)
    except LenientJsonError:
        return None
    return found.value if found.deviations and not text[found.end :].strip() else None


def _types(views: Sequence[Schema]) -> frozenset[str]:
    """Return the types that any of `views` allows; all of them if none names a type."""
    found: set[str] = set()
    for view in views:
        named = view.get("type")
        found.update([named] if isinstance(named, str) else _texts(named))
        allowed = [*_list(view.get("enum")), *([view["const"]] if "const" in view else [])]
        if named is None:
            found.update(_type_of(value) for value in allowed)
    return frozenset(found) or _ALL_TYPES


def _type_of(value: JsonValue) -> str:
    names = {
        bool: "boolean",
        int: "integer",
        float: "number",
        str: "string",
        list: "array",
        dict: "object",
    }
    return names.get(type(value), "null")


def _property_schema(views: Sequence[Schema], key: str) -> JsonValue:
    """Return the first schema of the property `key`."""
    for view in views:
        properties = view.get("properties")
        if isinstance(properties, dict) and key in properties:
            return properties[key]
    return next((s for v in views if isinstance(s := v.get("additionalProperties"), dict)), None)


def _item_schema(views: Sequence[Schema], at: int) -> JsonValue:
    """Return the first schema of the item at this position."""
    for view in views:
        first = _list(view.get("prefixItems"))
        if at < len(first):
            return first[at]
        if isinstance(view.get("items"), dict):
            return view["items"]
    return None


def _list(value: JsonValue | None) -> list[JsonValue]:
    return value if isinstance(value, list) else []


def _texts(value: JsonValue | None) -> list[str]:
    return [item for item in _list(value) if isinstance(item, str)]
