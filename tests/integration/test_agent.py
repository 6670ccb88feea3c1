"""Whole runs in one process, with a scripted model."""

from collections.abc import Sequence
from typing import Any

import anyio
import pytest

from agentkit import (
    Agent,
    AgentKitError,
    AgentOptions,
    AnswerRepaired,
    AssistantMessage,
    Budget,
    History,
    HistoryError,
    ModelResponded,
    ModelResponse,
    ProviderError,
    Repair,
    RunEvent,
    RunFinished,
    RunStarted,
    TextReceived,
    ToolCall,
    ToolCallFinished,
    ToolCallRejected,
    ToolCallStarted,
    ToolChoice,
    ToolResult,
    TurnStarted,
    Usage,
    UserMessage,
    tool,
)
from agentkit.agent.model_call import CLOSING_INSTRUCTIONS
from agentkit.testing.clock import ManualClock
from agentkit.testing.scripted import ScriptedModel, tool_call


@tool(read_only=True)
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def _asks(*calls: ToolCall) -> AssistantMessage:
    return AssistantMessage.of("", *calls)


ADD_1_2 = tool_call("add", {"a": 1, "b": 2})
THREE = ToolResult(
    call_id="call00001", content=ToolResult.of("", "3").content, structured_content={"result": 3}
)


async def test_a_run_asks_runs_tools_and_answers() -> None:
    """What was sent, what came back, and what is kept."""
    model = ScriptedModel(_asks(ADD_1_2), "It is 3.")
    agent: Agent[None] = Agent(model, tools=[add], instructions="Be brief.")

    result = await agent.run("What is 1 + 2?")

    asked = UserMessage.of("What is 1 + 2?")
    assert result.output == "It is 3."
    assert result.stop_reason == "answered"
    assert result.turns == 2
    assert result.model == "scripted:model"
    assert result.history.messages[:2] == (asked, _asks(ADD_1_2))
    assert result.history[2] == THREE
    assert result.history[3] == AssistantMessage.of("It is 3.")
    first, second = model.requests
    assert first.history == History([asked])
    assert second.history == History([asked, _asks(ADD_1_2), THREE])
    assert first.instructions == second.instructions == "Be brief."
    assert first.tools is second.tools
    assert [spec.name for spec in first.tools] == ["add"]
    assert not first.stream


async def test_a_stream_is_the_same_run_with_its_events() -> None:
    """Events come in the order things happen, and the result is the same."""
    clock = ManualClock()
    usage = Usage(input_tokens=5, output_tokens=1)
    answer = ModelResponse(
        message=AssistantMessage.of("It is 3."), finish_reason="stop", usage=usage
    )
    agent: Agent[None] = Agent(
        ScriptedModel(_asks(ADD_1_2), answer), tools=[add], options=AgentOptions(clock=clock)
    )
    events: list[RunEvent] = []

    async with agent.stream("What is 1 + 2?") as run:
        async for event in run:
            events.append(event)
            clock.advance(1.0)

    assert [type(event) for event in events] == [
        RunStarted,
        TurnStarted,
        ModelResponded,
        ToolCallStarted,
        ToolCallFinished,
        TurnStarted,
        TextReceived,
        ModelResponded,
        RunFinished,
    ]
    assert events[4] == ToolCallFinished(call=ADD_1_2, result=THREE, seconds=events[4].seconds)  # type: ignore[union-attr]  # its type was checked
    assert events[-1] == RunFinished(
        output="It is 3.", stop_reason="answered", usage=usage, turns=2
    )
    assert run.result.output == "It is 3."
    assert run.result.usage == usage


def test_a_run_without_async_gives_the_same() -> None:
    """And no loop is left behind."""
    agent: Agent[None] = Agent(ScriptedModel(_asks(ADD_1_2), "It is 3."), tools=[add])

    assert agent.run_sync("What is 1 + 2?").history[2] == THREE


async def test_a_run_without_async_inside_async_code_says_what_to_do() -> None:
    """It would block the loop it is called from."""
    agent: Agent[None] = Agent(ScriptedModel())

    with pytest.raises(AgentKitError, match=r"use 'await agent\.run"):
        agent.run_sync("hi")


