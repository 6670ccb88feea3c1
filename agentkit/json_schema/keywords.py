"""Keywords of JSON Schema that the library checks without bounds, or tells too little of.

In:  what `jsonschema` gives to a keyword: a validator, the keyword's value, an instance, a schema.
Out: `jsonschema`'s errors.

The library ships no types: its objects are Any.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from agentkit.json_schema.pattern import UnmatchedError, has_match, is_additional
from agentkit.lazy_import import load_object


def required(validator: Any, names: Any, instance: Any, schema: Any) -> Iterator[Any]:  # noqa: ARG001
    """Put the name that is missing into the path, where the library has it in a sentence."""
    if isinstance(instance, dict):
        for name in names:
            if name not in instance:
                yield _error(f"{name!r} is missing", path=[name])


def unique_items(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterator[Any]:  # noqa: ARG001
    """Find an item that stands twice in linear time; the library may compare each with each."""
    if not wanted or not isinstance(instance, list):
        return
    seen: set[str] = set()
    for position, item in enumerate(instance):
        key = json.dumps(_canonical(item), sort_keys=True)
        if key in seen:
            yield _error("stands twice", path=[position], instance=item)
            return
        seen.add(key)


def pattern(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterator[Any]:  # noqa: ARG001
    """Match a text in bounded time."""
    if isinstance(instance, str):
        try:
            is_match = has_match(wanted, instance)
        except UnmatchedError as error:
            yield _error(str(error))
            return
        if not is_match:
            yield _error("does not match")


def pattern_properties(validator: Any, named: Any, instance: Any, schema: Any) -> Iterator[Any]:  # noqa: ARG001
    """Check the fields whose names match, each match in bounded time."""
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
    """Spell equal numbers equally: 1.0 is 1 in JSON Schema."""
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
"""What stands in place of the library's own, by the keyword's name."""
