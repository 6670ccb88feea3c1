"""Complete runs with structured output, with a scripted model."""

import json
from typing import Any, Literal

import pytest

from agentkit import (
    Agent,
    ConfigError,
    OutputError,
    OutputSettings,
    ToolCall,
    ToolChoice,
    ToolResult,
    UserMessage,
    tool,
)
from agentkit.agent import AgentOptions
from agentkit.errors import ToolDefinitionError
from agentkit.event import AnswerRepaired, OutputRejected, PartialOutputReceived
from agentkit.output.output_plan import ACCEPTED, ONE_ANSWER
from agentkit.output.output_type import NOT_ALONE
from agentkit.testing.scripted import ScriptedModel, tool_call
from tests.integration.output_answers import (
    BY_FORMAT,
    BY_PROMPT,
    INVOICE,
    LOOK_UP,
    RIGHT,
    WRONG,
    Contact,
    Invoice,
    Point,
    answers,
    asks,
    look_up,
    texts,
)


async def test_a_call_of_final_answer_ends_the_run_with_its_value() -> None:
    """After the tools; the history is consistent, and the call has its result."""
    model = ScriptedModel(asks(LOOK_UP), answers(RIGHT))
    agent = Agent[None, Invoice](model, tools=[look_up], output_type=Invoice, instructions="Be.")

    result = await agent.run("What do we owe for A-1?")

    assert result.output == INVOICE
    assert result.text == '{"number": "A-1", "total": "12.50"}'
    assert (result.stop_reason, result.turns) == ("answered", 2)
    assert result.history[-1] == ToolResult("answer001", ACCEPTED)
    assert result.history.open_calls == ()
    first, second = model.requests
    assert [spec.name for spec in first.tools] == ["look_up", "final_answer"]
    assert first.tools is second.tools
    assert first.tool_choice == ToolChoice()
    assert first.instructions.startswith("Be.\n\n")
    assert "final_answer" in first.instructions
    assert first.response_format is None


async def test_without_other_tools_final_answer_is_required_at_once() -> None:
    """The model has nothing else to do."""
    model = ScriptedModel(answers(RIGHT))

    await Agent(model, output_type=Invoice).run("What do we owe?")

    assert model.requests[0].tool_choice == ToolChoice(mode="required", name="final_answer")


@pytest.mark.parametrize(
    ("output_type", "given", "value"),
    [
        (Contact, {"name": "Anna"}, Contact(name="Anna")),
        (Point, {"x": 1, "y": 2}, {"x": 1, "y": 2}),
        (int, {"result": 3}, 3),
        (list[int], {"result": [1, 2]}, [1, 2]),
        (Literal["yes", "no"], {"result": "no"}, "no"),
        (Invoice | None, {"result": None}, None),
        (Invoice | Contact, {"result": {"name": "Anna"}}, Contact(name="Anna")),
        (Invoice | Contact, {"result": RIGHT}, INVOICE),
    ],
    ids=["dataclass", "typed dict", "int", "list", "literal", "nothing", "union", "union 2"],
)
async def test_any_type_can_be_an_output_type(output_type: Any, given: Any, value: object) -> None:
    """A type that is not an object in JSON is wrapped in one."""
    result = await Agent(ScriptedModel(answers(given)), output_type=output_type).run("go")

    assert result.output == value


async def test_an_invalid_answer_is_returned_to_the_model_with_its_errors() -> None:
    """It may try again, and the history shows both."""
    model = ScriptedModel(answers(WRONG), answers(RIGHT, call_id="answer002"))
    agent = Agent(model, output_type=Invoice)

    async with agent.stream("go") as run:
        events = [event async for event in run]

    assert run.result.output == INVOICE
    rejection = run.result.history[2]
    assert isinstance(rejection, ToolResult)
    assert rejection.is_error
    assert "total" in rejection.text
    assert [event for event in events if isinstance(event, OutputRejected)] == [
        OutputRejected(attempt=1, reason=rejection.text)
    ]


async def test_a_valid_answer_in_text_is_accepted() -> None:
    """Models forget to call the tool; the repair is reported."""
    model = ScriptedModel('Here you are:\n```json\n{"number": "A-1", "total": "12.50"}\n```')

    async with Agent(model, tools=[look_up], output_type=Invoice).stream("go") as run:
        events = [event async for event in run]

    assert run.result.output == INVOICE
    kinds = [event.repair.kind for event in events if isinstance(event, AnswerRepaired)]
    assert kinds == ["json_in_text"]


async def test_after_an_answer_in_prose_the_call_is_required() -> None:
    """The model is done; only the format is missing."""
    model = ScriptedModel("It is 12.50.", answers(RIGHT))

    result = await Agent(model, tools=[look_up], output_type=Invoice).run("go")

    assert result.output == INVOICE
    assert model.requests[1].tool_choice == ToolChoice(mode="required", name="final_answer")
    complaint = result.history[2]
    assert isinstance(complaint, UserMessage)
    assert "not one JSON object" in complaint.text


async def test_an_answer_next_to_other_calls_is_rejected_until_they_have_results() -> None:
    """It was made without them; the other calls run."""
    both = asks(LOOK_UP, ToolCall(id="answer001", name="final_answer", arguments=json.dumps(RIGHT)))
    model = ScriptedModel(both, answers(RIGHT, call_id="answer002"))

    result = await Agent(model, tools=[look_up], output_type=Invoice).run("go")

    assert result.output == INVOICE
    assert texts(result.history)[2:4] == ["A-1: 12.50", NOT_ALONE]
    assert result.turns == 2


