"""Tools as values: names, options, and tools made from a schema."""

import inspect
from dataclasses import replace
from functools import partial
from typing import Any

import anyio
import pytest

from agentkit.errors import ToolDefinitionError, ToolError
from agentkit.json_schema import JsonValue
from agentkit.tools.run_context import RunContext
from agentkit.tools.tool import Tool, tool
from agentkit.tools.tool_options import ToolAnnotations

OBJECT: dict[str, JsonValue] = {"type": "object", "properties": {"a": {"type": "integer"}}}


def echo(arguments: dict[str, JsonValue]) -> object:
    """Return what came."""
    return arguments


def made(**changes: Any) -> Tool:
    """Make a tool from a schema."""
    given: dict[str, Any] = {
        "name": "echo",
        "description": "Echo.",
        "input_schema": OBJECT,
        "handler": echo,
    }
    return Tool.from_schema(**{**given, **changes})


def test_a_decorated_function_is_still_a_function() -> None:
    """With its options as attributes of the tool."""

    @tool(
        name="plus",
        description="Add up.",
        title="Plus",
        tags=["math"],
        timeout_seconds=2,
        read_only=True,
        destructive=False,
        idempotent=True,
        open_world=False,
        parallel=False,
    )
    def add(a: int, b: int) -> int:
        """Add."""
        return a + b

    assert add(1, b=2) == 3
    assert (add.name, add.description, add.title) == ("plus", "Add up.", "Plus")
    assert (add.tags, add.timeout_seconds, add.parallel) == (frozenset(["math"]), 2, False)
    assert add.annotations == ToolAnnotations(
        read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
    )
    assert add.spec.name == "plus"
    assert add.spec is add.spec
    assert add.origin == (f"{__name__}:test_a_decorated_function_is_still_a_function.<locals>.add")


def test_the_defaults_assume_the_worst() -> None:
    """As MCP has them."""

    @tool
    def add() -> None:
        """Add."""

    assert add.annotations == ToolAnnotations()
    assert not add.annotations.read_only_hint
    assert add.parallel is None


@pytest.mark.parametrize("name", ["a b", "ä", "", "x" * 129, "a/b", "a\n"])
def test_a_name_outside_the_alphabet_is_refused(name: str) -> None:
    """No provider could carry it."""
    with pytest.raises(ToolDefinitionError, match="cannot be the name of a tool"):
        made(name=name)
    with pytest.raises(ToolDefinitionError, match="cannot be the name of a tool"):
        tool(name=name)(len)


@pytest.mark.parametrize("name", ["a", "A-b_c.1", "x" * 128])
def test_a_name_inside_the_alphabet_is_kept(name: str) -> None:
    """From one to 128 characters."""
    assert made(name=name).name == name


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_a_timeout_must_be_above_zero(seconds: float) -> None:
    """No call could ever end in time."""
    with pytest.raises(ToolDefinitionError, match="must be above 0"):
        made(timeout_seconds=seconds)


def test_tags_are_a_collection_of_texts() -> None:
    """One text would be a set of letters."""
    with pytest.raises(ToolDefinitionError, match=r"write tags=\['math'\]"):
        made(tags="math")


def test_a_tool_from_a_schema_passes_the_arguments_on() -> None:
    """As they are, in a copy."""
    arguments: dict[str, JsonValue] = {"a": 1}
    bound = made().binding.bind(arguments)

    assert bound.positional == (arguments,)
    assert bound.positional[0] is not arguments
    assert bound.named == {}


def test_a_schema_without_a_type_is_one_of_an_object() -> None:
    """Providers require `type`; arguments are an object anyway."""
    assert made(input_schema={"oneOf": [{"required": ["a"]}]}).input_schema == {
        "type": "object",
        "oneOf": [{"required": ["a"]}],
    }


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"input_schema": {"type": "array"}}, "input_schema of the tool 'echo' has the type"),
        ({"input_schema": {"type": "objekt"}}, "input_schema of the tool 'echo': type: expected"),
        ({"input_schema": {"$ref": "#/$defs/a"}}, "does not exist"),
        ({"output_schema": {"required": 1}}, "output_schema of the tool 'echo': required"),
        ({"handler": lambda: 1}, "cannot handle calls: it takes ()"),
        ({"handler": lambda a, b, c: 1}, "must take (arguments) or (context, arguments)"),  # noqa: ARG005
    ],
)
def test_a_tool_from_a_bad_schema_is_refused(changes: dict[str, Any], complaint: str) -> None:
    """When it is made, naming the tool and what is wrong with it."""
    with pytest.raises(ToolDefinitionError) as caught:
        made(**changes)

    assert complaint in str(caught.value)