@pytest.mark.parametrize("prompt", ["", " \n", [], History()])
async def test_an_empty_prompt_is_refused_before_anything_is_sent(
    prompt: str | Sequence[UserMessage],
) -> None:
    """There would be nothing to answer."""
    model = ScriptedModel()
    agent: Agent[None] = Agent(model)

    with pytest.raises(HistoryError, match="is empty"):
        await agent.run(prompt)

    assert model.requests == []


@pytest.mark.parametrize(
    ("prompt", "reason"),
    [
        (None, "not with 'NoneType'"),
        (UserMessage.of("hi"), r"not with 'UserMessage'; one message goes into a list"),
        (["hi"], "The item at 0 is a 'str'"),
        ([{"role": "user", "content": "hi"}], "The item at 0 is a 'dict'"),
    ],
    ids=["nothing", "a message", "texts", "dicts"],
)
async def test_a_prompt_that_is_no_conversation_is_refused(prompt: Any, reason: str) -> None:
    """In words, before anything is sent."""
    with pytest.raises(HistoryError, match=reason):
        await Agent(ScriptedModel()).run(prompt)


async def test_an_option_that_does_not_exist_is_refused() -> None:
    """A misspelt limit must not be as good as none."""
    options: Any = {"budgte": Budget(turns=1)}

    with pytest.raises(TypeError, match=r"A run has no option 'budgte'; it has .* budget, "):
        await Agent(ScriptedModel()).run("hi", **options)


async def test_a_bad_call_is_answered_with_an_error_and_the_model_tries_again() -> None:
    """The tool does not run, and the others of the same turn do."""
    bad = tool_call("add", {"a": 1}, call_id="bad000001")
    gone = tool_call("subtract", {}, call_id="gone00001")
    model = ScriptedModel(_asks(bad, ADD_1_2, gone), "It is 3.")
    agent: Agent[None] = Agent(model, tools=[add])

    async with agent.stream("What is 1 + 2?") as run:
        refused = [event async for event in run if isinstance(event, ToolCallRejected)]

    results = run.result.history[2:5]
    assert [event.call for event in refused] == [bad, gone]
    assert [r.call_id for r in results if isinstance(r, ToolResult)] == [
        "bad000001",
        "call00001",
        "gone00001",
    ]
    assert [r.is_error for r in results if isinstance(r, ToolResult)] == [True, False, True]
    assert results[1] == THREE


async def test_a_history_with_an_open_call_resumes_at_that_call() -> None:
    """Nothing but the messages is needed to go on."""
    saved = History.from_json(History([UserMessage.of("go"), _asks(ADD_1_2)]).to_json())
    model = ScriptedModel("It is 3.")
    agent: Agent[None] = Agent(model, tools=[add])

    result = await agent.run(saved)

    assert result.history[2] == THREE
    assert result.turns == 1
    assert len(model.requests) == 1


async def test_a_finished_history_is_finished() -> None:
    """Nothing is asked again."""
    done = History([UserMessage.of("go"), AssistantMessage.of("done")])
    agent: Agent[None] = Agent(ScriptedModel())

    result = await agent.run(done)

    assert (result.output, result.turns, result.history) == ("done", 0, done)


async def test_a_conversation_goes_on_from_its_history() -> None:
    """The second run sees the first."""
    model = ScriptedModel("Hello.", "You said hi.")
    agent: Agent[None] = Agent(model)

    first = await agent.run("hi")
    second = await agent.run(first.history.add(UserMessage.of("What did I say?")))

    assert second.output == "You said hi."
    assert len(model.requests[1].history) == 3


async def test_at_the_limit_of_turns_the_model_is_asked_for_the_best_answer() -> None:
    """Without tools, and told so; the conversation holds nothing of it."""
    model = ScriptedModel(_asks(ADD_1_2), "3, as far as I got.")
    agent: Agent[None] = Agent(model, tools=[add], instructions="Be brief.")

    result = await agent.run("Add forever.", budget=Budget(turns=1))

    assert (result.output, result.stop_reason) == ("3, as far as I got.", "max_turns")
    last = model.requests[-1]
    assert last.tools == ()
    assert last.tool_choice == ToolChoice(mode="none")
    assert last.instructions == "Be brief.\n\n" + CLOSING_INSTRUCTIONS.format(reason="turns")


