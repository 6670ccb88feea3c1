"""Whole runs in one process, with a scripted model."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio
import pytest

from agentkit import (
    Agent,
    AgentKitError,
    AgentOptions,
    AnswerMended,
    AssistantMessage,
    Budget,
    History,
    HistoryError,
    Mending,
    ModelResponded,
    ModelResponse,
    ProviderError,
    RunContext,
    RunEvent,
    RunFinished,
    RunStarted,
    StaticToolset,
    TextReceived,
    Tool,
    ToolCall,
    ToolCallFinished,
    ToolCallRefused,
    ToolCallStarted,
    ToolChoice,
    ToolDefinitionError,
    ToolResult,
    TurnStarted,
    Usage,
    UserMessage,
    tool,
)
from agentkit.agent.exchange import CLOSING_INSTRUCTIONS
from agentkit.model.model import ModelConnection
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


async def test_a_bad_call_is_answered_with_an_error_and_the_model_tries_again() -> None:
    """The tool does not run, and the others of the same turn do."""
    bad = tool_call("add", {"a": 1}, call_id="bad000001")
    gone = tool_call("subtract", {}, call_id="gone00001")
    model = ScriptedModel(_asks(bad, ADD_1_2, gone), "It is 3.")
    agent: Agent[None] = Agent(model, tools=[add])

    async with agent.stream("What is 1 + 2?") as run:
        refused = [event async for event in run if isinstance(event, ToolCallRefused)]

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


async def test_what_was_mended_is_reported() -> None:
    """Before the response it belongs to."""
    mending = Mending(rung="minted_id", before="", after="call00001")
    response = ModelResponse(
        message=_asks(ADD_1_2), finish_reason="tool_calls", mendings=(mending,)
    )
    agent: Agent[None] = Agent(ScriptedModel(response, "It is 3."), tools=[add])

    async with agent.stream("Go.") as run:
        events = [event async for event in run]

    assert events[2:3] == [AnswerMended(mending=mending)]
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Deps:
    user: str


async def test_tools_see_what_the_caller_handed_in() -> None:
    """The context is not part of the schema."""

    @tool
    def whoami(context: RunContext[_Deps], polite: bool = False) -> str:
        """Say who asks."""
        return ("Dear " if polite else "") + context.deps.user

    model = ScriptedModel(_asks(tool_call("whoami", {"polite": True})), "ok")
    agent: Agent[_Deps] = Agent(model, tools=[whoami])

    result = await agent.run("Who am I?", deps=_Deps(user="Ann"))

    assert isinstance(result.history[2], ToolResult)
    assert result.history[2].text == "Dear Ann"
    assert list(model.requests[0].tools[0].input_schema["properties"]) == ["polite"]  # type: ignore[arg-type]  # an object


class _Counted(ScriptedModel):
    """Counts how often it is open."""

    opened = 0
    is_open = 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator[ModelConnection]:
        self.opened += 1
        self.is_open += 1
        try:
            yield self
        finally:
            self.is_open -= 1


async def test_an_agent_that_is_entered_keeps_its_model_open() -> None:
    """Else each run opens and closes it."""
    model = _Counted("1", "2", "3", "4")
    agent: Agent[None] = Agent(model)

    async with agent:
        await agent.run("hi")
        await agent.run("hi")
        assert (model.opened, model.is_open) == (1, 1)
        with pytest.raises(AgentKitError, match="open already"):
            await agent.__aenter__()
    assert model.is_open == 0
    await agent.run("hi")
    async with agent:
        await agent.run("hi")

    assert (model.opened, model.is_open) == (3, 0)


class _Changing:
    """A toolset whose tools come and go."""

    def __init__(self, *turns: Sequence[Tool]) -> None:
        self._turns = list(turns)
        self.is_open = False

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        self.is_open = True
        yield
        self.is_open = False

    async def list_tools(self) -> Sequence[Tool]:
        return self._turns.pop(0)


async def test_tools_may_come_and_go_between_turns() -> None:
    """A call is checked against what was on offer when it was made."""

    @tool
    def late() -> str:
        """Come later."""
        return "here"

    model = ScriptedModel(
        _asks(tool_call("late", call_id="early0001")), _asks(tool_call("late")), "ok"
    )
    toolset = _Changing([add], [add, late], [])

    result = await Agent(model, tools=[toolset]).run("Go.")

    assert [[spec.name for spec in request.tools] for request in model.requests] == [
        ["add"],
        ["add", "late"],
        [],
    ]
    answers = [m for m in result.history if isinstance(m, ToolResult)]
    assert [answer.is_error for answer in answers] == [True, False]
    assert "add" in answers[0].text
    assert not toolset.is_open


async def test_calls_with_side_effects_run_one_after_the_other() -> None:
    """Those that only read run together: both are under way before either ends."""
    order: list[str] = []
    both = anyio.Event()

    @tool(read_only=True)
    async def read(name: str) -> str:
        """Read."""
        order.append(f"+{name}")
        if len(order) == 2:
            both.set()
        await both.wait()
        return name

    @tool
    async def write(name: str) -> str:
        """Write."""
        order.append(f"+{name}")
        await anyio.lowlevel.checkpoint()
        order.append(f"-{name}")
        return name

    calls = [
        tool_call("read" if n < 2 else "write", {"name": str(n)}, call_id=f"call0000{n}")
        for n in range(4)
    ]

    with anyio.fail_after(5):
        result = await Agent(ScriptedModel(_asks(*calls), "ok"), tools=[read, write]).run("Go.")

    assert sorted(order[:2]) == ["+0", "+1"]
    assert order[2:] == ["+2", "-2", "+3", "-3"]
    assert [m.text for m in result.history if isinstance(m, ToolResult)] == ["0", "1", "2", "3"]


def test_two_tools_of_one_name_are_refused_when_the_agent_is_made() -> None:
    """Not in the middle of a run; the same tool twice is one tool."""
    other = Tool.from_function(lambda: None, name="add", description="Another.")

    with pytest.raises(ToolDefinitionError, match="Two tools have the name 'add'"):
        Agent(ScriptedModel(), tools=[add, StaticToolset([other])])


async def test_the_same_tool_twice_is_offered_once() -> None:
    """Two toolsets may share a tool."""
    model = ScriptedModel("ok")

    await Agent(model, tools=[add, StaticToolset([add])]).run("Go.")

    assert [spec.name for spec in model.requests[0].tools] == ["add"]


async def test_the_arguments_that_run_are_those_in_the_history() -> None:
    """What the model asked for is what was run, as JSON."""
    seen: list[dict[str, object]] = []

    async def keep(arguments: dict[str, object]) -> str:
        seen.append(arguments)
        return "kept"

    kept = Tool.from_schema(
        name="keep", description="Keep.", input_schema={"type": "object"}, handler=keep
    )
    model = ScriptedModel(_asks(tool_call("keep", {"x": [1, None]})), "ok")

    result = await Agent(model, tools=[kept]).run("Go.")

    assert isinstance(result.history[1], AssistantMessage)
    assert seen == [json.loads(result.history[1].tool_calls[0].arguments)]


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
