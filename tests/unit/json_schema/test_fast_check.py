"""Valid values are recognised without jsonschema, and only those that it accepts."""

import json
from datetime import date
from itertools import product
from random import Random
from typing import Annotated, Any, Literal, cast

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel, Field, TypeAdapter

from agentkit.json_schema import JsonSchema
from agentkit.json_schema.engine import build_validator, find_violations
from agentkit.json_schema.fast_check import FastCheck
from agentkit.json_schema.strict_json import JsonObject, JsonValue, LossyFloat
from agentkit.json_schema.validator import JsonSchemaError

VALUES: list[JsonValue] = ["", "a", 1, -1, 1.0, 1.5, LossyFloat(0.1), True, None, [], {}]
OBJECTS: list[JsonValue] = [
    *VALUES,
    *[{"a": one, "b": other} for one, other in product(VALUES, VALUES)],
    *[{"b": one, "c": one} for one in VALUES],
    *[[one, other] for one, other in product(VALUES, VALUES)],
]


def check_of(schema: JsonObject, *, asserts_formats: bool = False) -> FastCheck:
    """Return the fast check of a schema."""
    return FastCheck(schema, asserts_formats=asserts_formats)


@pytest.mark.parametrize("kind", ["string", "integer", "number", "boolean"])
@pytest.mark.parametrize("is_open", [True, False])
@pytest.mark.parametrize("required", [[], ["a"], ["a", "b"]])
def test_what_is_recognised_matches(kind: str, is_open: bool, required: list[JsonValue]) -> None:
    """Some values are recognised, and jsonschema accepts each of them."""
    schema: JsonObject = {
        "type": "object",
        "properties": {"a": {"type": kind, "description": "one"}, "b": {"type": "number"}},
        "required": required,
        "additionalProperties": is_open,
    }
    flat = check_of(schema)

    known = [value for value in OBJECTS if flat.accepts(value)]

    assert known
    assert all(Draft202012Validator(schema).is_valid(value) for value in known)


def test_a_property_that_is_required_and_not_allowed_is_missing_in_any_object() -> None:
    """Also in one that has as many properties as are known."""
    schema: JsonObject = {
        "properties": {"a": {}, "b": {}},
        "required": ["a", "c"],
        "additionalProperties": False,
    }
    check = check_of(schema)

    assert not any(check.accepts(value) for value in OBJECTS if isinstance(value, dict))


SCHEMAS: dict[str, JsonObject] = {
    "everything": {},
    "a type or null": {"type": ["object", "null"]},
    "a length": {"type": "object", "properties": {"a": {"type": "string", "minLength": 1}}},
    "a list": {"type": "object", "properties": {"a": {"type": "array"}}},
    "a choice": {"type": "object", "properties": {"a": {"enum": ["a", 1, None]}}},
    "a constant": {"properties": {"a": {"const": 1}}},
    "a text or null": {"type": "object", "properties": {"a": {"type": ["string", "null"]}}},
    "a property of any type": {"type": "object", "properties": {"a": True}},
    "a range": {"type": "object", "properties": {"a": {"minimum": 0, "exclusiveMaximum": 1.5}}},
    "other properties by a schema": {"additionalProperties": {"type": "number"}},
    "items": {"type": "array", "items": {"type": "number"}, "minItems": 1},
    "a tuple": {"type": "array", "prefixItems": [{"type": "string"}], "items": False},
    "a set": {"items": {"type": "string"}, "uniqueItems": True},
    "alternatives": {"items": {"anyOf": [{"type": "string", "minLength": 1}, {"type": "null"}]}},
    "exclusive alternatives": {"items": {"oneOf": [{"type": "string"}, {"type": "null"}]}},
    "a tree": {
        "$ref": "#/$defs/node",
        "$defs": {
            "node": {
                "type": "object",
                "properties": {"a": {"type": "integer"}, "b": {"$ref": "#/$defs/node"}},
            }
        },
    },
    "all of several": {"allOf": [{"required": ["a"]}, {"properties": {"a": {"type": "number"}}}]},
}


