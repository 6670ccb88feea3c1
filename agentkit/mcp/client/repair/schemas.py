"""Normalise the JSON Schemas of MCP servers to draft 2020-12.

In:  the schema of a tool as a server lists it, of any draft or of none.
Out: a schema of draft 2020-12 with the same meaning; constraints that cannot be expressed are left
     out, since the server checks its arguments itself.

Servers write schemas by hand, and generate them for other drafts: bounds as booleans (draft 4),
`items` as a list (draft 2019-09 and before), null for keywords that are not set (serialisers of Go
and C#), type names of programming languages. Providers reject a request with such a tool.
"""

from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator

from agentkit.mcp.client.repair.json_paths import place, without

MAX_DEPTH = 100
"""Deeper schemas are returned unchanged; they are rejected when the tool is built."""

_SCHEMAS = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
_SCHEMA_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
_SUBSCHEMAS = (
    "additionalProperties", "contains", "contentSchema", "else", "if", "items", "not",
    "propertyNames", "then", "unevaluatedItems", "unevaluatedProperties",
)  # fmt: skip
_VALUES = frozenset({"const", "default", "enum", "example", "examples"})
_TYPES = {
    "any": None,
    "bool": "boolean",
    "dict": "object",
    "double": "number",
    "float": "number",
    "int": "integer",
    "list": "array",
    "map": "object",
    "none": "null",
    "str": "string",
}
_BOUNDS = (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum"))
_MAX_ROUNDS = 20


def normalize_input_schema(schema: object) -> dict[str, Any]:
    """Return the schema of a tool's arguments, which is always one of an object.

    Args:
        schema: as listed; anything else than a schema means a tool without parameters.
    """
    if not isinstance(schema, dict) or not schema:
        return {"type": "object", "properties": {}}
    normal = _inlined(normalize_schema(schema))
    given = normal.get("type")
    if given is None or (isinstance(given, list) and "object" in given):
        normal["type"] = "object"
    return normal


def normalize_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema as draft 2020-12."""
    normal = _schema(schema, MAX_DEPTH)
    normal.pop("$schema", None)  # it is draft 2020-12 now
    return normal


def drop_invalid_keywords(schema: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return a schema without the keywords that the metaschema rejects, and their places."""
    dropped: list[str] = []
    for _ in range(_MAX_ROUNDS):
        try:
            paths = [tuple(one.absolute_path) for one in _meta_validator.iter_errors(schema)]
        except RecursionError:  # too deep, which is reported when the tool is built
            break
        if not paths or () in paths:
            break
        # The longest first, and each once: a removal must not move what is removed next.
        for path in sorted(set(paths), key=place, reverse=True):
            schema = without(schema, path)
            dropped.append("/".join(map(str, path)))
    return schema, dropped


_meta_validator = Draft202012Validator(Draft202012Validator.META_SCHEMA)


def _schema(schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
    if depth == 0:
        return dict(schema)
    found = {key: one for key, one in schema.items() if one is not None or key in _VALUES}
    _convert_types(found)
    _convert_bounds(found)
    _convert_items(found)
    _convert_dependencies(found)
    for key in _SCHEMAS:
        if isinstance(found.get(key), dict):
            found[key] = {name: _subschema(one, depth - 1) for name, one in found[key].items()}
    for key in _SCHEMA_LISTS:
        if isinstance(found.get(key), list):
            found[key] = [_subschema(one, depth - 1) for one in found[key]]
    for key in _SUBSCHEMAS:
        if key in found:
            found[key] = _subschema(found[key], depth - 1)
    _collect_required(schema, found)
    return found


def _subschema(value: object, depth: int) -> object:
    """Return a schema inside of another; a type name alone means a schema of that type."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        value = {"type": value}
    return _schema(value, depth) if isinstance(value, dict) else {}


def _convert_types(found: dict[str, Any]) -> None:
    """Replace type names of programming languages; an unknown name is left out."""
    given = found.get("type")
    if isinstance(given, str):
        name = _type_name(given)
        found["type"] = name
        if name is None:
            del found["type"]
    elif isinstance(given, list):
        names = [_type_name(one) for one in given if isinstance(one, str)]
        found["type"] = list(dict.fromkeys(name for name in names if name is not None))
        if None in names or not found["type"]:
            del found["type"]


def _type_name(given: str) -> str | None:
    if given in _JSON_TYPES:
        return given
    lower = given.lower()
    return lower if lower in _JSON_TYPES else _TYPES.get(lower)


_JSON_TYPES = frozenset({"array", "boolean", "integer", "null", "number", "object", "string"})


def _convert_bounds(found: dict[str, Any]) -> None:
    """Replace the booleans of draft 4 by the bounds they belong to."""
    for exclusive, inclusive in _BOUNDS:
        if isinstance(found.get(exclusive), bool):
            is_exclusive = found.pop(exclusive)
            if is_exclusive and inclusive in found:
                found[exclusive] = found.pop(inclusive)


def _convert_items(found: dict[str, Any]) -> None:
    """Replace `items` as a list, with `additionalItems`, by `prefixItems` and `items`."""
    more = found.pop("additionalItems", None)
    if isinstance(found.get("items"), list):
        found["prefixItems"] = found.pop("items")
        if more is not None:
            found["items"] = more
        if not found["prefixItems"]:
            del found["prefixItems"]


def _convert_dependencies(found: dict[str, Any]) -> None:
    """Replace `dependencies` by `dependentRequired` and `dependentSchemas`."""
    given = found.pop("dependencies", None)
    for name, one in given.items() if isinstance(given, dict) else ():
        key = "dependentRequired" if isinstance(one, list) else "dependentSchemas"
        found.setdefault(key, {})[name] = one


def _collect_required(schema: Mapping[str, Any], found: dict[str, Any]) -> None:
    """Replace `required: true` of a property, as in draft 3, by the list of its parent."""
    if isinstance(found.get("required"), bool):
        del found["required"]
    properties = schema.get("properties")
    names = [
        name
        for name, one in (properties.items() if isinstance(properties, dict) else ())
        if isinstance(one, dict) and one.get("required") is True
    ]
    if names:
        listed = found.get("required")
        listed = listed if isinstance(listed, list) else []
        found["required"] = [*listed, *(name for name in names if name not in listed)]


def _inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema that is only a local reference as what it refers to.

    Providers want the parameters at the top.
    """
    reference = schema.get("$ref")
    if not isinstance(reference, str) or "properties" in schema:
        return schema
    keyword, _, name = reference.removeprefix("#/").partition("/")
    definitions = schema.get(keyword)
    target = definitions.get(name) if isinstance(definitions, dict) else None
    if not reference.startswith("#/") or not isinstance(target, dict):
        return schema
    return {**{key: one for key, one in schema.items() if key != "$ref"}, **target}
