"""Recognise valid values of a JSON Schema without jsonschema.

In:  a schema that was checked; JSON values.
Out: whether a value certainly matches. All others are left to jsonschema, which also describes what
     is wrong with them.

jsonschema takes 10 to 20 microseconds for each keyword of each value; a list of a thousand objects
took 60 ms. Here a schema becomes a few functions, chosen by the type of a value: `value_checks` has
them. A keyword that is not known here, or that needs more than one look at a value, makes the type
it is about undecided.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias, cast

from agentkit.json_schema import value_checks as checks
from agentkit.json_schema.formats import FORMATS
from agentkit.json_schema.strict_json import JsonObject, JsonValue, LossyFloat
from agentkit.json_schema.validator import NEWEST, SAME_KEYWORDS
from agentkit.json_schema.value_checks import Check, Form

MAX_TRIES = 100_000
"""Tries of alternatives for one value, in each of which it is looked at: nested ones multiply.

A try of a long value counts as several. After that, jsonschema decides, which has its own bound.
"""

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
            return checks.match([value], self._form, [MAX_TRIES])
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
            forms.append(checks.union([self.form(one) for one in _list(schema["anyOf"])]))
        if "oneOf" in schema:
            forms.append(self._one_of(_list(schema["oneOf"])))
        return forms[0] if len(forms) == 1 else checks.intersection(forms)

    def _refer(self, reference: JsonValue) -> Form:
        """Return the form of a reference within the schema; it may be under construction."""
        target = self._target(reference)
        if target is None or not isinstance(reference, str):
            return {}
        if reference in self._referred:
            form = self._referred[reference]
            return form or dict.fromkeys(_ALL_TYPES, checks.deferred(form))
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
        union = checks.union(forms)
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

        return checks.of_texts(checks.of_length(shortest, longest), has_format=has_format)

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
            return checks.undecided  # drafts before 2020-12 check all items by `items`
        if is_unique and (first or not any(rest.keys() <= {kind} for kind in (str, int))):
            return checks.undecided  # 1 and 1.0 are the same; equal objects take a longer look

        has_length = checks.of_length(shortest, longest)
        return checks.of_lists(first, rest, has_length=has_length, is_unique=is_unique)

    def _object(self, schema: JsonObject) -> Check:
        properties = _mapping(schema.get("properties", {}))
        required = frozenset(cast(list[str], _list(schema.get("required", []))))
        additional = schema.get("additionalProperties", True)
        others: Form = {} if additional is False else self.form(additional)
        fields = {name: self.form(one) for name, one in properties.items()}
        return checks.of_objects(fields, required=required, others=others)


_Part: TypeAlias = Callable[[JsonObject], Check | None]


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
            form[kind] = checks.of_members(frozenset(one for one in values if type(one) is kind))
    return form


def _range(schema: JsonObject) -> Check:
    lowest, highest = _limits(schema, "minimum", "maximum", default=float("-inf"))
    above, below = _limits(schema, "exclusiveMinimum", "exclusiveMaximum", default=float("-inf"))

    return checks.of_numbers(lowest, highest, above=above, below=below)


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
