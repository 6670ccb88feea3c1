"""How the arguments of a call reach a function, and what it returns becomes JSON.

In:  a JSON object that fits the tool's schema; later, the function's return value.
Out: `BoundArguments`; a JSON value.

A binding may raise anything: types of users have validators of users. Its callers catch.
"""

from collections.abc import Mapping
from dataclasses import field
from numbers import Integral, Real
from typing import Any, Protocol, cast

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import to_json as quick_json
from pydantic_core import to_jsonable_python

from agentkit.json_schema import JsonObject, JsonValue
from agentkit.json_schema.strict_json import LossyFloat
from agentkit.value import dataclass, record


@record
class BoundArguments:
    """Python values, ready to be passed; without a `RunContext`."""

    positional: tuple[object, ...] = field(default=(), kw_only=False)
    named: Mapping[str, object] = field(default_factory=dict, kw_only=False)


class Binding(Protocol):
    """Connects JSON arguments and results with one function."""

    @property
    def takes_context(self) -> bool:
        """Return whether the function wants a `RunContext` before its arguments."""

    @property
    def is_async(self) -> bool:
        """Return whether calling the function returns at once, with something to await."""

    def bind(self, arguments: JsonObject, *, text: str = "", deps: object = None) -> BoundArguments:
        """Turn arguments that are valid against the schema into Python values.

        Args:
            arguments: the JSON values.
            text: the strict JSON text of the arguments, if there is one: it is read faster.
            deps: the caller's dependencies; pydantic validators get them as `info.context`.
        """

    def dump(self, value: object) -> JsonValue:
        """Turn a return value into JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter of a function.

    Attributes:
        name: its name in Python.
        key: its name in JSON.
        attribute: its name in the model that reads the arguments.
        is_positional: it can only be passed by position.
        has_own_default: the default is pydantic's, so the function does not know it.
        default: the function's own default.
    """

    name: str
    key: str
    attribute: str
    is_positional: bool
    has_own_default: bool
    default: object


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionBinding:
    """Reads arguments by the types of a signature.

    A parameter that the call leaves out is not passed: the function's own default applies.
    """

    model: type[BaseModel]
    parameters: tuple[Parameter, ...]
    output: TypeAdapter[Any] | None
    takes_context: bool
    is_async: bool
    has_decimals: bool
    schema: JsonObject = field(default_factory=dict, repr=False)
    deps_type: Any = Any

    def bind(self, arguments: JsonObject, *, text: str = "", deps: object = None) -> BoundArguments:
        """See `Binding`. JSON mode: a strict type of a user still takes a date from a text."""
        if self.has_decimals and is_lossy(arguments):
            raise ValueError(
                "a number has more digits than can be kept; write it as a text in quotes"
            )
        # The model's own `__init__` and `model_` methods stay out of the way of field names.
        validate = self.model.__pydantic_validator__.validate_json
        try:
            read = cast(BaseModel, validate(text or quick_json(arguments), context=deps))
        except ValidationError:
            # The schema accepts its own defaults, such as the null of `limit: int = None`.
            given_values = without_defaults(arguments, self.schema, root=self.schema)
            if given_values == arguments:
                raise
            read = cast(BaseModel, validate(quick_json(given_values), context=deps))
        given = read.__pydantic_fields_set__
        values = read.__dict__
        positional: list[object] = []
        named: dict[str, object] = {}
        for parameter in self.parameters:
            is_given = parameter.attribute in given or parameter.has_own_default
            if parameter.is_positional:
                positional.append(values[parameter.attribute] if is_given else parameter.default)
            elif is_given:
                named[parameter.name] = values[parameter.attribute]
        return BoundArguments(tuple(positional), named)

    def dump(self, value: object) -> JsonValue:
        """See `Binding`. What does not fit the return type is left for the schema to find."""
        if self.output is None:
            return to_json(value)
        return cast(
            JsonValue,
            self.output.dump_python(
                value, mode="json", by_alias=True, warnings=False, fallback=_to_plain
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class HandlerBinding:
    """Passes the arguments on as one object."""

    takes_context: bool
    is_async: bool

    def bind(
        self,
        arguments: JsonObject,
        *,
        text: str = "",  # noqa: ARG002
        deps: object = None,  # noqa: ARG002
    ) -> BoundArguments:
        """See `Binding`. The handler gets its own copy."""
        return BoundArguments(positional=(dict(arguments),))

    def dump(self, value: object) -> JsonValue:
        """See `Binding`."""
        return to_json(value)


def is_lossy(value: JsonValue) -> bool:
    """Return whether a number was rounded when its text was read."""
    if isinstance(value, dict):
        return any(map(is_lossy, value.values()))
    if isinstance(value, list):
        return any(map(is_lossy, value))
    return isinstance(value, LossyFloat)


def to_json(value: object) -> JsonValue:
    """Turn models, dataclasses, dates, containers and the like into JSON.

    Raises:
        Exception: `value` has no JSON form.
    """
    return cast(
        JsonValue,
        to_jsonable_python(value, by_alias=True, inf_nan_mode="constants", fallback=_to_plain),
    )


def _to_plain(value: object) -> object:
    """Return a number or an array of a library, such as numpy's, as Python's own.

    Recognised by what it is able to do, so that no library is imported.
    """
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value)
    to_list = getattr(value, "tolist", None)
    if callable(to_list) and not isinstance(value, type):
        return to_list()
    raise TypeError(f"a value of the type {type(value).__qualname__!r} has no JSON form")


def without_defaults(value: JsonValue, schema: JsonValue, *, root: JsonObject) -> JsonValue:
    """Return `value` without the optional properties that equal their default in the schema.

    Args:
        value: a value that is valid against `schema`.
        schema: a derived schema.
        root: the schema whose `$defs` the references of `schema` lead to.
    """
    if not isinstance(schema, dict):
        return value
    if isinstance(reference := schema.get("$ref"), str):
        definitions = root.get("$defs")
        name = reference.removeprefix("#/$defs/")
        target = definitions.get(name) if isinstance(definitions, dict) else None
        value = without_defaults(value, target, root=root)
    for keyword in ("anyOf", "oneOf", "allOf"):
        for branch in cast(list[JsonValue], schema.get(keyword, [])):
            value = without_defaults(value, branch, root=root)
    if isinstance(value, list) and "items" in schema:
        return [without_defaults(item, schema["items"], root=root) for item in value]
    properties = schema.get("properties")
    if isinstance(value, dict) and isinstance(properties, dict):
        return {
            name: without_defaults(item, properties.get(name), root=root)
            for name, item in value.items()
            if not _is_default(item, properties.get(name))
        }
    return value


def _is_default(value: JsonValue, schema: JsonValue) -> bool:
    return (
        isinstance(schema, dict)
        and "default" in schema
        and type(schema["default"]) is type(value)
        and schema["default"] == value
    )
