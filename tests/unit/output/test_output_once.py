"""An answer is validated once, and text is an answer if the type admits it."""

import functools
import itertools
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, field_validator

from agentkit import Agent
from agentkit.chat import ModelResponse
from agentkit.errors import ConfigError
from agentkit.history import History
from agentkit.message import AssistantMessage, ToolCall, UserMessage
from agentkit.output.output_plan import plan_output
from agentkit.output.output_type import OutputSettings
from agentkit.testing import ScriptedModel, tool_call
from agentkit.tools.validate import LARGE_CHARACTERS

NUMBERS = itertools.count(1)
SEEN: list[str] = []
WORDS = "There is no such order; please give me its number."


class Ticket(BaseModel):
    """A ticket that draws a number."""

    title: str
    number: int = Field(default_factory=lambda: next(NUMBERS))

    @field_validator("title")
    @classmethod
    def _note(cls, value: str) -> str:
        SEEN.append(value)
        return value


class Order(BaseModel):
    """An order."""

    number: int


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param([tool_call("final_answer", title="Broken")], id="call"),
        pytest.param('{"title": "Broken"}', id="text"),
        pytest.param('Here it is: {"title": "Broken"}', id="object in a text"),
        pytest.param("{'title': 'Broken',}", id="repaired"),
        pytest.param([tool_call("final_answer", title="B" * (LARGE_CHARACTERS + 1))], id="large"),
    ],
)
async def test_the_validators_of_an_answer_run_once(answer: Any) -> None:
    """The value that was judged is the value that the result holds."""
    SEEN.clear()
    before = next(NUMBERS)
    message = answer if isinstance(answer, str) else AssistantMessage(tool_calls=answer)

    result = await Agent(ScriptedModel(message), output_type=Ticket).run("go")

    assert result.output is result.output
    assert result.output.number == before + 1
    assert len(SEEN) == 1


async def test_runs_of_one_agent_do_not_share_answers() -> None:
    """Equal answers of two runs are two values."""
    call = tool_call("final_answer", title="Broken")
    agent = Agent(
        ScriptedModel(AssistantMessage(tool_calls=[call]), AssistantMessage(tool_calls=[call])),
        output_type=Ticket,
    )

    first, second = await agent.run("go"), await agent.run("go")

    assert first.output.number != second.output.number


def create_user(name: str) -> str:
    """Create a user."""
    raise AssertionError(name)


@pytest.mark.parametrize(
    "function",
    [create_user, functools.partial(create_user, "x"), len],
    ids=["function", "partial", "builtin"],
)
def test_a_function_is_not_an_output_type(function: Any) -> None:
    """It would act whenever an answer is validated."""
    with pytest.raises(ConfigError, match="is a function, not a type"):
        Agent(ScriptedModel("x"), output_type=function)


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        (Order | str, WORDS, WORDS),
        (Order | str, '{"number": 7}', Order(number=7)),
        (Order | str, 'Your order: {"number": 7}.', 'Your order: {"number": 7}.'),
        (str | None, WORDS, WORDS),
        (str | None, "null", None),
        (int | str, WORDS, WORDS),
        (int | str, "42", 42),
        (list[int] | Annotated[str, Field(description="why not")], WORDS, WORDS),
        (Any, WORDS, WORDS),
    ],
)
@pytest.mark.parametrize("mode", ["tool", "prompt"])
async def test_text_is_an_answer_if_the_type_admits_text(
    kind: Any, text: str, expected: object, mode: Any
) -> None:
    """The model may say that it cannot answer."""
    model = ScriptedModel(text)

    result = await Agent(model, output_type=kind, output=OutputSettings(mode=mode)).run("go")

    assert result.output == expected
    assert len(model.requests) == 1


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Order | str, '{"number": "x"}'),
        (Order | str, '```json\n{"numbr": 1}\n```'),
        (Order, WORDS),
        (Literal["yes", "no"] | Order, WORDS),
        (Annotated[str, Field(max_length=5)] | Order, WORDS),
        (str | None, "  "),
    ],
)
def test_text_that_is_another_value_with_a_mistake_is_rejected(kind: Any, text: str) -> None:
    """So is text that the type limits."""
    plan = plan_output(kind, default_mode="tool", settings=OutputSettings()).for_run(None)
    response = ModelResponse(message=AssistantMessage(text), finish_reason="stop")

    judged = plan.judge(response, is_closing=False)

    assert judged is not None
    assert not judged.is_accepted


def test_a_history_that_ends_with_text_of_the_type_is_answered() -> None:
    """And its output is read from it."""
    plan = plan_output(Order | str, default_mode="tool", settings=OutputSettings()).for_run(None)
    history = History([UserMessage("go"), AssistantMessage(WORDS)])

    assert plan.is_answered(history)
    assert plan.find(history).values == (WORDS,)
    assert "answer in text" in plan.instructions


def test_a_null_that_is_the_default_is_accepted_in_an_answer() -> None:
    """As in the arguments of a tool."""
    missing: Any = None

    class Page(BaseModel):
        number: int = missing

    plan = plan_output(Page, default_mode="tool", settings=OutputSettings()).for_run(None)
    call = ToolCall(id="c1", name="final_answer", arguments='{"number": null}')
    response = ModelResponse(
        message=AssistantMessage(tool_calls=[call]), finish_reason="tool_calls"
    )

    judged = plan.judge(response, is_closing=False)

    assert judged is not None
    assert judged.is_accepted
