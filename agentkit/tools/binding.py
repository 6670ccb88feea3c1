"""How the arguments of a call reach a function, and what it returns becomes JSON.

In:  a JSON object that fits the tool's schema; later, the function's return value.
Out: `BoundArguments`; a JSON value.

A binding may raise anything: types of users have validators of users. Its callers catch.
"""

from collections.abc import Mapping
from dataclasses import field
from typing import Any, Protocol, cast

from pydantic import BaseModel, TypeAdapter
from pydantic_core import to_json as quick_json
from pydantic_core import to_jsonable_python

from agentkit.json_schema import JsonObject, JsonValue
from agentkit.json_schema.strict_json import LossyFloat
from agentkit.value import dataclass, maker


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundArguments:
    """Python values, ready to be passed; without a `RunContext`."""

    positional: tuple[object, ...] = ()
    named: Mapping[str, object] = field(default_factory=dict)


_bound = maker(BoundArguments)


class Binding(Protocol):
    """Connects JSON arguments and results with one function."""

    @property
    def takes_context(self) -> bool:
        """Return whether the function wants a `RunContext` before its arguments."""

    @property
    def is_async(self) -> bool:
        """Return whether calling the function returns at once, with something to await."""

    def bind(self, arguments: JsonObject) -> BoundArguments:
        """Turn arguments that fit the schema into Python values."""

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

    def bind(self, arguments: JsonObject) -> BoundArguments:
        """See `Binding`. JSON mode: a strict type of a user still takes a date from a text."""
        if self.has_decimals and is_lossy(arguments):
            raise ValueError(
                "a number has more digits than can be kept; write it as a text in quotes"
            )
        # The model's own `__init__` and `model_` methods stay out of the way of field names.
        validator = self.model.__pydantic_validator__
        read = cast(BaseModel, validator.validate_json(quick_json(arguments)))
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
        return _bound(positional=tuple(positional), named=named)

    def dump(self, value: object) -> JsonValue:
        """See `Binding`. What does not fit the return type is left for the schema to find."""
        if self.output is None:
            return to_json(value)
        return cast(
            JsonValue, self.output.dump_python(value, mode="json", by_alias=True, warnings=False)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class HandlerBinding:
    """Passes the arguments on as one object."""

    takes_context: bool
    is_async: bool

    def bind(self, arguments: JsonObject) -> BoundArguments:
        """See `Binding`. The handler gets a copy that is its own."""
        return _bound(positional=(dict(arguments),))

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
    return cast(JsonValue, to_jsonable_python(value, by_alias=True, inf_nan_mode="constants"))