async def test_two_answers_in_one_turn_are_rejected() -> None:
    """It is unknown which one was meant."""
    two = asks(
        ToolCall(id="answer001", name="final_answer", arguments=json.dumps(RIGHT)),
        ToolCall(id="answer002", name="final_answer", arguments=json.dumps(RIGHT)),
    )
    model = ScriptedModel(two, answers(RIGHT, call_id="answer003"))

    result = await Agent(model, output_type=Invoice).run("go")

    assert texts(result.history)[2] == ONE_ANSWER.format(count=2)
    assert result.turns == 2


@pytest.mark.parametrize("options", [BY_PROMPT, BY_FORMAT], ids=["prompt", "response_format"])
async def test_an_answer_as_json_text_is_parsed(options: AgentOptions) -> None:
    """The schema is in the instructions in both modes."""
    model = ScriptedModel("about 12.50", '{"number": "A-1", "total": "12.50"}')
    agent = Agent(model, output_type=Invoice, **options)

    result = await agent.run("go")

    assert result.output == INVOICE
    first = model.requests[0]
    assert first.tools == ()
    assert '"exclusiveMinimum"' in first.instructions
    is_asked_of_provider = options is BY_FORMAT
    assert (first.response_format is not None) == is_asked_of_provider
    assert isinstance(result.history[2], UserMessage)


async def test_no_response_format_is_sent_while_tools_are_offered() -> None:
    """Many providers reject both at once, or never call a tool then."""
    model = ScriptedModel(asks(LOOK_UP), '{"number": "A-1", "total": "12.50"}')

    result = await Agent(model, tools=[look_up], output_type=Invoice, **BY_FORMAT).run("go")

    assert result.output == INVOICE
    assert [request.response_format for request in model.requests] == [None, None]


async def test_a_required_tool_comes_before_the_answer() -> None:
    """The caller wants its call to run."""
    model = ScriptedModel(asks(LOOK_UP), answers(RIGHT))
    agent = Agent(model, tools=[look_up], output_type=Invoice)

    result = await agent.run("go", tool_choice="required")

    assert result.output == INVOICE
    assert [spec.name for spec in model.requests[0].tools] == ["look_up"]
    assert len(model.requests[1].tools) == 2


async def test_final_answer_may_be_called_with_the_tool_choice_none() -> None:
    """It has no effects."""
    model = ScriptedModel(answers(RIGHT))

    await Agent(model, tools=[look_up], output_type=Invoice).run("go", tool_choice="none")

    assert [spec.name for spec in model.requests[0].tools] == ["final_answer"]


async def test_final_answer_needs_no_approval() -> None:
    """A rule that asks for every call still lets the run end; other calls need approval."""
    model = ScriptedModel(asks(LOOK_UP, *answers(RIGHT).tool_calls))
    asked: list[str] = []

    def rule(call: Any) -> Literal["ask"]:
        asked.append(call.call.name)
        return "ask"

    agent = Agent(model, tools=[look_up], output_type=Invoice, approve=rule)

    result = await agent.run("go")

    assert result.stop_reason == "suspended"
    assert asked == ["look_up"]
    with pytest.raises(OutputError, match="suspended"):
        _ = result.output


async def test_a_tool_named_final_answer_is_an_error_that_names_the_option() -> None:
    """Calls of the two could not be distinguished."""

    @tool(name="final_answer")
    def other() -> str:
        """Do something else."""
        return ""

    agent = Agent(ScriptedModel(answers(RIGHT)), tools=[other], output_type=Invoice)

    with pytest.raises(ToolDefinitionError, match="OutputSettings"):
        await agent.run("go")


async def test_final_answer_can_have_another_name() -> None:
    """Then both tools are offered."""
    options = AgentOptions(output=OutputSettings(name="submit", description="Submit it."))
    model = ScriptedModel(asks(tool_call("submit", **RIGHT)))

    result = await Agent(model, output_type=Invoice, **options).run("go")

    assert result.output == INVOICE
    assert model.requests[0].tools[0].description == "Submit it."


@pytest.mark.parametrize("output_type", [object(), "NoSuchType"])
def test_a_type_without_a_json_schema_is_rejected_when_the_agent_is_built(output_type: Any) -> None:
    """Not during a run."""
    with pytest.raises(ConfigError, match="output_type="):
        Agent(ScriptedModel(), output_type=output_type)


async def test_partial_output_is_reported_while_text_arrives() -> None:
    """As far as it can be parsed."""
    agent = Agent(ScriptedModel('{"result": [1, 2, 3]}'), output_type=list[int], **BY_PROMPT)

    async with agent.stream("go") as run:
        events = [event async for event in run]

    assert PartialOutputReceived(value=[1, 2, 3]) in events
    assert run.result.output == [1, 2, 3]


def test_run_sync_has_an_output_type_too() -> None:
    """The agent's, or one for the run."""
    agent = Agent(ScriptedModel(answers(RIGHT), answers({"result": 3})), output_type=Invoice)

    assert agent.run_sync("go").output == INVOICE
    assert agent.run_sync("go", output_type=int).output == 3
