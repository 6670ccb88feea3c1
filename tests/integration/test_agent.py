"""Complete runs in one process, with a scripted model."""

from typing import Any

import anyio
import pytest

from agentkit import (
    Agent,
    AgentKitError,
    AssistantMessage,
    Budget,
    History,
    HistoryError,
    ProviderError,
    RunEvent,
    RunFinished,
    TextReceived,
    ToolCall,
    ToolCallFinished,
    ToolCallStarted,
    ToolChoice,
    ToolResult,
    Usage,
    UserMessage,
    tool,
)
from agentkit.agent.model_call import CLOSING_INSTRUCTIONS
from agentkit.event import (
    AnswerRepaired,
    ModelResponded,
    RunFailed,
    RunStarted,
    ToolCallRejected,
    TurnStarted,
)
from agentkit.model import ModelResponse, Repair
from agentkit.testing.clock import ManualClock
from agentkit.testing.scripted import ScriptedModel, tool_call


@tool(read_only=True)
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def _asks(*calls: ToolCall) -> AssistantMessage:
    return AssistantMessage(tool_calls=calls)


ADD_1_2 = tool_call("add", a=1, b=2)
THREE = ToolResult(
    call_id="call00001", content=ToolResult("", "3").content, structured_content={"result": 3}
)


async def test_a_run_calls_the_model_and_its_tools_until_it_answers() -> None:
    """The requests, the result and the history are checked."""
    model = ScriptedModel(_asks(ADD_1_2), "It is 3.")
    agent: Agent[None] = Agent(model, tools=[add], instructions="Be brief.")

    result = await agent.run("What is 1 + 2?")

    asked = UserMessage("What is 1 + 2?")
    assert result.output == "It is 3."
    assert result.stop_reason == "answered"
    assert result.turns == 2
    assert result.model == "scripted:model"
    assert result.history.messages[:2] == (asked, _asks(ADD_1_2))
    assert result.history[2] == THREE
    assert result.history[3] == AssistantMessage("It is 3.")
    first, second = model.requests
    assert first.history == History([asked])
    assert second.history == History([asked, _asks(ADD_1_2), THREE])
    assert first.instructions == second.instructions == "Be brief."
    assert first.tools is second.tools
    assert [spec.name for spec in first.tools] == ["add"]
    assert not first.stream


async def test_a_stream_gives_the_events_and_the_same_result() -> None:
    """Events are in order, and the result equals that of `run`."""
    clock = ManualClock()
    usage = Usage(input_tokens=5, output_tokens=1)
    answer = ModelResponse(message=AssistantMessage("It is 3."), finish_reason="stop", usage=usage)
    agent: Agent[None] = Agent(ScriptedModel(_asks(ADD_1_2), answer), tools=[add], clock=clock)
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
    assert events[-1] == RunFinished(text="It is 3.", stop_reason="answered", usage=usage, turns=2)
    assert run.result.output == "It is 3."
    assert run.result.usage == usage


def test_run_sync_gives_the_same_result() -> None:
    """It leaves no event loop open."""
    agent: Agent[None] = Agent(ScriptedModel(_asks(ADD_1_2), "It is 3."), tools=[add])

    assert agent.run_sync("What is 1 + 2?").history[2] == THREE


async def test_run_sync_in_async_code_is_an_error_that_names_the_alternative() -> None:
    """It would block the event loop that it is called from."""
    agent: Agent[None] = Agent(ScriptedModel())

    with pytest.raises(AgentKitError, match=r"use 'await agent\.run"):
        agent.run_sync("hi")


@pytest.mark.parametrize(
    "given", [{"prompt": ""}, {"prompt": " \n"}, {"history": []}, {"history": History()}, {}]
)
async def test_an_empty_prompt_is_rejected_before_anything_is_sent(given: Any) -> None:
    """There is nothing to answer."""
    model = ScriptedModel()
    agent: Agent[None] = Agent(model)

    with pytest.raises(HistoryError, match="is empty"):
        await agent.run(**given)

    assert model.requests == []


@pytest.mark.parametrize(
    ("history", "reason"),
    [
        (None, "The conversation is empty"),
        (42, "not with 'int'"),
        (["hi"], "The item at 0 is a 'str'"),
        ([{"role": "user", "content": "hi"}], "The item at 0 is a 'dict'"),
    ],
    ids=["nothing", "a number", "texts", "dicts"],
)
async def test_a_history_of_a_wrong_type_is_rejected(history: Any, reason: str) -> None:
    """With a clear message, before anything is sent."""
    with pytest.raises(HistoryError, match=reason):
        await Agent(ScriptedModel()).run(history=history)


async def test_an_unknown_option_is_rejected() -> None:
    """A misspelled limit would not limit anything."""
    options: Any = {"budgte": Budget(turns=1)}

    with pytest.raises(TypeError, match=r"A run has no option 'budgte'; it has .* budget, "):
        await Agent(ScriptedModel()).run("hi", **options)


