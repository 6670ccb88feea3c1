"""Keywords of JSON Schema that jsonschema checks without bounds or reports too vaguely.

In:  the arguments of a keyword in jsonschema: a validator, the keyword's value, an instance, a
     schema.
Out: `jsonschema.ValidationError`s.

jsonschema has no type annotations: its objects are Any.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from agentkit.json_schema.pattern import UnmatchedError, has_match, is_additional
from agentkit.lazy_import import load_object


def required(validator: Any, names: Any, instance: Any, schema: Any) -> Iterator[Any]:  # noqa: ARG001
    """Report a missing name in the path; jsonschema has it in the message only."""
    if isinstance(instance, dict):
        for name in names:
            if name not in instance:
                yield _error(f"{name!r} is missing", path=[name])


def unique_items(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterator[Any]:  # noqa: ARG001
    """Find a duplicate item in linear time; jsonschema may compare each item with each."""
    if not wanted or not isinstance(instance, list):
        return
    seen: set[str] = set()
    for position, item in enumerate(instance):
        key = json.dumps(_canonical(item), sort_keys=True)
        if key in seen:
            yield _error("is a duplicate", path=[position], instance=item)
            return
        seen.add(key)


def pattern(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterator[Any]:  # noqa: ARG001
    """Match a string in bounded time."""
    if isinstance(instance, str):
        try:
            is_match = has_match(wanted, instance)
        except UnmatchedError as error:
            yield _error(str(error))
            return
        if not is_match:
            yield _error("does not match")


def pattern_properties(validator: Any, named: Any, instance: Any, schema: Any) -> Iterator[Any]:  # noqa: ARG001
    """Check the fields with matching names, each match in bounded time."""
    if isinstance(instance, dict):
        for text, subschema in named.items():
            for key, value in instance.items():
                if has_match(text, key):
                    yield from validator.descend(value, subschema, path=key, schema_path=text)


def additional_properties(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterator[Any]:
    """Check the fields that no other keyword names."""
    if not isinstance(instance, dict) or wanted is True:
        return
    extra = [key for key in instance if is_additional(key, schema)]
    if isinstance(wanted, dict):
        for key in extra:
            yield from validator.descend(instance[key], wanted, path=key)
    elif extra:
        yield _error("fields of these names are not allowed")


def _error(message: str, **facts: Any) -> Any:
    build: Any = load_object("jsonschema:ValidationError")
    return build(message, **facts)


def _canonical(value: Any) -> Any:
    """Return equal numbers in the same form: 1.0 is 1 in JSON Schema."""
    match value:
        case float() if value.is_integer():
            return int(value)
        case list():
            return [_canonical(item) for item in value]
        case dict():
            return {key: _canonical(item) for key, item in value.items()}
        case _:
            return value


BOUNDED: Mapping[str, Callable[..., Iterator[Any]]] = {
    "additionalProperties": additional_properties,
    "pattern": pattern,
    "patternProperties": pattern_properties,
    "required": required,
    "uniqueItems": unique_items,
}
"""Replacements of jsonschema's own checks, by keyword."""
