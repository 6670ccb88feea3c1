"""Python callables as tools: which arguments their signatures require."""

# ruff: noqa: D101, D102, D103  # the functions and classes here are what is looked at

import json
import math
from collections.abc import Callable
from functools import partial, wraps
from typing import Annotated, Any, TypeVar, cast

import pytest
from pydantic import AfterValidator, BaseModel, Field

from agentkit.errors import ToolDefinitionError
from agentkit.tools.run_context import RunContext
from agentkit.tools.tool import tool

T = TypeVar("T")


def received(function: Callable[..., object], arguments: str) -> object:
    """Return what the function of a tool returns for JSON arguments."""
    made = tool(function)
    values = json.loads(arguments)
    assert made.arguments_check.violations(values) == ()
    bound = made.binding.bind(values)
    return made.function(*bound.positional, **bound.named)


def properties(function: Callable[..., object]) -> Any:
    """Return the properties of the derived schema."""
    return tool(function).input_schema["properties"]


def test_a_missing_parameter_keeps_the_default_of_the_function() -> None:
    """The very object, not a copy."""
    marker = object()

    def function(a: int, b: Any = marker, *, c: str = "c") -> object:
        return (a, b is marker, c)

    assert received(function, '{"a": 1}') == (1, True, "c")
    assert received(function, '{"a": 1, "b": 2, "c": "d"}') == (1, False, "d")


def test_defaults_of_pydantic_are_used() -> None:
    """In the annotation, in place of the default, or made by a factory."""

    def function(
        a: Annotated[int, Field(default=1)],
        b: int = Field(2, ge=0),  # the way users of pydantic write it
        c: Annotated[list[int], Field(default_factory=lambda: [3])] = Field(),  # noqa: B008
    ) -> object:
        return (a, b, c)

    assert received(function, "{}") == (1, 2, [3])
    assert "required" not in tool(function).input_schema
    assert properties(function)["b"] == {"type": "integer", "default": 2, "minimum": 0}


def test_names_that_pydantic_reserves_are_allowed() -> None:
    """Such as `model_config` and `copy`."""

    def function(
        _secret: int, schema: int, model_config: int, json: int, copy: int, field_secret: int
    ) -> object:
        return (_secret, schema, model_config, json, copy, field_secret)

    arguments = (
        '{"_secret": 1, "schema": 2, "model_config": 3, "json": 4, "copy": 5, "field_secret": 6}'
    )

    assert received(function, arguments) == (1, 2, 3, 4, 5, 6)
    assert list(properties(function)) == list(json.loads(arguments))


def test_an_alias_is_the_name_in_json() -> None:
    """The model sees the alias, the function its own name."""

    def function(from_: Annotated[str, Field(alias="from")], b: int = 0) -> object:
        """Do.

        Args:
            from_: where from.
            b: how many.
        """
        return (from_, b)

    assert received(function, '{"from": "x"}') == ("x", 0)
    assert properties(function)["from"] == {"type": "string", "description": "where from."}


def test_positional_parameters_are_passed_by_position() -> None:
    """Also if one before is missing."""

    def function(a: int, b: int = 2, c: int = 3, /, d: int = 4) -> object:
        return (a, b, c, d)

    assert received(function, '{"a": 1, "c": 5}') == (1, 2, 5, 4)


def test_a_partial_hides_the_parameters_it_sets() -> None:
    """The model neither sees nor changes them."""

    def send(address: str, key: str, text: str = "") -> object:
        """Send."""
        return (address, key, text)

    bound = partial(partial(send, "h"), key="secret")

    assert list(properties(bound)) == ["text"]
    assert "secret" not in json.dumps(tool(bound).input_schema)
    assert received(bound, '{"text": "x"}') == ("h", "secret", "x")
    assert (tool(bound).name, tool(bound).description) == (
        "send",
        "Send.",
    )


class Counter:
    """Counts."""

    def __init__(self, start: int) -> None:
        self.start = start

    def add(self, by: int) -> int:
        """Add to the count."""
        return self.start + by

    @tool(read_only=True)
    def ahead(self, by: int) -> int:
        """Look ahead."""
        return self.start + by

    @classmethod
    def made(cls, by: int) -> str:
        return f"{cls.__name__}{by}"

    @staticmethod
    def double(by: int) -> int:
        return by * 2

    def __call__(self, by: int) -> int:
        return self.start - by


class Plain:
    def __call__(self, a: int) -> int:
        """Call it."""
        return a


def test_methods_and_callable_objects_are_tools() -> None:
    """Bound ones; `self` is no parameter."""
    counter = Counter(5)

    assert received(counter.add, '{"by": 1}') == 6
    assert received(Counter.made, '{"by": 1}') == "Counter1"
    assert received(Counter.double, '{"by": 1}') == 2
    assert received(counter, '{"by": 1}') == 4
    made = tool(counter)
    assert (made.name, made.description) == ("Counter", "Counts.")
    assert tool(Plain()).description == "Call it."
    assert received(math.sqrt, '{"x": 4}') == 2.0


