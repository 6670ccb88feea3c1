"""Say in words where a value does not fit a schema.

In:  the errors of a jsonschema validator.
Out: `Violation`s: the place, what was expected, what stands there.

Where one of several forms would do, the form that came closest is explained, not all of them.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from agentkit.json_schema.value import JsonValue

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
    "uniqueItems": "no item that stands twice",
    "const": "exactly {}",
    "not": "anything but {}",
    "contains": "an item that fits {}",
    "items": "no more items",
    "unevaluatedItems": "no more items",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One place where a value does not fit.

    Attributes:
        path: keys and positions from the root to the place.
        expected: what the schema asks for, in words.
        found: what stands there, in words, shortened.
    """

    path: tuple[str | int, ...]
    expected: str
    found: str

    @property
    def place(self) -> str:
        """Return the path as one reads it, e.g. `items[0].name`; empty for the root."""
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
    """Say in a few words what `value` is; never longer than a line."""
    match value:
        case None:
            return "null"
        case bool():
            return json.dumps(value)
        case int() | float():
            return f"the number {shorten(str(value))}"
        case str():
            return f"the text {json.dumps(shorten(value), ensure_ascii=False)}"
        case list():
            return f"an array of {len(value)}" if value else "an empty array"
        case dict() if not value:
            return "an empty object"
        case dict():
            keys = ", ".join(repr(shorten(key)) for key in islice(value, 4))
            return f"an object with {keys}{', …' if len(value) > 4 else ''}"
        case _:
            return f"a value of the type {type(value).__name__}"


def shorten(text: str, limit: int = 60) -> str:
    """Return `text`, cut with an ellipsis if it is longer than `limit` characters."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def explain(errors: Iterable[Any], base: tuple[str | int, ...] = ()) -> Iterator[Violation]:
    """Yield violations for the errors of a jsonschema validator, in their order.

    Args:
        errors: `jsonschema.ValidationError`s.
        base: the place their paths count from.
    """
    for error in errors:
        path = (*base, *error.path)
        match error.validator:
            case "anyOf" | "oneOf" if error.context:
                yield from _explain_choice(error, path)
            case "additionalProperties" | "unevaluatedProperties":
                yield from _explain_extra(error, path)
            case _:
                yield Violation(path=path, expected=_expected(error), found=_found(error))


def _expected(error: Any) -> str:  # jsonschema has no types
    """Say what one keyword asks for."""
    wanted = error.validator_value
    match error.validator:
        case None:
            return "nothing here"
        case "type":
            names = [wanted] if isinstance(wanted, str) else wanted
            return " or ".join(_TYPES.get(name, name) for name in names)
        case "required":
            return "a value, since it is required"
        case "enum":
            listed = ", ".join(_brief(item) for item in wanted[:20])
            return f"one of {listed}{', …' if len(wanted) > 20 else ''}"
        case "format":
            return _FORMATS.get(wanted, f"a text of the format {wanted!r}")
        case "oneOf":
            return "a value that fits one form only"
        case keyword if keyword in _PHRASES:
            return _PHRASES[keyword].format(_brief(wanted))
        case keyword:
            return f"a value that meets {keyword!r}: {_brief(wanted)}"


def _found(error: Any) -> str:
    return "nothing" if error.validator == "required" else describe(error.instance)


def _explain_choice(error: Any, path: tuple[str | int, ...]) -> Iterator[Violation]:
    """Explain the form that came closest, or name the types of all."""
    forms: dict[int, list[Any]] = {}
    for inner in error.context:
        forms.setdefault(inner.schema_path[0], []).append(inner)
    close = [inner for inner in forms.values() if not any(map(_is_other_type, inner))]
    if close:
        yield from explain(min(close, key=_distance), path)
        return
    expected = dict.fromkeys(_expected(inner) for form in forms.values() for inner in form[:1])
    yield Violation(path=path, expected=" or ".join(expected), found=describe(error.instance))


def _is_other_type(error: Any) -> bool:
    return error.validator == "type" and not error.path


def _distance(form: list[Any]) -> tuple[bool, int]:
    """Order forms: one whose fixed values match is meant, then the one with fewest errors."""
    return any(error.validator in {"const", "enum"} for error in form), len(form)


def _explain_extra(error: Any, path: tuple[str | int, ...]) -> Iterator[Violation]:
    """Name each field too many; a field that a schema allows is none."""
    if isinstance(error.validator_value, dict) or not isinstance(error.schema, Mapping):
        yield Violation(path=path, expected=_expected(error), found=describe(error.instance))
        return
    known = error.schema.get("properties", {})
    names = ", ".join(shorten(name) for name in islice(known, 20))
    expected = "no field of this name" + (f" (there are: {names})" if names else "")
    for key in error.instance:
        if key not in known:
            yield Violation(
                path=(*path, key), expected=expected, found=describe(error.instance[key])
            )


def _brief(value: JsonValue) -> str:
    return shorten(json.dumps(value, ensure_ascii=False), 80)