async def test_a_model_that_calls_in_spite_of_the_limit_is_stopped() -> None:
    """Its call is answered, not run, and the history is whole."""
    ran: list[str] = []

    @tool
    def count(label: str) -> None:
        """Count."""
        ran.append(label)

    first = tool_call("count", {"label": "in time"})
    again = tool_call("count", {"label": "too late"}, call_id="again0001")
    model = ScriptedModel(_asks(first), AssistantMessage.of("Well,", again))

    result = await Agent(model, tools=[count]).run("Go.", budget=Budget(turns=1))

    assert (result.output, result.stop_reason) == ("Well,", "max_turns")
    assert ran == ["in time"]
    assert result.history.open_calls == ()


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        ("required", [ToolChoice(mode="required"), ToolChoice()]),
        ("add", [ToolChoice(mode="required", name="add"), ToolChoice()]),
        (ToolChoice(mode="auto"), [ToolChoice(), ToolChoice()]),
    ],
)
async def test_a_forced_call_is_forced_once(
    choice: ToolChoice | str, sent: list[ToolChoice]
) -> None:
    """Else the run would never end."""
    model = ScriptedModel(_asks(ADD_1_2), "It is 3.")

    await Agent(model, tools=[add]).run("Go.", tool_choice=choice)

    assert [request.tool_choice for request in model.requests] == sent


async def test_what_was_repaired_is_reported() -> None:
    """Before the response it belongs to."""
    repair = Repair(kind="minted_id", before="", after="call00001")
    response = ModelResponse(message=_asks(ADD_1_2), finish_reason="tool_calls", repairs=(repair,))
    agent: Agent[None] = Agent(ScriptedModel(response, "It is 3."), tools=[add])

    async with agent.stream("Go.") as run:
        events = [event async for event in run]

    assert events[2:3] == [AnswerRepaired(repair=repair)]
    assert isinstance(events[3], ModelResponded)


async def test_an_error_of_the_model_reaches_the_caller_plainly() -> None:
    """From a run, and after the last event of a stream."""
    error = ProviderError("no credits", kind="insufficient_credits")
    agent: Agent[None] = Agent(ScriptedModel(error, error))

    with pytest.raises(ProviderError) as caught:
        await agent.run("hi")
    assert caught.value is error

    events: list[RunEvent] = []
    with pytest.raises(ProviderError, match="no credits"):
        async with agent.stream("hi") as run:
            async for event in run:
                events.append(event)  # noqa: PERF401 - what came before the error counts
    assert [type(event) for event in events] == [RunStarted, TurnStarted]
    with pytest.raises(AgentKitError, match="no result yet"):
        _ = run.result


async def test_an_error_of_the_reader_leaves_as_it_is() -> None:
    """No group around it, and the run is stopped."""
    agent: Agent[None] = Agent(ScriptedModel("never read"))

    with pytest.raises(KeyError, match="mine"):
        async with agent.stream("hi") as run:
            async for _ in run:
                raise KeyError("mine")


async def test_leaving_a_stream_early_stops_the_run() -> None:
    """The tool that was running is cancelled."""
    began, ended = anyio.Event(), anyio.Event()

    @tool
    async def wait() -> None:
        """Wait forever."""
        began.set()
        try:
            await anyio.sleep_forever()
        finally:
            ended.set()

    agent: Agent[None] = Agent(ScriptedModel(_asks(tool_call("wait"))), tools=[wait])

    with anyio.fail_after(5):
        async with agent.stream("hi") as run:
            async for event in run:
                if isinstance(event, ToolCallStarted):
                    await began.wait()
                    break

    assert ended.is_set()


async def test_an_emit_that_is_slow_slows_the_run() -> None:
    """No event is kept in memory: the run waits for its reader."""
    model = ScriptedModel("a", "b")
    agent: Agent[None] = Agent(model)

    async with agent.stream("hi") as run:
        await anyio.wait_all_tasks_blocked()
        assert model.requests == []
        async for _ in run:
            pass
        assert len(model.requests) == 1
