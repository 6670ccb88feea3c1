"""What a method is called on is never an argument, whatever it is called."""

from collections.abc import Callable
from typing import Any

import pytest

from agentkit import Agent
from agentkit.errors import ToolDefinitionError
from agentkit.message import AssistantMessage, ToolCall
from agentkit.testing import ScriptedModel
from agentkit.tools import StaticToolset
from agentkit.tools.run_context import RunContext
from agentkit.tools.tool import Tool, tool


class Store:
    """Methods of each kind, with the decorators in either order."""

    name = "store"

    @tool
    def usual(self, a: int) -> str:
        """Add."""
        return f"{self.name} {a}"

    @tool
    def other_name(this, a: int) -> str:  # noqa: N805  # the name is what is tested
        """Add."""
        return f"{this.name} {a}"

    @tool
    def annotated(this: "Store", a: int) -> str:  # noqa: N805  # likewise
        """Add."""
        return f"{this.name} {a}"

    @tool
    def with_context(this, context: RunContext, a: int) -> str:  # noqa: N805  # likewise
        """Add."""
        return f"{this.name} {a} {context.call_id}"

    @tool
    async def waiting(this, a: int) -> str:  # noqa: N805  # likewise
        """Add."""
        return f"{this.name} {a}"

    @classmethod
    @tool
    def class_above(cls, a: int) -> str:
        """Add."""
        return f"{cls.__name__} {a}"

    @classmethod
    @tool
    def class_other_name(klass, a: int) -> str:  # noqa: N804  # likewise
        """Add."""
        return f"{klass.__name__} {a}"

    @tool
    @classmethod
    def class_below(cls, a: int) -> str:
        """Add."""
        return f"{cls.__name__} {a}"

    @staticmethod
    @tool
    def static_above(a: int) -> str:
        """Add."""
        return f"static {a}"

    @tool
    @staticmethod
    def static_below(a: int) -> str:
        """Add."""
        return f"static {a}"

    def undecorated(this, a: int) -> str:  # noqa: N805  # likewise
        """Add."""
        return f"{this.name} {a}"

    @staticmethod
    def undecorated_static(a: int) -> str:
        """Add."""
        return f"static {a}"


class Child(Store):
    """A subclass, to which methods of classes are bound."""

    name = "child"


STORE: Any = Store()
CHILD: Any = Child()
STORE_CLASS: Any = Store
CHILD_CLASS: Any = Child

CASES = {
    "usual": (STORE.usual, "store 1"),
    "another name": (STORE.other_name, "store 1"),
    "annotated": (STORE.annotated, "store 1"),
    "with a context": (STORE.with_context, "store 1 c1"),
    "async": (STORE.waiting, "store 1"),
    "of a subclass": (CHILD.usual, "child 1"),
    "class method": (STORE_CLASS.class_above, "Store 1"),
    "class method, another name": (STORE_CLASS.class_other_name, "Store 1"),
    "class method of an instance": (STORE.class_above, "Store 1"),
    "class method below": (STORE_CLASS.class_below, "Store 1"),
    "class method below of an instance": (STORE.class_below, "Store 1"),
    "class method of a subclass": (CHILD_CLASS.class_below, "Child 1"),
    "static": (STORE_CLASS.static_above, "static 1"),
    "static of an instance": (STORE.static_above, "static 1"),
    "static below": (STORE_CLASS.static_below, "static 1"),
    "bound method": (STORE.undecorated, "store 1"),
    "static, undecorated": (STORE_CLASS.undecorated_static, "static 1"),
}


@pytest.mark.parametrize("case", CASES)
async def test_a_method_runs_with_its_receiver_and_its_arguments(case: str) -> None:
    """The schema holds the arguments alone."""
    function, expected = CASES[case]
    (made,) = StaticToolset([function]).tools
    call = ToolCall(id="c1", name=made.name, arguments='{"a": 1}')

    result = await Agent(
        ScriptedModel(AssistantMessage(tool_calls=[call]), "done"), tools=[made]
    ).run("go")

    properties: Any = made.input_schema["properties"]
    assert list(properties) == ["a"]
    assert result.history[2].text == expected


@pytest.mark.parametrize(
    "function",
    [
        pytest.param(STORE_CLASS.usual, id="usual"),
        pytest.param(STORE_CLASS.other_name, id="another name"),
        pytest.param(STORE_CLASS.annotated, id="annotated"),
        pytest.param(STORE_CLASS.undecorated, id="undecorated"),
    ],
)
def test_a_method_without_an_instance_is_not_offered(function: Any) -> None:
    """Its receiver is not an argument that a model has to fill."""
    with pytest.raises(ToolDefinitionError, match="needs an instance"):
        StaticToolset([function])


def test_a_method_of_a_local_class_is_bound_as_well() -> None:
    """The class cannot be found by its name."""

    class Local:
        @tool
        def other_name(this, a: int) -> int:  # noqa: N805  # likewise
            """Add."""
            return a

        @staticmethod
        @tool
        def static(b: int) -> int:
            """Add."""
            return b

    bound: Tool[..., Any] = Local().other_name
    static: Tool[..., Any] = Local.static

    assert bound.input_schema["properties"] == {"a": {"type": "integer"}}
    assert static.input_schema["properties"] == {"b": {"type": "integer"}}
    assert (bound(3), static(4)) == (3, 4)


def test_a_type_that_no_json_fits_is_reported_for_methods_too() -> None:
    """The error is that of the parameter, not of the receiver."""
    with pytest.raises(ToolDefinitionError, match="the parameter 'a'"):

        class Local:
            @tool
            def add(this, a: Callable[..., int]) -> None:  # noqa: N805  # likewise
                """Add."""
