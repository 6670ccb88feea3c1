"""Runs with structured output end at rejections, at limits and in later runs."""

import json
from collections.abc import Callable

import pytest

from agentkit import (
    Agent,
    AssistantMessage,
    Budget,
    History,
    OutputError,
    OutputSettings,
    RunFinished,
    ToolCall,
    ToolChoice,
    ToolResult,
    UserMessage,
)
from agentkit.agent import AgentOptions
from agentkit.durable.journal import MemoryJournal
from agentkit.event import Emit
from agentkit.model import ModelRequest, ModelResponse
from agentkit.testing.scripted import ScriptedAnswer, ScriptedModel
from tests.integration.output_answers import (
    BY_PROMPT,
    INVOICE,
    LOOK_UP,
    RIGHT,
    WRONG,
    Invoice,
    answers,
    asks,
    look_up,
    texts,
)


async def test_a_run_with_only_invalid_answers_raises_an_error_with_the_history() -> None:
    """After the first attempt and the retries."""
    given = [answers(WRONG, call_id=f"answer{n:03}") for n in range(3)]

    async with Agent(ScriptedModel(*given), output_type=Invoice).stream("go") as run:
        with pytest.raises(OutputError, match="no valid structured output") as caught:
            async for event in run:
                last = event

    assert "total" in caught.value.reason
    assert caught.value.history == run.history
    assert len(run.history) == 7
    assert isinstance(last, RunFinished)
    assert last.stop_reason == "invalid_output"


async def test_the_number_of_retries_can_be_set() -> None:
    """It may be 0."""
    options = AgentOptions(output=OutputSettings(retries=0))
    agent = Agent(ScriptedModel(answers(WRONG)), output_type=Invoice, **(options or {}))

    with pytest.raises(OutputError):
        await agent.run("go")


async def test_at_a_limit_final_answer_is_required() -> None:
    """It does not count against the limit of tool calls."""
    model = ScriptedModel(asks(LOOK_UP), answers(RIGHT))
    budget = Budget(turns=1, tool_calls=0)
    agent = Agent(model, tools=[look_up], output_type=Invoice, budget=budget)

    result = await agent.run("go")

    assert result.output == INVOICE
    assert result.stop_reason == "max_turns"
    assert [spec.name for spec in model.requests[1].tools] == ["final_answer"]
    assert model.requests[1].tool_choice == ToolChoice(mode="required", name="final_answer")


@pytest.mark.parametrize(
    "last", ["It is about 12.", answers(WRONG), asks(LOOK_UP)], ids=["text", "wrong", "a tool"]
)
async def test_the_output_raises_if_a_limit_left_no_valid_answer(
    last: ScriptedAnswer,
) -> None:
    """Reason and text are available; there is never an invalid value."""
    first = asks(ToolCall(id="call00000", name="look_up", arguments='{"number": "A-1"}'))
    agent = Agent(
        ScriptedModel(first, last), tools=[look_up], output_type=Invoice, budget=Budget(turns=1)
    )

    result = await agent.run("go")

    assert result.stop_reason == "max_turns"
    assert result.history.open_calls == ()
    assert not result.has_output
    with pytest.raises(OutputError, match="max_turns") as caught:
        _ = result.output
    assert caught.value.text == result.text != ""


async def test_calls_next_to_the_last_answer_do_not_run() -> None:
    """At the limit the answer counts; each call has its result, in order."""
    first = asks(ToolCall(id="call00000", name="look_up", arguments='{"number": "A-1"}'))
    last = asks(LOOK_UP, ToolCall(id="answer001", name="final_answer", arguments=json.dumps(RIGHT)))
    agent = Agent(
        ScriptedModel(first, last), tools=[look_up], output_type=Invoice, budget=Budget(turns=1)
    )

    result = await agent.run("go")

    assert result.output == INVOICE
    results = [message for message in result.history if isinstance(message, ToolResult)]
    assert [one.call_id for one in results[1:]] == ["call00001", "answer001"]
    assert [one.is_error for one in results[1:]] == [True, False]


@pytest.mark.parametrize("options", [None, BY_PROMPT], ids=["tool", "prompt"])
async def test_running_with_a_finished_history_gives_the_same_value(
    options: AgentOptions | None,
) -> None:
    """Without a request to the model."""
    answer = answers(RIGHT) if options is None else '{"number": "A-1", "total": "12.50"}'
    model = ScriptedModel(answer)
    agent = Agent(model, output_type=Invoice, **(options or {}))
    first = await agent.run("go")

    again = await agent.run(history=History.from_json(first.history.to_json()))

    assert again.output == first.output
    assert again.turns == 0


async def test_a_text_conversation_can_continue_with_structured_output() -> None:
    """The output type of one run differs from the agent's."""
    model = ScriptedModel("It is 12.50.", answers(RIGHT))
    agent = Agent(model)
    spoken = await agent.run("What do we owe?")

    result = await agent.run(history=spoken.history, output_type=Invoice)

    assert spoken.output == "It is 12.50."
    assert result.output == INVOICE
    assert isinstance(model.requests[1].history[-1], UserMessage)


async def test_a_filtered_answer_is_not_retried() -> None:
    """It would be filtered again."""
    model = ScriptedModel(
        ModelResponse(message=AssistantMessage("I"), finish_reason="content_filter")
    )

    result = await Agent(model, output_type=Invoice).run("go")

    assert result.stop_reason == "content_filter"
    assert not result.has_output


class _Interrupted(ScriptedModel):
    """A model whose user sends a message during its first response."""

    say: Callable[[str], None]

    async def chat(self, request: ModelRequest, *, emit: Emit) -> ModelResponse:
        """Respond, and receive the user's message meanwhile."""
        response = await super().chat(request, emit=emit)
        if len(self.requests) == 1:
            self.say("No, A-2!")
        return response


@pytest.mark.parametrize("options", [None, BY_PROMPT], ids=["tool", "prompt"])
async def test_a_message_that_arrives_with_the_answer_is_read(options: AgentOptions | None) -> None:
    """The run continues with it, and ends with the answer to it."""
    if options is None:
        second = answers({"number": "A-2", "total": 1}, call_id="answer002")
        model = _Interrupted(answers(RIGHT), second)
    else:
        model = _Interrupted(json.dumps(RIGHT), json.dumps({"number": "A-2", "total": 1}))

    async with Agent(model, output_type=Invoice, **(options or {})).stream("A-1?") as run:
        model.say = run.send
        async for _ in run:
            pass

    assert run.result.output.number == "A-2"
    assert "No, A-2!" in texts(run.result.history)


async def test_a_replayed_run_gives_the_same_value() -> None:
    """The judgement of an answer is recorded with it."""
    journal = MemoryJournal()
    given = [answers(WRONG), answers(RIGHT, call_id="answer002")]
    first = await Agent(ScriptedModel(*given), output_type=Invoice).run("go", journal=journal)

    again = await Agent(ScriptedModel(), output_type=Invoice).run("go", journal=journal)

    assert again.output == first.output
    assert again.history == first.history