@pytest.mark.parametrize("name", SCHEMAS)
def test_usual_keywords_are_recognised(name: str) -> None:
    """For these, jsonschema rejects what is not recognised, but for a few numbers such as 1.0."""
    schema = SCHEMAS[name]
    check, slow = check_of(schema), Draft202012Validator(schema)

    recognised = [value for value in OBJECTS if check.accepts(value)]
    missed = [value for value in OBJECTS if not check.accepts(value) and slow.is_valid(value)]

    assert recognised
    assert all(slow.is_valid(value) for value in recognised)
    assert all("1.0" in json.dumps(value) for value in missed), missed[:3]


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "minProperties": 1},
        {"type": "object", "$schema": "http://json-schema.org/draft-04/schema#"},
        {"type": "object", "required": [1], "properties": {"a": {"minimum": "1"}}},
        {"type": "object", "required": True},
        {"type": "object", "not": {"required": ["a"]}},
        {"type": "object", "patternProperties": {"^a$": {"type": "null"}}},
        {"type": "object", "$ref": "https://example.com/schema"},
        {"type": "object", "$ref": "#/$defs/a~1b", "$defs": {"a~1b": {}, "a/b": False}},
        {"$ref": "#"},
        {"oneOf": [{"type": "object"}, {"type": "object"}]},
        {"oneOf": [{"type": "object"}, {"type": "string", "default": {}}]},
        {"type": "object", "properties": {"a": {"pattern": "x"}}, "required": ["a"]},
        {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "prefixItems": [{"type": "object"}],
            "items": {"type": "string"},
            "type": "array",
        },
    ],
)
def test_what_is_not_known_is_left_to_jsonschema(schema: JsonObject) -> None:
    """Not even a value that matches is recognised."""
    check = check_of(schema)
    values: list[JsonValue] = [{}, {"a": "x"}, [{}], [{"a": 1}]]

    assert not any(check.accepts(value) for value in values)


def test_the_integer_and_the_number_alternatives_are_not_exclusive() -> None:
    """1 matches both, so it does not match exactly one of them."""
    check = check_of({"oneOf": [{"type": "integer"}, {"type": "number"}]})

    assert not any(check.accepts(value) for value in (1, 1.0, 1.5))


def test_references_that_multiply_end_soon() -> None:
    """The alternatives of 60 levels would be tried 2 to the power of 60 times."""
    schema: JsonObject = {
        "$defs": {
            "node": {
                "type": "array",
                "items": {"anyOf": [{"$ref": "#/$defs/node"}, {"$ref": "#/$defs/node"}]},
            }
        },
        "$ref": "#/$defs/node",
    }
    value: JsonValue = [1]
    for _ in range(60):
        value = [value]

    assert not check_of(schema).accepts(value)


def test_a_long_value_is_looked_at_only_so_many_times() -> None:
    """Each of the 5,000 parts of the schema would look at 20,000 items."""
    check = check_of({"allOf": [{"items": {"type": "string"}, "uniqueItems": True}] * 5_000})

    assert check.accepts(["a"] * 1)
    assert not check.accepts([str(number) for number in range(20_000)])


def test_a_value_that_is_deeper_than_the_stack_is_not_recognised() -> None:
    """Values of Python code have no bound of depth."""
    value: list[JsonValue] = []
    for _ in range(100_000):
        value = [value]
    schema: JsonObject = {"type": "array", "items": {"$ref": "#"}}

    assert not check_of(schema).accepts(value)


class Cat(BaseModel):
    """One of two animals."""

    kind: Literal["cat"]
    lives: int = 9


class Dog(BaseModel):
    """The other animal."""

    kind: Literal["dog"]
    born: date | None = None
    friends: "list[Pet]" = Field(default_factory=list)


Pet = Annotated[Cat | Dog, Field(discriminator="kind")]


class Owner(BaseModel):
    """What models are asked for: nested objects, lists, alternatives."""

    name: str = Field(min_length=1)
    pets: list[Pet] = Field(max_length=1000)
    address: dict[str, str | None] | None = None
    place: tuple[float, float] | None = None


Dog.model_rebuild()
OWNER: dict[str, Any] = {
    "name": "Ann",
    "pets": [
        {"kind": "cat"},
        {"kind": "dog", "born": "2020-02-29", "friends": [{"kind": "cat", "lives": 7}]},
    ],
    "address": {"city": "Oslo", "street": None},
    "place": [59.9, 10.75],
}
OWNER_SCHEMA: JsonObject = TypeAdapter(Owner).json_schema()


def test_values_of_nested_models_are_recognised() -> None:
    """Tagged unions, recursive models, optional fields, formats and tuples."""
    assert check_of(OWNER_SCHEMA, asserts_formats=True).accepts(OWNER)


@pytest.mark.parametrize(
    "change",
    [
        {"name": ""},
        {"name": None},
        {"pets": [{"kind": "cow"}]},
        {"pets": [{"kind": "dog", "born": "2021-02-29"}]},
        {"pets": [{"kind": "dog", "friends": [{"kind": "cat", "lives": "7"}]}]},
        {"address": {"city": 1}},
        {"place": [1.0]},
        {"place": [1.0, 2.0, 3.0]},
    ],
)
def test_values_with_a_fault_anywhere_are_not_recognised(change: dict[str, Any]) -> None:
    """Then jsonschema describes where the fault is."""
    value = {**OWNER, **change}

    assert not check_of(OWNER_SCHEMA, asserts_formats=True).accepts(value)
    assert JsonSchema(OWNER_SCHEMA, is_derived=True).violations(value)


