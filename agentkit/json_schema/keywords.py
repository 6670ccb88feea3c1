"""Keywords of JSON Schema that jsonschema checks without bounds, or reports with too little detail.

In:  what jsonschema passes to a keyword: a validator, the keyword's value, an instance, a schema.
Out: jsonschema's errors.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from jsonschema import ValidationError

from agentkit.json_schema.pattern import has_match, is_additional
from agentkit.json_schema.steps import spend
from agentkit.json_schema.unevaluated import unevaluated_items, unevaluated_properties


def required(validator: Any, names: Any, instance: Any, schema: Any) -> Iterator[Any]:  # noqa: ARG001
    """Put the missing name into the path; jsonschema has it in the message only."""
    if isinstance(instance, dict):
        for name in names:
            if name not in instance:
                yield ValidationError(f"{name!r} is missing", path=[name])


def unique_items(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterator[Any]:  # noqa: ARG001
    """Find a repeated item in linear time; jsonschema may compare each with each."""
    if not wanted or not isinstance(instance, list):
        return
    seen: set[str] = set()
    for position, item in enumerate(instance):
        key = json.dumps(_canonical(item), sort_keys=True)
        spend(1 + len(key) // 64)
        if key in seen:
            yield ValidationError("occurs twice", path=[position], instance=item)
            return
        seen.add(key)


def pattern(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterator[Any]:  # noqa: ARG001
    """Match a text in bounded time; a pattern that cannot be checked admits every text."""
    if isinstance(instance, str):
        spend(1 + len(instance) // 64)
        if has_match(wanted, instance) is False:
            yield ValidationError("does not match")


def pattern_properties(validator: Any, named: Any, instance: Any, schema: Any) -> Iterator[Any]:  # noqa: ARG001
    """Check the properties whose names match, each match in bounded time."""
    if isinstance(instance, dict):
        for text, subschema in named.items():
            spend(1 + len(instance))
            for key, value in instance.items():
                if has_match(text, key):
                    yield from validator.descend(value, subschema, path=key, schema_path=text)


def additional_properties(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterator[Any]:
    """Check the properties that no other keyword names."""
    if not isinstance(instance, dict) or wanted is True:
        return
    spend(1 + len(instance) * (1 + len(schema.get("patternProperties", ()))) // 4)
    extra = [key for key in instance if is_additional(key, schema)]
    if isinstance(wanted, dict):
        for key in extra:
            yield from validator.descend(instance[key], wanted, path=key)
    elif extra:
        yield ValidationError("properties of these names are not allowed")


def is_same_json(one: Any, other: Any) -> bool:
    """Return whether two JSON values are equal; `true` is not 1, but 1.0 is 1."""
    if type(one) is type(other) and isinstance(one, str):
        return bool(one == other)
    return bool(one == other) and _dump(one) == _dump(other)


def _dump(value: Any) -> str:
    return json.dumps(_canonical(value), sort_keys=True)


def _canonical(value: Any) -> Any:
    """Return a value in which equal numbers are written alike: 1.0 is 1 in JSON Schema."""
    match value:
        case float() if value.is_integer():
            return int(value)
        case list():
            return [_canonical(item) for item in value]
        case dict():
            return {key: _canonical(item) for key, item in value.items()}
        case _:
            return value


KEYWORDS: Mapping[str, Callable[..., Iterator[Any]]] = {
    "additionalProperties": additional_properties,
    "pattern": pattern,
    "patternProperties": pattern_properties,
    "required": required,
    "unevaluatedItems": unevaluated_items,
    "unevaluatedProperties": unevaluated_properties,
    "uniqueItems": unique_items,
}
"""The functions that replace jsonschema's own, by the keyword's name."""