def test_a_static_method_object_is_a_tool() -> None:
    """`@tool` may be written above `@staticmethod`."""

    class Owner:
        @tool
        @staticmethod
        def double(by: int) -> int:
            return by * 2

    assert Owner.double(4) == 8
    assert list(Owner.double.input_schema["properties"]) == ["by"]  # type: ignore[arg-type]  # an object


def test_a_decorated_method_is_bound_by_its_instance() -> None:
    """The class holds a tool that is not bound yet."""
    bound = Counter(7).ahead

    assert Counter.ahead.method_of == "Counter"
    assert bound.method_of is None
    assert bound(3) == 10
    assert list(bound.input_schema["properties"]) == ["by"]  # type: ignore[arg-type]  # an object
    assert bound.annotations.read_only_hint


def test_a_wrapped_function_keeps_its_signature() -> None:
    """`functools.wraps` is followed; `__signature__` is not overridden."""

    def twice(function: Callable[..., int]) -> Callable[..., int]:
        @wraps(function)
        def run(*args: Any, **kwargs: Any) -> int:
            return 2 * function(*args, **kwargs)

        return run

    @twice
    def add(a: int, b: int) -> int:
        """Add."""
        return a + b

    assert received(add, '{"a": 1, "b": 2}') == 6
    assert tool(add).description == "Add."


def test_a_context_is_not_part_of_the_schema() -> None:
    """With or without its type of dependencies."""

    def first(context: RunContext[int], a: int) -> None: ...
    def second(context: RunContext, a: int) -> None: ...
    def third(context: "RunContext[int]") -> None: ...

    for function, names in ((first, ["a"]), (second, ["a"]), (third, [])):
        made = tool(function)
        assert list(made.input_schema["properties"]) == names  # type: ignore[arg-type]  # an object
        assert made.binding.takes_context


def test_annotations_as_text_may_name_local_types() -> None:
    """As with `from __future__ import annotations` inside a function."""

    class Local(BaseModel):
        a: int

    @tool
    def function(value: "Local") -> int:
        return value.a

    assert function.binding.bind({"value": {"a": 1}}).named == {"value": Local(a=1)}


class Arbitrary:
    pass


class Nested:
    __call__ = Plain()


def args(*numbers: int) -> None: ...
def kwargs(**numbers: int) -> None: ...
def arbitrary(a: int, b: Arbitrary) -> None: ...
def function_type(a: Callable[[], int]) -> None: ...
def unknown(a: "Nowhere") -> None: ...  # type: ignore[name-defined]  # noqa: F821
def late_context(a: int, context: RunContext[int]) -> None: ...
def keyword_context(*, context: RunContext[int]) -> None: ...
def generator() -> Any:
    yield 1


async def async_generator() -> Any:
    yield 1


def bad_pattern(a: Annotated[str, Field(pattern="(")]) -> None: ...
def bad_default(a: int = Field(2, alias="a b", gt="x")) -> None: ...


@pytest.mark.parametrize(
    ("function", "complaint"),
    [
        (args, "args takes '*numbers'; a model needs to know each argument by name"),
        (kwargs, "takes '**numbers'"),
        (arbitrary, "the parameter 'b' has the type"),
        (function_type, "the parameter 'a' has the type"),
        (unknown, "name 'Nowhere' is not defined. Define the name before the tool"),
        (late_context, "takes its RunContext as 'context'; make it the first parameter"),
        (keyword_context, "takes its RunContext by keyword; put it before '*'"),
        (generator, "yields; a tool returns its complete result once"),
        (async_generator, "yields"),
        (Arbitrary, "is a class; pass a function"),
        (max, "has no signature"),
        (bad_pattern, "which no JSON value can be turned into"),
        (bad_default, "cannot be called with JSON"),
        (lambda: 1, "has no name; give one"),
        (cast(Callable[..., object], 5), "5 cannot be a tool; pass a function"),
        (Nested(), "annotation that is not a type"),
    ],
)  # fmt: skip
def test_an_unusable_signature_is_refused_when_the_tool_is_made(
    function: Callable[..., object], complaint: str
) -> None:
    """The message names the function, the parameter and what to do."""
    with pytest.raises(ToolDefinitionError) as caught:
        tool(function)

    assert complaint in str(caught.value)


def test_an_annotation_that_is_not_a_type_is_refused() -> None:
    """With the message of `get_type_hints`."""

    def function(a: Any) -> None: ...

    function.__annotations__["a"] = "int[3]"

    with pytest.raises(ToolDefinitionError, match="annotation that is not a type"):
        tool(function)


def even(value: int) -> int:
    """Refuse odd numbers."""
    if value % 2:
        raise ValueError("odd")
    return value


def test_validators_of_users_run() -> None:
    """After the schema, as pydantic has them."""

    def function(a: Annotated[int, AfterValidator(even)]) -> int:
        return a

    assert received(function, '{"a": 2}') == 2


def test_a_local_function_can_become_a_tool_later() -> None:
    """When the function around it has returned, its names are gone, and are not needed."""

    def outer() -> Callable[[int], int]:
        def inner(a: int) -> int:
            return a

        return inner

    assert received(outer(), '{"a": 1}') == 1