TYPES: list[JsonValue] = ["string", "integer", "number", "boolean", "null", "array", "object"]
SCALARS: list[JsonValue] = [None, True, False, -1, 0, 1, 2, -1.5, 1.0, "", "a", "2020-01-01"]


class Draw:
    """Schemas and values by chance; most combinations of keywords make little sense."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)  # noqa: S311 - not a secret

    def value(self, depth: int = 3) -> JsonValue:
        """Return a value."""
        kind = self._random.randrange(4) if depth else 0
        if kind == 2:
            return [self.value(depth - 1) for _ in range(self._random.randrange(4))]
        if kind == 3:
            return {name: self.value(depth - 1) for name in self.names()}
        return self._random.choice(SCALARS)

    def names(self) -> list[str]:
        """Return some names of properties."""
        return self._random.sample(["a", "b", "c"], self._random.randrange(4))

    def schema(self, depth: int = 3) -> JsonObject:
        """Return a schema with a few keywords."""
        choose = self._random.choice

        def inner() -> JsonValue:
            return self.inner(depth - 1)

        several = [inner() for _ in range(self._random.randrange(1, 4))]
        keywords: dict[str, JsonValue] = {
            "type": choose([choose(TYPES), choose(TYPES), [choose(TYPES), "null"]]),
            "enum": self._random.sample(SCALARS, 3),
            "const": choose(SCALARS),
            "default": choose(SCALARS),
            "nullable": choose([True, False]),
            "properties": {name: inner() for name in self.names()},
            "required": cast(JsonValue, self.names()),
            "additionalProperties": inner(),
            "items": inner(),
            "prefixItems": several,
            "uniqueItems": choose([True, False]),
            "minItems": choose([0, 1, 2]),
            "maxItems": choose([0, 1, 2]),
            "minLength": choose([0, 1]),
            "maxLength": choose([0, 1, 9]),
            "minimum": choose([-1, 0, 1.5]),
            "exclusiveMaximum": choose([0, 1.5]),
            "format": choose(["date", "unknown"]),
            "anyOf": several,
            "oneOf": several,
            "allOf": several,
            "not": inner(),
            "$ref": choose(["#/$defs/a", "#/$defs/b"]),
            "x-note": "any",
        }
        named = self._random.sample(list(keywords), self._random.randrange(1, 4))
        return {name: keywords[name] for name in named}

    def inner(self, depth: int) -> JsonValue:
        """Return a schema inside another one."""
        return self.schema(depth) if depth > 0 else self._random.choice([True, True, False])


@pytest.mark.parametrize("draft", ["2020-12", "2019-09", "draft-07"])
@pytest.mark.parametrize("asserts_formats", [True, False])
def test_jsonschema_accepts_all_that_is_recognised(draft: str, asserts_formats: bool) -> None:
    """For any schema that can be used, of these keywords."""
    recognised = 0
    for seed in range(120):
        draw = Draw(seed)
        definitions = {"a": draw.inner(2), "b": draw.inner(2)}
        schema: JsonObject = {"$schema": DRAFTS[draft], **draw.schema(), "$defs": definitions}
        check = check_of(schema, asserts_formats=asserts_formats)
        found = [value for _ in range(20) if check.accepts(value := draw.value())]
        if not found:
            continue
        try:
            JsonSchema(schema)
        except JsonSchemaError:
            continue
        validator = build_validator(schema, asserts_formats=asserts_formats)
        for value in found:
            recognised += 1
            assert find_violations(validator, value, limit=1) == (), (schema, value)
    assert recognised > 300


def test_values_of_an_array_are_recognised_together_as_each_alone() -> None:
    """They are checked at once, also if some lack what others have."""
    together, alone = 0, 0
    for seed in range(400):
        draw = Draw(seed)
        schema: JsonObject = {"items": draw.schema(), "$defs": {"a": draw.inner(1), "b": True}}
        check = check_of(schema)
        values = [draw.value() for _ in range(40)]
        accepted = [value for value in values if check.accepts([value])]
        refused = [value for value in values if not check.accepts([value])]

        assert check.accepts(accepted), (schema, accepted)
        for value in refused[:3]:
            assert not check.accepts([*accepted, value]), (schema, accepted, value)
        together += len(accepted) > 1
        alone += bool(refused)
    assert min(together, alone) > 100


DRAFTS = {
    "2020-12": "https://json-schema.org/draft/2020-12/schema",
    "2019-09": "https://json-schema.org/draft/2019-09/schema",
    "draft-07": "http://json-schema.org/draft-07/schema#",
}
