"""Whole runs that end in an answer of a certain type, with a scripted model."""

from typing import Any, Literal

import pytest

from agentkit import (
    Agent,
    AgentOptions,
    AnswerRepaired,
    ConfigError,
    OutputError,
    OutputRejected,
    OutputSettings,
    PartialOutputReceived,
    ToolChoice,
    ToolDefinitionError,
    ToolResult,
    UserMessage,
    tool,
)
from agentkit.output.output_plan import TAKEN
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


async def test_an_answer_by_a_call_ends_the_run_with_a_value() -> None:
    """Tools first; the history is whole, and the call has its result."""
    model = ScriptedModel(asks(LOOK_UP), answers(RIGHT))
    agent = Agent[None, Invoice](model, tools=[look_up], output_type=Invoice, instructions="Be.")

    result = await agent.run("What do we owe for A-1?")

    assert result.output == INVOICE
    assert result.text == '{"number": "A-1", "total": "12.50"}'
    assert (result.stop_reason, result.turns) == ("answered", 2)
    assert result.history[-1] == ToolResult.of("answer001", TAKEN)
    assert result.history.open_calls == ()
    first, second = model.requests
    assert [spec.name for spec in first.tools] == ["look_up", "final_answer"]
    assert first.tools is second.tools
    assert first.tool_choice == ToolChoice()
    assert first.instructions.startswith("Be.\n\n")
    assert "final_answer" in first.instructions
    assert first.response_format is None


async def test_without_other_tools_the_answer_is_forced_at_once() -> None:
    """There is nothing else the model could do."""
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
async def test_any_type_can_be_asked_for(output_type: Any, given: Any, value: object) -> None:
    """What is no object is wrapped in one."""
    result = await Agent(ScriptedModel(answers(given)), output_type=output_type).run("go")

    assert result.output == value


async def test_a_wrong_answer_goes_back_to_the_model_with_its_faults() -> None:
    """It may try again, and its history shows both."""
    model = ScriptedModel(answers(WRONG), answers(RIGHT, call_id="answer002"))
    agent = Agent(model, output_type=Invoice)

    async with agent.stream("go") as run:
        events = [event async for event in run]

    assert run.result.output == INVOICE
    told = run.result.history[2]
    assert isinstance(told, ToolResult)
    assert told.is_error
    assert "total" in told.text
    assert [event for event in events if isinstance(event, OutputRejected)] == [
        OutputRejected(attempt=1, reason=told.text)
    ]


async def test_an_answer_in_text_is_taken_where_it_fits() -> None:
    """Models forget to call; what they mean is plain all the same, and reported."""
    model = ScriptedModel('Here you are:\n```json\n{"number": "A-1", "total": "12.50"}\n```')

    async with Agent(model, tools=[look_up], output_type=Invoice).stream("go") as run:
        events = [event async for event in run]

    assert run.result.output == INVOICE
    kinds = [event.repair.kind for event in events if isinstance(event, AnswerRepaired)]
    assert kinds == ["json_in_text"]


async def test_after_an_answer_in_words_the_call_is_forced() -> None:
    """The model thinks it is done; all that is missing is the form."""
    model = ScriptedModel("It is 12.50.", answers(RIGHT))

    result = await Agent(model, tools=[look_up], output_type=Invoice).run("go")

    assert result.output == INVOICE
    assert model.requests[1].tool_choice == ToolChoice(mode="required", name="final_answer")
    complaint = result.history[2]
    assert isinstance(complaint, UserMessage)
    assert "not one JSON object" in complaint.text


async def test_an_answer_beside_other_calls_is_not_taken_before_their_results() -> None:
    """It was made without them; the other calls are run."""
    both = asks(LOOK_UP, tool_call("final_answer", RIGHT, call_id="answer001"))
    model = ScriptedModel(both, answers(RIGHT, call_id="answer002"))

    result = await Agent(model, tools=[look_up], output_type=Invoice).run("go")

    assert result.output == INVOICE
    assert texts(result.history)[2:4] == ["A-1: 12.50", NOT_ALONE]
    assert result.turns == 2


