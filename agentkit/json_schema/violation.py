"""Describe the violations of a schema.

In:  the errors of a jsonschema validator.
Out: `Violation`s: the place, the expected and the actual value.

If a value fits none of several alternatives, the closest one is explained, not all of them.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from agentkit.json_schema.pattern import is_additional
from agentkit.json_schema.strict_json import JsonValue
from agentkit.value import dataclass

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One violation of a schema.

    Attributes:
        path: keys and positions from the root to the place.
        expected: a description of the expected value.
        found: a description of the actual value, shortened.
    """

    path: tuple[str | int, ...]
    expected: str
    found: str

    @property
    def place(self) -> str:
        """Return the path as text, e.g. `items[0].name`; empty for the root."""
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
    """Describe `value` in at most one line."""
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


def explain(errors: Iterable[Any], base: tuple[str | int, ...] = ()) -> Iterator[Violation]:
    """Yield violations for the errors of a jsonschema validator, in order.

    Args:
        errors: `jsonschema.ValidationError`s.
        base: the place that their paths are relative to.
    """
    for error in errors:
        path = (*base, *error.path)
        match error.validator:
            case "anyOf" | "oneOf" if error.context:
                yield from _explain_choice(error, path)
            case "additionalProperties":
                yield from _explain_extra(error, path)
            case "dependentRequired" | "dependencies":
                yield _explain_dependency(error, path)
            case _:
                yield Violation(path=path, expected=_expected(error), found=_found(error))


def _expected(error: Any) -> str:  # jsonschema has no types
    """Describe the value that one keyword expects."""
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
    """Explain the closest alternative, or name the types of all."""
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


def _is_other_type(error: Any) -> bool:
    return error.validator == "type" and not error.path


def _distance(form: list[Any]) -> tuple[bool, int]:
    """Order alternatives: one whose constants match comes first, then by the number of errors."""
    return any(error.validator in {"const", "enum"} for error in form), len(form)


def _explain_dependency(error: Any, path: tuple[str | int, ...]) -> Violation:
    """Name the missing field and the field that requires it; each error is about one."""
    given, name = next(
        (given, name)
        for given, needed in error.validator_value.items()
        for name in (needed if isinstance(needed, list) else ())
        if error.message == f"{name!r} is a dependency of {given!r}"
    )
    expected = f"a value, since {shorten(given)!r} is given"
    return Violation(path=(*path, name), expected=expected, found="nothing")


def _explain_extra(error: Any, path: tuple[str | int, ...]) -> Iterator[Violation]:
    """Name each additional field, and the allowed ones."""
    known = error.schema.get("properties", {})
    names = ", ".join(shorten(name) for name in islice(known, 20))
    expected = "no field of this name" + (f" (there are: {names})" if names else "")
    for key, value in error.instance.items():
        if is_additional(key, error.schema):
            yield Violation(path=(*path, key), expected=expected, found=describe(value))