async def test_an_invalid_call_gets_an_error_result_and_the_model_tries_again() -> None:
    """The tool does not run; the other calls of the turn do."""
    bad = ToolCall(id="bad000001", name="add", arguments='{"a": 1}')
    gone = ToolCall(id="gone00001", name="subtract")
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
    """A run resumes from the messages alone."""
    saved = History.from_json(History([UserMessage("go"), _asks(ADD_1_2)]).to_json())
    model = ScriptedModel("It is 3.")
    agent: Agent[None] = Agent(model, tools=[add])

    result = await agent.run(history=saved)

    assert result.history[2] == THREE
    assert result.turns == 1
    assert len(model.requests) == 1


async def test_a_finished_history_gives_its_answer_again() -> None:
    """Without a request to the model."""
    done = History([UserMessage("go"), AssistantMessage("done")])
    agent: Agent[None] = Agent(ScriptedModel())

    result = await agent.run(history=done)

    assert (result.output, result.turns, result.history) == ("done", 0, done)


async def test_a_conversation_continues_from_its_history() -> None:
    """The second run sees the messages of the first."""
    model = ScriptedModel("Hello.", "You said hi.")
    agent: Agent[None] = Agent(model)

    first = await agent.run("hi")
    second = await agent.run("What did I say?", history=first.history)

    assert second.output == "You said hi."
    assert len(model.requests[1].history) == 3


async def test_at_the_turn_limit_the_model_is_asked_for_its_best_answer() -> None:
    """Without tools and with an instruction that is not kept in the history."""
    model = ScriptedModel(_asks(ADD_1_2), "3, as far as I got.")
    agent: Agent[None] = Agent(model, tools=[add], instructions="Be brief.")

    result = await agent.run("Add forever.", budget=Budget(turns=1))

    assert (result.output, result.stop_reason) == ("3, as far as I got.", "max_turns")
    last = model.requests[-1]
    assert last.tools == ()
    assert last.tool_choice == ToolChoice(mode="none")
    assert last.instructions == "Be brief.\n\n" + CLOSING_INSTRUCTIONS.format(reason="turns")


async def test_a_model_that_calls_a_tool_at_the_limit_is_stopped() -> None:
    """Its call gets a result without running, and the history is consistent."""
    ran: list[str] = []

    @tool
    def count(label: str) -> None:
        """Count."""
        ran.append(label)

    first = tool_call("count", label="in time")
    again = ToolCall(id="again0001", name="count", arguments='{"label": "too late"}')
    model = ScriptedModel(_asks(first), AssistantMessage("Well,", tool_calls=[again]))

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
async def test_a_required_call_is_required_only_once(
    choice: ToolChoice | str, sent: list[ToolChoice]
) -> None:
    """Otherwise the run would never end."""
    model = ScriptedModel(_asks(ADD_1_2), "It is 3.")

    await Agent(model, tools=[add]).run("Go.", tool_choice=choice)

    assert [request.tool_choice for request in model.requests] == sent


async def test_repairs_are_reported_as_events() -> None:
    """Before the response that they belong to."""
    repair = Repair(kind="minted_id", before="", after="call00001")
    response = ModelResponse(message=_asks(ADD_1_2), finish_reason="tool_calls", repairs=(repair,))
    agent: Agent[None] = Agent(ScriptedModel(response, "It is 3."), tools=[add])

    async with agent.stream("Go.") as run:
        events = [event async for event in run]

    assert events[2:3] == [AnswerRepaired(repair=repair)]
    assert isinstance(events[3], ModelResponded)


async def test_an_error_of_the_model_is_raised_without_an_exception_group() -> None:
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
    assert [type(event) for event in events] == [RunStarted, TurnStarted, RunFailed]
    with pytest.raises(AgentKitError, match="no result yet"):
        _ = run.result


async def test_an_exception_of_the_streams_reader_is_raised_unchanged() -> None:
    """Without an exception group, and the run is cancelled."""
    agent: Agent[None] = Agent(ScriptedModel("never read"))

    with pytest.raises(KeyError, match="mine"):
        async with agent.stream("hi") as run:
            async for _ in run:
                raise KeyError("mine")


async def test_leaving_a_stream_early_cancels_the_run() -> None:
    """The running tool is cancelled too."""
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

    with anyio.fail_after(60):
        async with agent.stream("hi") as run:
            async for event in run:
                if isinstance(event, ToolCallStarted):
                    await began.wait()
                    break

    assert ended.is_set()


async def test_a_slow_reader_slows_the_run() -> None:
    """The event queue is bounded, so the run waits for its reader."""
    model = ScriptedModel("a", "b")
    agent: Agent[None] = Agent(model)

    async with agent.stream("hi") as run:
        await anyio.wait_all_tasks_blocked()
        assert model.requests == []
        async for _ in run:
            pass
        assert len(model.requests) == 1
