"""Annotations are resolved as far as a schema needs them."""

from collections.abc import Callable
from typing import Annotated, Any, Optional, TypeVar, Union

import pytest
from typing_extensions import TypeAliasType

from agentkit.errors import ToolDefinitionError
from agentkit.tools.run_context import RunContext
from agentkit.tools.tool import tool
from agentkit.tools.type_hints import Unresolved, is_context, resolve_hints

T = TypeVar("T")
Context = RunContext[int]
Alias = TypeAliasType("Alias", RunContext[int])
Generic = TypeAliasType("Generic", RunContext[T], type_params=(T,))

HINTS: dict[str, tuple[Any, bool]] = {
    "plain": (RunContext, True),
    "with a type": (RunContext[int], True),
    "optional": (Optional[RunContext], True),  # noqa: UP045  # the old form is tested
    "union": (Union[RunContext[int], None], True),  # noqa: UP007  # likewise
    "new union": (RunContext[int] | None, True),
    "annotated": (Annotated[RunContext[int], "the call"], True),
    "annotated and optional": (Annotated[RunContext | None, "the call"], True),
    "assigned alias": (Context, True),
    "alias": (Alias, True),
    "alias of an alias": (TypeAliasType("Other", Alias), True),
    "generic alias": (Generic[int], True),
    "another type": (int, False),
    "a list": (list[RunContext], False),
    "another alias": (TypeAliasType("Number", int), False),
    "nothing": (None, False),
}


@pytest.mark.parametrize("case", HINTS)
def test_a_run_context_is_found_through_other_types(case: str) -> None:
    """The parameter is not part of the schema then."""
    hint, expected = HINTS[case]

    def read(context: Any, a: int) -> str:
        return f"{a} {context.deps}"

    read.__annotations__["context"] = hint

    assert is_context(hint) is expected
    if expected:
        assert tool(read).binding.takes_context
        assert tool(read).input_schema["properties"] == {"a": {"type": "integer"}}


def define(code: str) -> Callable[..., Any]:
    """Return the function `f` of a module with postponed annotations."""
    head = "from __future__ import annotations\nfrom typing import Annotated\n"
    head += "from agentkit.tools.run_context import RunContext\n"
    names: dict[str, Any] = {"__name__": "late"}
    exec(compile(f"{head}{code}", "late.py", "exec"), names)  # noqa: S102  # constant text
    function: Callable[..., Any] = names["f"]
    return function


@pytest.mark.parametrize(
    "signature",
    [
        "def f(context: RunContext[Database], a: int) -> str: ...",
        "def f(context: RunContext[Database] | None, a: int) -> str: ...",
        "def f(context: Annotated[RunContext[Database], Note('x')], a: int) -> str: ...",
        "def f(a: int) -> Frame: ...",
        "def f(a: int) -> list[Frame] | None: ...",
        "async def f(context: RunContext[some.module.Database], a: int) -> Frame: ...",
    ],
)
def test_a_name_that_the_schema_does_not_need_may_be_missing(signature: str) -> None:
    """It was imported for type checkers only."""
    made = tool(define(signature))

    assert made.input_schema["properties"] == {"a": {"type": "integer"}}
    assert made.binding.takes_context is ("RunContext" in signature)
    assert made.output_schema is None or "Frame" not in signature


@pytest.mark.parametrize(
    "signature",
    [
        "def f(a: Frame) -> str: ...",
        "def f(a: list[Frame]) -> str: ...",
        "def f(a: int, b: Frame | None = None) -> str: ...",
    ],
)
def test_a_parameter_that_cannot_be_resolved_is_refused(signature: str) -> None:
    """A model has to know what to send."""
    with pytest.raises(ToolDefinitionError, match="name 'Frame' is not defined"):
        tool(define(signature))


def test_a_context_must_be_the_first_parameter_also_if_its_type_is_missing() -> None:
    """It is not mistaken for an argument."""
    with pytest.raises(ToolDefinitionError, match="make it the first parameter"):
        tool(define("def f(a: int, context: RunContext[Database]) -> str: ..."))


def test_what_can_be_resolved_is_resolved() -> None:
    """The other annotations of the same function too."""
    hints = resolve_hints(define("def f(a: int, b: Frame, c: dict[str, int]) -> str: ..."))

    assert hints["a"] is int
    assert hints["c"] == dict[str, int]
    assert isinstance(hints["b"], Unresolved)
    assert not hints["b"].is_context
