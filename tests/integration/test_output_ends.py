"""How runs end that ask for an answer of a certain type: refused, at limits, gone on with."""

import json
from collections.abc import Callable

import pytest

from agentkit import (
    Agent,
    AgentOptions,
    AssistantMessage,
    Budget,
    History,
    ModelRequest,
    ModelResponse,
    OutputError,
    OutputSettings,
    RunFinished,
    ToolChoice,
    ToolResult,
    UserMessage,
)
from agentkit.durable.journal import MemoryJournal
from agentkit.event import Emit
from agentkit.testing.scripted import ScriptedAnswer, ScriptedModel, tool_call
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


async def test_answers_that_never_fit_end_in_an_error_with_the_history() -> None:
    """After the first try and the retries."""
    given = [answers(WRONG, call_id=f"answer{n:03}") for n in range(3)]

    async with Agent(ScriptedModel(*given), output_type=Invoice).stream("go") as run:
        with pytest.raises(OutputError, match="no answer of the type") as caught:
            async for event in run:
                last = event

    assert "total" in caught.value.reason
    assert caught.value.history == run.history
    assert len(run.history) == 7
    assert isinstance(last, RunFinished)
    assert last.stop_reason == "invalid_output"


async def test_how_often_it_may_try_again_can_be_set() -> None:
    """None at all is a choice, too."""
    options = AgentOptions(output=OutputSettings(retries=0))
    agent = Agent(ScriptedModel(answers(WRONG)), output_type=Invoice, options=options)

    with pytest.raises(OutputError):
        await agent.run("go")


async def test_at_a_limit_the_last_answer_is_asked_for_by_its_call() -> None:
    """It is not counted among the tool calls that are used up."""
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
async def test_a_limit_without_a_value_has_a_result_whose_output_raises(
    last: ScriptedAnswer,
) -> None:
    """The reason and the text are there; a wrong value never is."""
    first = asks(tool_call("look_up", {"number": "A-1"}, call_id="call00000"))
    agent = Agent(
        ScriptedModel(first, last), tools=[look_up], output_type=Invoice, budget=Budget(turns=1)
    )

    result = await agent.run("go")

    assert result.stop_reason == "max_turns"
    assert result.history.open_calls == ()
    assert result.outputs == ()
    with pytest.raises(OutputError, match="max_turns") as caught:
        _ = result.output
    assert caught.value.text == result.text != ""


async def test_calls_beside_the_last_answer_come_too_late() -> None:
    """At the limit the answer counts; each call has its result, in order."""
    first = asks(tool_call("look_up", {"number": "A-1"}, call_id="call00000"))
    last = asks(LOOK_UP, tool_call("final_answer", RIGHT, call_id="answer001"))
    agent = Agent(
        ScriptedModel(first, last), tools=[look_up], output_type=Invoice, budget=Budget(turns=1)
    )

    result = await agent.run("go")

    assert result.output == INVOICE
    results = [message for message in result.history if isinstance(message, ToolResult)]
    assert [one.call_id for one in results[1:]] == ["call00001", "answer001"]
    assert [one.is_error for one in results[1:]] == [True, False]


@pytest.mark.parametrize("options", [None, BY_PROMPT], ids=["tool", "prompt"])
async def test_a_finished_run_is_finished_still(options: AgentOptions | None) -> None:
    """To run with its history asks nobody and gives the same value."""
    answer = answers(RIGHT) if options is None else '{"number": "A-1", "total": "12.50"}'
    model = ScriptedModel(answer)
    agent = Agent(model, output_type=Invoice, options=options)
    first = await agent.run("go")

    again = await agent.run(History.from_json(first.history.to_json()))

    assert again.output == first.output
    assert again.turns == 0


async def test_a_conversation_in_words_can_be_asked_for_a_value_afterwards() -> None:
    """The output type of one run differs from the agent's."""
    model = ScriptedModel("It is 12.50.", answers(RIGHT))
    agent = Agent(model)
    spoken = await agent.run("What do we owe?")

    result = await agent.run(spoken.history, output_type=Invoice)

    assert spoken.output == "It is 12.50."
    assert result.output == INVOICE
    assert isinstance(model.requests[1].history[-1], UserMessage)


async def test_an_answer_that_a_filter_withheld_is_not_asked_for_again() -> None:
    """It would be withheld again."""
    model = ScriptedModel(
        ModelResponse(message=AssistantMessage.of("I"), finish_reason="content_filter")
    )

    result = await Agent(model, output_type=Invoice).run("go")

    assert result.stop_reason == "content_filter"
    assert result.outputs == ()


class _Interrupted(ScriptedModel):
    """A model whose user says something while it makes its first answer."""

    say: Callable[[str], None]

    async def chat(self, request: ModelRequest, *, emit: Emit) -> ModelResponse:
        """Answer, and hear the user meanwhile."""
        response = await super().chat(request, emit=emit)
        if len(self.requests) == 1:
            self.say("No, A-2!")
        return response


@pytest.mark.parametrize("options", [None, BY_PROMPT], ids=["tool", "prompt"])
async def test_a_message_that_comes_with_the_answer_is_heard(options: AgentOptions | None) -> None:
    """The run goes on with it, and ends with the answer to it."""
    if options is None:
        second = answers({"number": "A-2", "total": 1}, call_id="answer002")
        model = _Interrupted(answers(RIGHT), second)
    else:
        model = _Interrupted(json.dumps(RIGHT), json.dumps({"number": "A-2", "total": 1}))

    async with Agent(model, output_type=Invoice, options=options).stream("A-1?") as run:
        model.say = run.send
        async for _ in run:
            pass

    assert run.result.output.number == "A-2"
    assert "No, A-2!" in texts(run.result.history)


async def test_a_replayed_run_gives_the_same_value() -> None:
    """What was found of an answer is remembered with it."""
    journal = MemoryJournal()
    given = [answers(WRONG), answers(RIGHT, call_id="answer002")]
    first = await Agent(ScriptedModel(*given), output_type=Invoice).run("go", journal=journal)

    again = await Agent(ScriptedModel(), output_type=Invoice).run("go", journal=journal)

    assert again.output == first.output
    assert again.history == first.history