def test_a_handler_of_two_parameters_gets_the_context() -> None:
    """The context first, as in a function."""

    async def handle(context: RunContext[int], arguments: dict[str, JsonValue]) -> object:
        return (context.deps, arguments)

    class Handler:
        async def __call__(self, arguments: dict[str, JsonValue]) -> object:
            return arguments

    assert made(handler=handle).binding.takes_context
    assert made(handler=handle).binding.is_async
    assert not made(handler=echo).binding.takes_context
    assert not made(handler=echo).binding.is_async
    assert not made(handler=partial(handle, None)).binding.takes_context  # type: ignore[arg-type]  # any value
    assert made(handler=partial(handle, None)).binding.is_async  # type: ignore[arg-type]  # any value
    assert made(handler=Handler()).binding.is_async
    assert not made(handler=max).binding.takes_context
    assert not made(handler=lambda arguments, more=1: (arguments, more)).binding.takes_context


def test_tools_are_compared_by_identity() -> None:
    """So that a listing can be compared cheaply with the one before."""
    one = made()

    assert one == one  # identity is what is looked at
    assert one != made()
    assert len({one, made()}) == 2
    assert "echo" in repr(one)


def test_options_are_kept_by_tools_of_other_names() -> None:
    """A prefix changes the name and nothing else."""

    def find_out(context: RunContext, arguments: dict[str, JsonValue]) -> object:
        return context.deps, arguments

    @tool(
        approval="ask",
        accepts_repaired=True,
        polls=True,
        max_concurrency=2,
        concurrency_group="disk",
        find_outcome=find_out,
    )
    def write() -> None:
        """Write."""

    changed = replace(write, name="my_write")

    for one in (write, changed):
        assert (one.approval, one.accepts_repaired, one.polls) == ("ask", True, True)
        assert (one.max_concurrency, one.concurrency_group, one.find_outcome) == (
            2,
            "disk",
            find_out,
        )
        assert not one.is_external


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"approval": "perhaps"}, "approval='perhaps'"),
        ({"max_concurrency": 0}, "max_concurrency=0"),
    ],
)
def test_an_option_out_of_range_is_refused(changes: dict[str, Any], message: str) -> None:
    """When the tool is made, not in the middle of a run."""
    with pytest.raises(ToolDefinitionError, match=message):
        made(**changes)


def test_an_unknown_option_is_refused() -> None:
    """A typing error is not ignored."""
    with pytest.raises(TypeError, match="aproval"):
        made(aproval="ask")


def test_an_external_tool_is_declared_and_cannot_be_run() -> None:
    """Its arguments can be checked all the same."""
    pick = Tool.external(
        name="pick", description="Let the user pick.", input_schema=OBJECT, approval="deny"
    )

    assert pick.is_external
    assert pick.approval == "deny"
    assert pick.spec.input_schema == OBJECT
    assert pick.arguments_check.violations({"a": "x"})
    with pytest.raises(ToolError, match="runs elsewhere"):
        anyio.run(pick, {})


def test_hints_are_options_of_their_own() -> None:
    """And `tool` makes a tool of a function without being a decorator."""

    def add(a: int, b: int) -> int:
        return a + b

    made = tool(add, name="plus", read_only=True, open_world=False)

    assert made.annotations == ToolAnnotations(read_only_hint=True, open_world_hint=False)
    assert (made.name, made(1, 2)) == ("plus", 3)
    with pytest.raises(ToolDefinitionError, match="read_only=True"):
        tool(add, annotations=ToolAnnotations())  # type: ignore[call-overload]  # on purpose


def test_a_tool_looks_like_its_function() -> None:
    """Its name, its signature and what it wraps are those of the function."""

    def add(a: int, b: int = 2) -> int:
        """Add two numbers."""
        return a + b

    made = tool(add, name="plus")

    assert made.__name__ == "add"
    assert made.__wrapped__ is add
    assert inspect.unwrap(made) is add
    assert inspect.signature(made) == inspect.signature(add)


def test_a_tool_whose_function_has_no_name_has_its_own() -> None:
    """A partial, and a lambda."""
    schema = {"type": "object"}
    handled = Tool.from_schema(
        name="f", description="", input_schema=schema, handler=lambda _arguments: 1
    )

    assert handled.__name__ == "f"
    assert tool(partial(len, ()), name="size").__name__ == "size"


def test_the_class_of_tools_wraps_nothing() -> None:
    """So that tools for documentation read the class itself."""
    assert not hasattr(Tool, "__wrapped__")
    assert "input_schema" in inspect.signature(Tool).parameters