async def test_two_answers_at_once_are_none() -> None:
    """Which one was meant is not known."""
    two = asks(
        tool_call("final_answer", RIGHT, call_id="answer001"),
        tool_call("final_answer", RIGHT, call_id="answer002"),
    )
    model = ScriptedModel(two, answers(RIGHT, call_id="answer003"))

    result = await Agent(model, output_type=Invoice).run("go")

    assert texts(result.history)[2] == "The answer was not taken: 2 answers came at once. Give one."
    assert result.turns == 2


@pytest.mark.parametrize("options", [BY_PROMPT, BY_FORMAT], ids=["prompt", "response_format"])
async def test_an_answer_as_json_text_is_read(options: AgentOptions) -> None:
    """The schema stands in the instructions in either mode."""
    model = ScriptedModel("about 12.50", '{"number": "A-1", "total": "12.50"}')
    agent = Agent(model, output_type=Invoice, options=options)

    result = await agent.run("go")

    assert result.output == INVOICE
    first = model.requests[0]
    assert first.tools == ()
    assert '"exclusiveMinimum"' in first.instructions
    is_asked_of_provider = options is BY_FORMAT
    assert (first.response_format is not None) == is_asked_of_provider
    assert isinstance(result.history[2], UserMessage)


async def test_the_provider_is_not_held_to_a_format_while_tools_are_offered() -> None:
    """Many providers refuse both at once, or call no tool then."""
    model = ScriptedModel(asks(LOOK_UP), '{"number": "A-1", "total": "12.50"}')

    result = await Agent(model, tools=[look_up], output_type=Invoice, options=BY_FORMAT).run("go")

    assert result.output == INVOICE
    assert [request.response_format for request in model.requests] == [None, None]


async def test_a_forced_tool_is_forced_before_theanswers() -> None:
    """Who demands a call wants something done."""
    model = ScriptedModel(asks(LOOK_UP), answers(RIGHT))
    agent = Agent(model, tools=[look_up], output_type=Invoice)

    result = await agent.run("go", tool_choice="required")

    assert result.output == INVOICE
    assert [spec.name for spec in model.requests[0].tools] == ["look_up"]
    assert len(model.requests[1].tools) == 2


async def test_where_no_tool_may_be_called_the_answer_may() -> None:
    """It is no act."""
    model = ScriptedModel(answers(RIGHT))

    await Agent(model, tools=[look_up], output_type=Invoice).run("go", tool_choice="none")

    assert [spec.name for spec in model.requests[0].tools] == ["final_answer"]


async def test_no_rule_is_asked_about_the_answer() -> None:
    """A rule that asks about everything still lets a run end; other calls are asked about."""
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


async def test_a_tool_of_the_same_name_is_an_error_that_tells_what_to_do() -> None:
    """Whose call it was could not be told."""

    @tool(name="final_answer")
    def other() -> str:
        """Do something else."""
        return ""

    agent = Agent(ScriptedModel(answers(RIGHT)), tools=[other], output_type=Invoice)

    with pytest.raises(ToolDefinitionError, match="OutputSettings"):
        await agent.run("go")


async def test_the_answering_tool_can_have_another_name() -> None:
    """Then both are offered."""
    options = AgentOptions(output=OutputSettings(name="submit", description="Submit it."))
    model = ScriptedModel(asks(tool_call("submit", RIGHT)))

    result = await Agent(model, output_type=Invoice, options=options).run("go")

    assert result.output == INVOICE
    assert model.requests[0].tools[0].description == "Submit it."


@pytest.mark.parametrize("output_type", [object(), "NoSuchType"])
def test_a_type_without_json_is_refused_when_the_agent_is_made(output_type: Any) -> None:
    """Not in the middle of a run."""
    with pytest.raises(ConfigError, match="output_type="):
        Agent(ScriptedModel(), output_type=output_type)


async def test_text_is_shown_as_a_value_while_it_arrives() -> None:
    """As far as it can be read."""
    agent = Agent(ScriptedModel('{"result": [1, 2, 3]}'), output_type=list[int], options=BY_PROMPT)

    async with agent.stream("go") as run:
        events = [event async for event in run]

    assert PartialOutputReceived(value=[1, 2, 3]) in events
    assert run.result.output == [1, 2, 3]


def test_a_run_without_async_has_a_type_too() -> None:
    """For the agent, and for one run."""
    agent = Agent(ScriptedModel(answers(RIGHT), answers({"result": 3})), output_type=Invoice)

    assert agent.run_sync("go").output == INVOICE
    assert agent.run_sync("go", output_type=int).output == 3
