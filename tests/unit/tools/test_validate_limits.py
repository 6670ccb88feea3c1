"""Large arguments cost their own call, not the event loop; each value is validated once."""

import json
import threading
from typing import Annotated, Any

import pytest
from pydantic import AfterValidator, BaseModel, ValidationInfo, field_validator

from agentkit import Agent
from agentkit.errors import ToolDefinitionError
from agentkit.message import AssistantMessage, ToolCall, ToolResult
from agentkit.testing import ScriptedModel
from agentkit.tools.approval import validate_edited
from agentkit.tools.tool import Tool, tool
from agentkit.tools.validate import LARGE_CHARACTERS, ReadyCall, validate_call, validate_off_loop


@tool
def add(numbers: list[int]) -> int:
    """Add."""
    return sum(numbers)


def call_of(made: Tool, arguments: str) -> ToolCall:
    """Return a call."""
    return ToolCall(id="c1", name=made.name, arguments=arguments)


def numbers_text(count: int, item: str = "1") -> str:
    """Return the arguments of `add` with so many items."""
    return f'{{"numbers": [{",".join([item] * count)}]}}'


@pytest.mark.parametrize("item", ["1", '"1"'], ids=["numbers", "texts for numbers"])
def test_arguments_over_the_limit_are_not_parsed(item: str) -> None:
    """The model reads the limit."""
    text = numbers_text(200_000, item)

    result = validate_call(call_of(add, text), {"add": add})

    assert isinstance(result, ToolResult)
    assert result.is_error
    assert f"have {len(text):,} characters, and at most 262,144 are accepted" in result.text


def test_a_tool_sets_its_own_limit() -> None:
    """Lower or higher."""
    small = tool(name="add", max_arguments_characters=30)(add.function)
    large = tool(name="add", max_arguments_characters=1_000_000)(add.function)

    def is_ready(made: Tool, text: str) -> bool:
        return isinstance(validate_call(call_of(made, text), {"add": made}), ReadyCall)

    assert is_ready(small, numbers_text(3))
    assert not is_ready(small, numbers_text(30))
    assert is_ready(large, numbers_text(200_000))
    with pytest.raises(ToolDefinitionError, match="max_arguments_characters=0"):
        tool(max_arguments_characters=0)(add.function)


def test_a_call_with_too_many_repairs_is_refused() -> None:
    """Each would be an event, and a part of what is confirmed."""
    few = validate_call(call_of(add, numbers_text(100, '"1"')), {"add": add})
    many = validate_call(call_of(add, numbers_text(101, '"1"')), {"add": add})

    assert isinstance(few, ReadyCall)
    assert len(few.repairs) == 100
    assert isinstance(many, ToolResult)
    assert 'numbers[0]: expected an integer, got the text "1"' in many.text


async def test_only_large_arguments_are_validated_in_a_thread() -> None:
    """Their validation takes long enough to delay other tasks."""
    threads: list[threading.Thread] = []

    def note(text: str) -> str:
        threads.append(threading.current_thread())
        return text

    @tool
    def write(text: Annotated[str, AfterValidator(note)]) -> None:
        """Write."""

    for size in (10, LARGE_CHARACTERS):
        arguments = json.dumps({"text": "x" * size})
        ready = await validate_off_loop(call_of(write, arguments), {"write": write})
        assert isinstance(ready, ReadyCall)

    here, other = threads
    assert here is threading.current_thread()
    assert other is not here


@pytest.mark.parametrize(
    "arguments", ['{"numbers": [1]}', '{"numbers": ["1"]}', "{'numbers': [1]}"],
    ids=["valid", "converted", "repaired syntax"],
)  # fmt: skip
def test_the_validators_of_a_type_run_once(arguments: str) -> None:
    """They may look something up, count, or draw an id."""
    seen: list[object] = []

    def note(value: list[int]) -> list[int]:
        seen.append(value)
        return value

    @tool(read_only=True)
    def total(numbers: Annotated[list[int], AfterValidator(note)]) -> None:
        """Add."""

    ready = validate_call(call_of(total, arguments), {"total": total})

    assert isinstance(ready, ReadyCall)
    assert seen == [[1]]
    assert ready.bound.named["numbers"] is seen[0]


class Account(BaseModel):
    """An account that exists."""

    name: str

    @field_validator("name")
    @classmethod
    def _exists(cls, value: str, info: ValidationInfo) -> str:
        if value not in (info.context or ()):
            raise ValueError(f"known are {info.context}")
        return value


@tool(read_only=True)
def look(account: Account) -> str:
    """Look at an account."""
    return account.name


def test_validators_get_the_dependencies_as_their_context() -> None:
    """Also if the arguments were repaired, or edited by a person."""
    deps = ["Ann"]
    call = call_of(look, '{"account": {"name": "Ann"}}')
    texts = [call.arguments, "{'account': {'name': 'Ann'}}"]

    checked: list[Any] = [
        validate_call(call_of(look, text), {"look": look}, deps=deps) for text in texts
    ]
    checked.append(validate_edited(call, call.arguments, {"look": look}, deps=deps))
    refused = validate_call(call, {"look": look}, deps=["Bob"])

    assert [one.bound.named["account"] for one in checked] == [
        Account.model_construct(name="Ann")
    ] * 3
    assert isinstance(refused, ToolResult)
    assert "known are ['Bob']" in refused.text


async def test_the_dependencies_of_a_run_reach_the_validators() -> None:
    """Those of tools and those of the output type."""
    model = ScriptedModel(
        AssistantMessage(tool_calls=[call_of(look, '{"account": {"name": "Ann"}}')]),
        AssistantMessage(
            tool_calls=[ToolCall(id="c2", name="final_answer", arguments='{"name": "Bob"}')]
        ),
        AssistantMessage(
            tool_calls=[ToolCall(id="c3", name="final_answer", arguments='{"name": "Ann"}')]
        ),
    )

    result = await Agent(model, tools=[look], output_type=Account).run("go", deps=["Ann"])

    assert result.output.name == "Ann"
    texts = [one.text for one in result.history if isinstance(one, ToolResult)]
    assert texts[0] == "Ann"
    assert "known are ['Ann']" in texts[1]


async def test_thousands_of_calls_in_one_answer_are_refused_by_the_budget() -> None:
    """Without validating them."""
    seen: list[int] = []

    def note(value: int) -> int:
        seen.append(value)
        return value

    @tool(read_only=True)
    def ping(number: Annotated[int, AfterValidator(note)]) -> int:
        """Ping."""
        return number

    calls = [
        ToolCall(id=f"c{n}", name="ping", arguments=f'{{"number": {n}}}') for n in range(5_000)
    ]
    model = ScriptedModel(AssistantMessage(tool_calls=calls), "done")

    result = await Agent(model, tools=[ping]).run("go")

    assert result.stop_reason == "max_tool_calls"
    assert seen == list(range(200))
    results = [one for one in result.history if isinstance(one, ToolResult)]
    assert [one.is_error for one in results] == [False] * 200 + [True] * 4_800
    assert "may make no more tool calls" in results[-1].text
