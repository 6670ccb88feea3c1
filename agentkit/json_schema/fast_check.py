"""Recognise valid values of a JSON Schema without jsonschema.

In:  a schema that was checked; JSON values.
Out: whether a value certainly matches. All others are left to jsonschema, which also describes what
     is wrong with them.

jsonschema takes 10 to 20 microseconds for each keyword of each value; a list of a thousand objects
took 60 ms. Here a schema becomes a few functions, chosen by the type of a value. Each is given all
values of one place at once, such as the same property of all objects in an array, so that most of
the work is done by loops in C. A keyword that is not known here, or that needs more than one look
at a value, makes the type it is about undecided.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence, Sized
from itertools import chain
from operator import itemgetter
from typing import Any, TypeAlias, cast

from agentkit.json_schema.formats import FORMATS
from agentkit.json_schema.strict_json import JsonObject, JsonValue, LossyFloat
from agentkit.json_schema.validator import NEWEST, SAME_KEYWORDS

MAX_TRIES = 100_000
"""Tries of alternatives for one value, in each of which it is looked at: nested ones multiply.

A try of a long value counts as several. After that, jsonschema decides, which has its own bound.
"""

Check: TypeAlias = Callable[[Sequence[Any], list[int]], bool]
"""Returns whether values of one type certainly match, all of them; gets the tries that are left."""

Form: TypeAlias = Mapping[type, Check | None]
"""By the exact type of a value: what it has to pass, None if all values of the type match."""

_NUMBERS = (int, float, LossyFloat)
_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": _NUMBERS,
    "boolean": (bool,),
    "null": (type(None),),
    "array": (list,),
    "object": (dict,),
}
_ALL_TYPES = tuple(dict.fromkeys(kind for kinds in _TYPES.values() for kind in kinds))
_ANYTHING: Form = dict.fromkeys(_ALL_TYPES)

_NOTES = frozenset(
    {
        *("title", "description", "default", "examples", "$comment", "$defs", "definitions"),
        *("readOnly", "writeOnly", "deprecated", "discriminator", "nullable"),
    }
)
"""Keywords that allow nothing less; `default` and `nullable` allow more, which is not used."""
_OF_TEXT = frozenset({"minLength", "maxLength", "format"})
_OF_NUMBERS = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"})
_OF_LISTS = frozenset({"items", "prefixItems", "minItems", "maxItems", "uniqueItems"})
_OF_OBJECTS = frozenset({"properties", "required", "additionalProperties"})
_COMBINED = frozenset({"$ref", "anyOf", "oneOf", "allOf"})
_KNOWN = (
    _NOTES | _OF_TEXT | _OF_NUMBERS | _OF_LISTS | _OF_OBJECTS | _COMBINED
    | {"type", "enum", "const", "$schema"}
)  # fmt: skip
_FLAGS = (str, int, bool, type(None))
"""Types of which two values are equal in JSON Schema if they are equal in Python."""


class FastCheck:
    """Recognises values of one schema."""

    def __init__(self, schema: JsonObject, *, asserts_formats: bool) -> None:
        """Translate a schema that jsonschema would accept.

        Args:
            schema: the schema.
            asserts_formats: `format` is checked; otherwise it is an annotation.
        """
        compiler = _Compiler(schema, asserts_formats=asserts_formats)
        try:
            self._form = compiler.form(schema)
        except (TypeError, ValueError, RecursionError):  # it has a keyword of an unknown form
            self._form = {}

    def accepts(self, value: JsonValue) -> bool:
        """Return whether `value` certainly matches."""
        try:
            return _match([value], self._form, [MAX_TRIES])
        except RecursionError:  # a reference that leads back to itself, or a very deep value
            return False


class _Compiler:
    """Translates the parts of one schema."""

    def __init__(self, root: JsonObject, *, asserts_formats: bool) -> None:
        self._root = root
        self._asserts_formats = asserts_formats
        self._referred: dict[str, dict[type, Check | None]] = {}

    def form(self, schema: JsonValue) -> Form:
        """Return the form of a schema; a type that is missing in it is undecided."""
        if schema is True:
            return _ANYTHING
        if not isinstance(schema, dict):
            return {}
        if any(name not in _KNOWN and not name.startswith("x-") for name in schema):
            return {}
        draft = schema.get("$schema")
        if draft is not None and str(draft).rstrip("#") not in SAME_KEYWORDS:
            return {}
        forms = [self._own(schema)]
        if "$ref" in schema:
            forms.append(self._refer(schema["$ref"]))
        if "allOf" in schema:
            forms.extend(self.form(one) for one in _list(schema["allOf"]))
        if "anyOf" in schema:
            forms.append(_union([self.form(one) for one in _list(schema["anyOf"])]))
        if "oneOf" in schema:
            forms.append(self._one_of(_list(schema["oneOf"])))
        return forms[0] if len(forms) == 1 else _intersection(forms)

    def _refer(self, reference: JsonValue) -> Form:
        """Return the form of a reference within the schema; it may be under construction."""
        target = self._target(reference)
        if target is None or not isinstance(reference, str):
            return {}
        if reference in self._referred:
            form = self._referred[reference]
            return form or dict.fromkeys(_ALL_TYPES, _deferred(form))
        form = self._referred[reference] = {}
        form.update(self.form(target))
        return form

    def _target(self, reference: JsonValue) -> JsonValue:
        """Return what `#/$defs/NAME` refers to; None for any other reference."""
        if reference == "#":
            return self._root
        parts = reference.split("/") if isinstance(reference, str) else []
        if len(parts) != 3 or parts[0] != "#" or parts[1] not in ("$defs", "definitions"):
            return None
        if not parts[2].replace("_", "a").replace("-", "a").isalnum():
            return None  # it may be escaped (RFC 6901)
        named = self._root.get(parts[1])
        return named.get(parts[2]) if isinstance(named, dict) else None

    def _one_of(self, schemas: Sequence[JsonValue]) -> Form:
        """Return a form of alternatives of which no two can match at the same time."""
        forms = [self.form(one) for one in schemas]
        union = _union(forms)
        if self._have_tags(schemas):
            return union
        # Undecided types count as well: what cannot be checked here may match.
        possible = [self._possible_types(one) for one in schemas]
        shared = {kind for kind in union if sum(kind in kinds for kinds in possible) > 1}
        return {kind: check for kind, check in union.items() if kind not in shared}

    def _possible_types(self, schema: JsonValue) -> frozenset[type]:
        """Return the types of which a value may match a schema."""
        if isinstance(schema, dict) and set(schema) == {"$ref"}:
            schema = self._target(schema["$ref"])
        named = schema.get("type") if isinstance(schema, dict) else None
        # Draft-07 ignores the other keywords of a schema with a reference.
        if named is None or _mapping(schema).keys() & {"default", "nullable", "$ref"}:
            return frozenset(_ALL_TYPES)
        found = {kind for name in _names(named) for kind in _TYPES[name]}
        # A whole number in another form, 1.0, is an integer, too.
        return frozenset(found | set(_NUMBERS) if int in found else found)

    def _have_tags(self, schemas: Sequence[JsonValue]) -> bool:
        """Return whether a required property has a different constant in each of the schemas."""
        tagged = []
        for one in schemas:
            if isinstance(one, dict) and set(one) == {"$ref"}:
                one = self._target(one["$ref"])
            if not isinstance(one, dict) or one.get("type") != "object" or "default" in one:
                return False
            properties, needed = _mapping(one.get("properties")), _list(one.get("required", []))
            tags = {
                (name, cast(str, field["const"]))
                for name, field in properties.items()
                if name in needed and isinstance(field, dict) and "default" not in field
                if isinstance(field.get("const"), str) and not field.get("nullable")
            }
            tagged.append(dict(tags))
        names = set(tagged[0]).intersection(*tagged[1:]) if tagged else set()
        return any(len({tags[name] for tags in tagged}) == len(tagged) for name in names)

    def _own(self, schema: JsonObject) -> Form:
        """Return the form of the keywords that look at the value itself."""
        kinds = _ALL_TYPES
        if "type" in schema:
            kinds = tuple(kind for name in _names(schema["type"]) for kind in _TYPES[name])
        if not schema.keys() - _NOTES - _COMBINED - {"type", "$schema"}:
            return dict.fromkeys(kinds)
        if "enum" in schema or "const" in schema:
            return _listed(schema, kinds)
        form: dict[type, Check | None] = dict.fromkeys(kinds)
        parts: tuple[tuple[frozenset[str], tuple[type, ...], _Part], ...] = (
            (_OF_TEXT, (str,), self._text),
            (_OF_NUMBERS, _NUMBERS, _range),
            (_OF_LISTS, (list,), self._list),
            (_OF_OBJECTS, (dict,), self._object),
        )
        for keywords, about, translate in parts:
            if keywords & schema.keys() and form.keys() & set(about):
                check = translate(schema)
                form |= dict.fromkeys(form.keys() & set(about), check)
        return form

    def _text(self, schema: JsonObject) -> Check | None:
        shortest, longest = _limits(schema, "minLength", "maxLength")
        has_format = self._format(schema.get("format"))
        if has_format is None and "minLength" not in schema and "maxLength" not in schema:
            return None

        has_length = _sized(shortest, longest)

        def check(values: Sequence[str], _: list[int]) -> bool:
            return has_length(values) and (has_format is None or all(map(has_format, set(values))))

        return check

    def _format(self, name: JsonValue) -> Callable[[object], bool] | None:
        if not self._asserts_formats or name is None:
            return None
        return FORMATS.get(name) if isinstance(name, str) else None

    def _list(self, schema: JsonObject) -> Check:
        shortest, longest = _limits(schema, "minItems", "maxItems")
        first = tuple(self.form(one) for one in _list(schema.get("prefixItems", [])))
        items = schema.get("items", True)
        rest: Form = {} if items is False else self.form(items)
        is_unique = schema.get("uniqueItems") is True
        if first and str(self._root.get("$schema", NEWEST)).rstrip("#") != NEWEST:
            return _undecided  # drafts before 2020-12 check all items by `items`
        if is_unique and (first or not any(rest.keys() <= {kind} for kind in (str, int))):
            return _undecided  # 1 and 1.0 are the same; equal objects take a longer look

        has_length = _sized(shortest, longest)

        def check(values: Sequence[list[Any]], left: list[int]) -> bool:
            if not has_length(values):
                return False
            for position, form in enumerate(first):
                items = [value[position] for value in values if position < len(value)]
                if not _match(items, form, left):
                    return False
            others = (value[len(first) :] for value in values) if first else values
            if not _match(list(chain.from_iterable(others)), rest, left):
                return False
            return not is_unique or all(len(set(value)) == len(value) for value in values)

        return check

    def _object(self, schema: JsonObject) -> Check:
        properties = _mapping(schema.get("properties", {}))
        required = frozenset(cast(list[str], _list(schema.get("required", []))))
        additional = schema.get("additionalProperties", True)
        others: Form = {} if additional is False else self.form(additional)
        fields = {name: self.form(one) for name, one in properties.items()}
        fields |= dict.fromkeys(required - fields.keys(), others)
        every = [(itemgetter(name), form) for name, form in fields.items()]
        always = [(itemgetter(name), fields[name]) for name in required]

        def check(values: Sequence[dict[str, Any]], left: list[int]) -> bool:
            count = sum(map(len, values))
            if count == len(every) * len(values):
                matched = _match_columns(values, every, left)
                if matched is not None:
                    return matched
            if not _match_columns(values, always, left):
                return False
            if count == len(always) * len(values):
                return True
            rest: dict[str | None, list[Any]] = {}
            for value in values:
                for name, one in value.items():
                    if name not in required:
                        rest.setdefault(name if name in fields else None, []).append(one)
            return all(
                _match(found, others if name is None else fields[name], left)
                for name, found in rest.items()
            )

        return check


_Part: TypeAlias = Callable[[JsonObject], Check | None]
_Column: TypeAlias = tuple[Callable[[dict[str, Any]], Any], Form]


def _undecided(_: Sequence[Any], __: list[int]) -> bool:
    return False


def _match(values: Sequence[Any], form: Form, left: list[int]) -> bool:
    """Return whether values of any types certainly match, all of them."""
    if len(values) == 1:
        check = form.get(type(values[0]), _undecided)
        return check is None or check(values, left)
    kinds = set(map(type, values))
    for kind in kinds:
        check = form.get(kind, _undecided)
        if check is None:
            continue
        own = values if len(kinds) == 1 else [one for one in values if type(one) is kind]
        if not check(own, left):
            return False
    return True


def _match_columns(
    values: Sequence[dict[str, Any]], columns: Sequence[_Column], left: list[int]
) -> bool | None:
    """Return whether properties of objects certainly match; None if an object lacks one."""
    try:
        for read, form in columns:
            if not _match(list(map(read, values)), form, left):
                return False
    except KeyError:
        return None
    return True


def _deferred(form: Form) -> Check:
    """Return a check by a form that is complete only later."""
    return lambda values, left: _match(values, form, left)


def _union(forms: Sequence[Form]) -> Form:
    """Return the form of values that match one of several."""
    found: dict[type, Check | None] = {}
    for kind in _ALL_TYPES:
        checks = [form[kind] for form in forms if kind in form]
        if checks:
            found[kind] = None if None in checks else _first_of(cast(list[Check], checks))
    return found


def _intersection(forms: Sequence[Form]) -> Form:
    """Return the form of values that match all."""
    found: dict[type, Check | None] = {}
    for kind in set(forms[0]).intersection(*forms[1:]):
        checks = [check for form in forms if (check := form[kind]) is not None]
        found[kind] = _all_of(checks) if checks else None
    return found


def _first_of(checks: Sequence[Check]) -> Check:
    """Return a check that one of several has to accept."""
    if len(checks) == 1:
        return checks[0]

    def check(values: Sequence[Any], left: list[int]) -> bool:
        return all(
            any(_may_try(one, left) and is_one(one, left) for is_one in checks)
            for one in zip(values, strict=True)
        )

    return check


def _all_of(checks: Sequence[Check]) -> Check:
    """Return a check that is accepted by all."""
    if len(checks) == 1:
        return checks[0]

    def check(values: Sequence[Any], left: list[int]) -> bool:
        return all(_may_try(values, left) and one(values, left) for one in checks)

    return check


def _may_try(values: Sequence[Any], left: list[int]) -> bool:
    """Count a try of values of one type."""
    left[0] -= len(values)
    if type(values[0]) in (str, list, dict):
        left[0] -= sum(map(len, values)) // 8
    return left[0] >= 0


def _listed(schema: JsonObject, kinds: Iterable[type]) -> Form:
    """Return the form of `enum` and `const`, if there is no other keyword but a type."""
    if schema.keys() - _NOTES - _COMBINED - {"type", "enum", "const", "$schema"}:
        return {}
    values = _list(schema["enum"]) if "enum" in schema else [schema["const"]]
    if "enum" in schema and "const" in schema:
        return {}
    form: dict[type, Check | None] = {}
    for kind in kinds:
        if kind in _FLAGS:
            form[kind] = _member_of(frozenset(one for one in values if type(one) is kind))
    return form


def _member_of(values: frozenset[Any]) -> Check:
    return lambda found, _: values.issuperset(found)


def _range(schema: JsonObject) -> Check:
    lowest, highest = _limits(schema, "minimum", "maximum", default=float("-inf"))
    above, below = _limits(schema, "exclusiveMinimum", "exclusiveMaximum", default=float("-inf"))

    def check(values: Sequence[Any], _: list[int]) -> bool:
        return all(lowest <= value <= highest and above < value < below for value in values)

    return check


def _sized(shortest: float, longest: float) -> Callable[[Sequence[Sized]], bool]:
    """Return a check of the lengths of values."""
    if shortest <= 0 and longest == float("inf"):
        return lambda _: True
    return lambda values: all(shortest <= len(value) <= longest for value in values)


def _limits(schema: JsonObject, low: str, high: str, *, default: float = 0) -> tuple[float, float]:
    """Return two limits of a schema; one that it does not have admits every number."""
    found = (schema.get(low, default), schema.get(high, float("inf")))
    if not all(type(one) in _NUMBERS for one in found):
        raise TypeError("a limit is a number")
    return cast(tuple[float, float], found)


def _names(types: JsonValue) -> Sequence[str]:
    names = types if isinstance(types, list) else [types]
    if not all(isinstance(name, str) and name in _TYPES for name in names):
        raise ValueError("a type that JSON does not have")
    return cast(list[str], names)


def _list(value: JsonValue) -> Sequence[JsonValue]:
    if not isinstance(value, list):
        raise TypeError("a list was expected")
    return value


def _mapping(value: JsonValue) -> Mapping[str, JsonValue]:
    if not isinstance(value, dict):
        raise TypeError("an object was expected")
    return value
