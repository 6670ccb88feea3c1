"""The keywords `unevaluatedProperties` and `unevaluatedItems`, in bounded time.

In:  what jsonschema passes to a keyword: a validator, the keyword's value, an instance, a schema.
Out: jsonschema's errors.

jsonschema's own functions match names with Python's regular expressions, take time that is
quadratic in the instance, and evaluate nested subschemas an exponential number of times.
See https://json-schema.org/draft/2020-12/json-schema-core#section-11.
"""

from collections.abc import Iterator
from typing import Any

from jsonschema import ValidationError
from referencing.jsonschema import lookup_recursive_ref

from agentkit.json_schema.pattern import has_match, is_additional
from agentkit.json_schema.steps import spend


def unevaluated_properties(
    validator: Any, wanted: Any, instance: Any, schema: Any
) -> Iterator[Any]:
    """Check the properties that no other keyword evaluates, also none in a subschema."""
    if not isinstance(instance, dict):
        return
    evaluated = _evaluated_names(validator, instance, schema, is_root=True)
    for name in instance:
        if name not in evaluated and _has_errors(validator, instance[name], wanted):
            yield ValidationError("properties of these names are not allowed")
            return


def unevaluated_items(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterator[Any]:
    """Check the items that no other keyword evaluates, also none in a subschema."""
    if not isinstance(instance, list):
        return
    evaluated = _evaluated_positions(validator, instance, schema, is_root=True)
    for position, item in enumerate(instance):
        if position not in evaluated and _has_errors(validator, item, wanted):
            yield ValidationError("no more items are allowed")
            return


def _evaluated_names(
    validator: Any, instance: dict[str, Any], schema: Any, *, is_root: bool = False
) -> set[str]:
    """Return the names in `instance` that a schema evaluates, if the instance is valid.

    An instance that is not valid has another error, so that what is evaluated does not matter.
    """
    if not isinstance(schema, dict):
        return set()
    spend(1 + len(instance) // 16)
    if not is_root and "unevaluatedProperties" in schema:
        return set(instance)
    found = set(instance) & set(schema.get("properties", ()))
    if "additionalProperties" in schema:
        found |= {name for name in instance if is_additional(name, schema)}
    for pattern in schema.get("patternProperties", ()):
        spend(1 + len(instance))
        found |= {name for name in instance if has_match(pattern, name) is not False}
    for inner, subschema in _in_place(validator, instance, schema):
        found |= _evaluated_names(inner, instance, subschema)
    return found


def _evaluated_positions(
    validator: Any, instance: list[Any], schema: Any, *, is_root: bool = False
) -> set[int]:
    """Return the positions in `instance` that a schema evaluates, if the instance is valid."""
    if not isinstance(schema, dict):
        return set()
    spend(1 + len(instance) // 16)
    everything = set(range(len(instance)))
    items = schema.get("items")
    if not is_root and "unevaluatedItems" in schema:
        return everything
    if isinstance(items, list):  # draft 2019-09
        if "additionalItems" in schema:
            return everything
        found = set(range(len(items)))
    elif items is not None:
        return everything
    else:
        found = set(range(len(schema.get("prefixItems", ()))))
    if "contains" in schema and "contains" in validator.VALIDATORS and not _is_2019(validator):
        contained = schema["contains"]
        found |= {n for n in everything if not _has_errors(validator, instance[n], contained)}
    for inner, subschema in _in_place(validator, instance, schema):
        found |= _evaluated_positions(inner, instance, subschema)
    return found


def _in_place(validator: Any, instance: Any, schema: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
    """Yield the subschemas that apply to the instance itself, each with its validator."""
    yield from _references(validator, schema)
    for subschema in schema.get("allOf", ()):
        yield validator, subschema
    for keyword in ("anyOf", "oneOf"):
        for subschema in schema.get(keyword, ()):
            if not _has_errors(validator, instance, subschema):
                yield validator, subschema
    if "if" in schema:
        is_met = not _has_errors(validator, instance, schema["if"])
        if is_met:
            yield validator, schema["if"]
        yield validator, schema.get("then" if is_met else "else")
    dependent = schema.get("dependentSchemas")
    if isinstance(dependent, dict) and isinstance(instance, dict):
        yield from ((validator, dependent[name]) for name in dependent if name in instance)


def _references(validator: Any, schema: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
    """Yield the schemas that references lead to, each with its validator."""
    for keyword in ("$ref", "$dynamicRef"):
        if isinstance(reference := schema.get(keyword), str):
            yield _resolved(validator, validator._resolver.lookup(reference))
    if "$recursiveRef" in schema:
        yield _resolved(validator, lookup_recursive_ref(validator._resolver))


def _resolved(validator: Any, found: Any) -> tuple[Any, Any]:
    return validator.evolve(schema=found.contents, _resolver=found.resolver), found.contents


def _has_errors(validator: Any, instance: Any, schema: Any) -> bool:
    return next(validator.descend(instance, schema), None) is not None


def _is_2019(validator: Any) -> bool:
    """Return whether the draft is 2019-09, in which `contains` evaluates no items."""
    return "$recursiveRef" in validator.VALIDATORS
