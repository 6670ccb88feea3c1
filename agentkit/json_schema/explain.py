"""Explain in which place and how a value does not match a schema.

In:  the errors of a jsonschema validator.
Out: `Violation`s: the place, what was expected, what was found.

If one of several subschemas would do, the one that comes closest is explained, not all of them: a
model changes what is named, and a list of every alternative hides the one it meant.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from agentkit.json_schema.pattern import is_additional
from agentkit.json_schema.strict_json import JsonValue
from agentkit.json_schema.validator import Violation, describe, shorten

_TYPES = {
    "string": "a text",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
    "array": "an array",
    "object": "an object",
}
_FORMATS = {
    "date": "a date such as 2024-05-31",
    "time": "a time such as 14:30:00",
    "date-time": "a date and time such as 2024-05-31T14:30:00Z",
    "duration": "a duration such as PT1H30M",
    "uuid": "a UUID such as 123e4567-e89b-12d3-a456-426614174000",
    "email": "an e-mail address",
    "uri": "a URI such as https://example.org/page",
    "ipv4": "an IPv4 address",
    "ipv6": "an IPv6 address",
    "regex": "a regular expression",
}
_PHRASES = {
    "minimum": "a number of at least {}",
    "maximum": "a number of at most {}",
    "exclusiveMinimum": "a number above {}",
    "exclusiveMaximum": "a number below {}",
    "multipleOf": "a multiple of {}",
    "minLength": "a text of at least {} characters",
    "maxLength": "a text of at most {} characters",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "minProperties": "at least {} fields",
    "maxProperties": "at most {} fields",
    "pattern": "a text that matches {}",
    "uniqueItems": "no duplicate items",
    "const": "exactly {}",
    "not": "anything but {}",
    "contains": "an item that fits {}",
    "items": "no more items",
    "unevaluatedItems": "no more items",
    "unevaluatedProperties": "no fields beyond those that are described",
}


def explain(errors: Iterable[Any], base: tuple[str | int, ...] = ()) -> Iterator[Violation]:
    """Yield violations for the errors of a jsonschema validator, in their order.

    Args:
        errors: `jsonschema.ValidationError`s.
        base: the place their paths count from.
    """
    for error in errors:
        path = (*base, *error.path)
        match error.validator:
            case "oneOf" if _has_no_tag(error):
                yield from _explain_missing_tag(error, path)
            case "anyOf" | "oneOf" if error.context:
                yield from _explain_choice(error, path)
            case "additionalProperties":
                yield from _explain_extra(error, path)
            case "dependentRequired" | "dependencies":
                yield _explain_dependency(error, path)
            case _:
                yield Violation(path=path, expected=_expected(error), found=_found(error))


def _expected(error: Any) -> str:  # jsonschema has no types
    """Return what one keyword asks for."""
    wanted = error.validator_value
    if error.validator in _SENTENCES:
        return _SENTENCES[error.validator](wanted)
    if error.validator in _PHRASES:
        return _PHRASES[error.validator].format(_brief(wanted))
    return f"a value that meets {error.validator!r}: {_brief(wanted)}"


def _type_names(wanted: Any) -> str:
    names = [wanted] if isinstance(wanted, str) else wanted
    return " or ".join(_TYPES.get(name, name) for name in names)


def _choices(wanted: Any) -> str:
    listed = ", ".join(_brief(item) for item in wanted[:20])
    return f"one of {listed}{', …' if len(wanted) > 20 else ''}"


def _brief(value: JsonValue) -> str:
    return shorten(json.dumps(value, ensure_ascii=False), 80)


_SENTENCES: Mapping[str | None, Callable[[Any], str]] = {
    None: lambda _: "nothing here",
    "type": _type_names,
    "enum": _choices,
    "required": lambda _: "a value, since it is required",
    "format": lambda wanted: _FORMATS.get(wanted, f"a text of the format {wanted!r}"),
    "oneOf": lambda _: "a value that fits exactly one alternative",
}


def _found(error: Any) -> str:
    return "nothing" if error.validator == "required" else describe(error.instance)


def _explain_choice(error: Any, path: tuple[str | int, ...]) -> Iterator[Violation]:
    """Explain the subschema that comes closest, or name the types of all."""
    if "discriminator" in error.schema and (found := list(_explain_tag(error, path))):
        yield from found
        return
    forms: dict[int, list[Any]] = {}
    for inner in error.context:
        forms.setdefault(inner.schema_path[0], []).append(inner)
    close = [inner for inner in forms.values() if not any(map(_is_other_type, inner))]
    if close:
        closest: list[Any] = min(close, key=_distance)
        yield from explain(closest, path)
        return
    expected = dict.fromkeys(_expected(inner) for form in forms.values() for inner in form[:1])
    yield Violation(path=path, expected=" or ".join(expected), found=describe(error.instance))


def _has_no_tag(error: Any) -> bool:
    """Return whether the value of a discriminated union has no tag, so that several may fit."""
    tag = _tag_of(error)
    return tag is not None and isinstance(error.instance, dict) and tag not in error.instance


def _tag_of(error: Any) -> str | None:
    """Return the name of the tag of a discriminated union, as OpenAPI and pydantic declare it."""
    discriminator = error.schema.get("discriminator")
    tag = discriminator.get("propertyName") if isinstance(discriminator, dict) else None
    return tag if isinstance(tag, str) else None


def _explain_missing_tag(error: Any, path: tuple[str | int, ...]) -> Iterator[Violation]:
    """Name the tag and its values, unless the schema requires it, which is reported already."""
    tag = _tag_of(error) or ""
    if tag not in error.schema.get("required", ()):
        yield Violation(path=(*path, tag), expected=_tag_values(error), found="nothing")


def _explain_tag(error: Any, path: tuple[str | int, ...]) -> Iterator[Violation]:
    """Explain the subschema that the tag names, or that the tag names none."""
    tag = _tag_of(error)
    mapping = error.schema["discriminator"].get("mapping")
    if tag is None or not isinstance(mapping, dict) or not isinstance(error.instance, dict):
        return
    given = error.instance.get(tag)
    if not isinstance(given, str) or given not in mapping:
        yield Violation(path=(*path, tag), expected=_tag_values(error), found=describe(given))
        return
    named = [
        inner
        for inner in error.context
        if error.validator_value[inner.schema_path[0]].get("$ref") == mapping[given]
    ]
    yield from explain(named, path)


def _tag_values(error: Any) -> str:
    mapping = error.schema["discriminator"].get("mapping")
    if not isinstance(mapping, dict):
        return "a value, since it decides which fields there are"
    return f"one of {', '.join(_brief(name) for name in islice(mapping, 20))}"


def _is_other_type(error: Any) -> bool:

    return error.validator == "type" and not error.path


def _distance(form: list[Any]) -> tuple[bool, int]:
    """Order subschemas: the one whose constants match is meant, then the one with fewest errors."""
    return any(error.validator in {"const", "enum"} for error in form), len(form)


def _explain_dependency(error: Any, path: tuple[str | int, ...]) -> Violation:
    """Name the missing field and the one that requires it; each error is about one of them."""
    given, name = next(
        (given, name)
        for given, needed in error.validator_value.items()
        for name in (needed if isinstance(needed, list) else ())
        if error.message == f"{name!r} is a dependency of {given!r}"
    )
    expected = f"a value, since {shorten(given)!r} is given"
    return Violation(path=(*path, name), expected=expected, found="nothing")


def _explain_extra(error: Any, path: tuple[str | int, ...]) -> Iterator[Violation]:
    """Name each unknown field, and the known ones."""
    known = error.schema.get("properties", {})
    names = ", ".join(shorten(name) for name in islice(known, 20))
    expected = "no field of this name" + (f" (there are: {names})" if names else "")
    for key, value in error.instance.items():
        if is_additional(key, error.schema):
            yield Violation(path=(*path, key), expected=expected, found=describe(value))
