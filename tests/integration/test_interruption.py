"""A run that is cancelled, at any point, leaves a consistent history and nothing alive."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import anyio
import pytest

from agentkit import (
    Agent,
    AssistantMessage,
    History,
    ToolCall,
    ToolCallStarted,
    ToolResult,
    UserMessage,
    tool,
)
from agentkit.event import EventRecord, ModelResponded, TurnStarted, with_deltas
from agentkit.testing.scripted import ScriptedModel, tool_call

BOUND_SECONDS = 60


async def _stop_after(ticks: int, make: Callable[[], Awaitable[object]]) -> bool:
    """Cancel the work after so many rounds of the event loop; return whether it had ended.

    In one round every task runs to its next suspension, so counting up visits all suspensions:
    those of the loop, of the tools, and of the connection.
    """

    async def cancel_later() -> None:
        for _ in range(ticks):
            await anyio.lowlevel.checkpoint()
        scope.cancel()

    with anyio.fail_after(BOUND_SECONDS), anyio.CancelScope() as scope:
        async with anyio.create_task_group() as group:
            group.start_soon(cancel_later)
            await make()
            group.cancel_scope.cancel()
        return True
    return False


class _Effects:
    """Tools that record their calls."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.ended: list[str] = []

    def tools(self) -> list[object]:
        """Return a read-only tool, one with an effect, and one that runs in a thread."""

        @tool(read_only=True)
        async def look(name: str) -> str:
            """Look at something."""
            self.begun.append(name)
            for _ in range(30):
                await anyio.lowlevel.checkpoint()
            self.ended.append(name)
            return f"saw {name}"

        @tool
        async def change(name: str) -> str:
            """Change something."""
            self.begun.append(name)
            for _ in range(30):
                await anyio.lowlevel.checkpoint()
            self.ended.append(name)
            return f"changed {name}"

        @tool(read_only=True)
        def think(name: str) -> str:
            """Think in a thread."""
            return f"thought of {name}"

        return [look, change, think]


async def _ignore(record: EventRecord) -> None:
    """Listen to nothing."""


def _turns() -> list[AssistantMessage]:
    """Return two turns of several calls, then an answer."""
    first = [
        ToolCall(id="look00001", name="look", arguments='{"name": "a"}'),
        ToolCall(id="look00002", name="look", arguments='{"name": "b"}'),
        ToolCall(id="chng00001", name="change", arguments='{"name": "c"}'),
        ToolCall(id="thnk00001", name="think", arguments='{"name": "d"}'),
    ]
    second = [
        ToolCall(id="chng00002", name="change", arguments='{"name": "e"}'),
        ToolCall(id="look00003", name="look", arguments='{"name": "f"}'),
        ToolCall(id="none00001", name="none_such"),
    ]
    return [
        AssistantMessage(tool_calls=first),
        AssistantMessage(tool_calls=second),
        AssistantMessage("done"),
    ]


def _check(history: History, effects: _Effects) -> None:
    """Every call has one result; a finished call has its own, not that of a cancelled one."""
    assert history.open_calls == ()
    said = [message.text for message in history if isinstance(message, ToolResult)]
    for name in effects.ended:
        assert any(text in (f"saw {name}", f"changed {name}") for text in said), (name, said)
    assert History.from_json(history.to_json()) == history


@pytest.mark.parametrize("stream", [True, False])
async def test_a_run_cancelled_at_any_point_leaves_a_consistent_history(stream: bool) -> None:
    """It is cancelled in each round of the event loop in turn."""
    ticks, ended = -1, False
    while not ended:
        ticks += 1
        effects = _Effects()
        agent: Agent[Any] = Agent(ScriptedModel(*_turns()), tools=effects.tools())  # type: ignore[arg-type]  # tools
        run = agent._new_run("go", {}, None, listeners=[with_deltas(_ignore)] if stream else [])

        ended = await _stop_after(ticks, partial(agent._run, run))

        _check(run.draft.complete(), effects)
        assert run.draft.complete()[0] == UserMessage("go")

    assert ticks > 100
    assert sorted(effects.ended) == sorted(effects.begun)


async def test_a_run_with_the_sandbox_cancelled_at_any_point_leaves_nothing_alive() -> None:
    """The sandbox, its server, connections and tools are all stopped."""
    ticks, ended, points = 0, False, 0
    while not ended:
        ticks += 1 + ticks // 100
        points += 1
        effects = _Effects()
        agent: Agent[Any] = Agent("sandbox:mixtral-8x22b", tools=effects.tools())  # type: ignore[arg-type]  # tools
        asked = "Look at the name 'a', and look at the name 'b'."
        run = agent._new_run(asked, {}, None, listeners=[with_deltas(_ignore)])

        ended = await _stop_after(ticks, partial(agent._run, run))

        _check(run.draft.complete(), effects)

    assert points > 50


async def test_the_history_of_a_stream_is_consistent_at_every_event() -> None:
    """Also while tools run, and after the stream was left."""
    effects = _Effects()
    agent: Agent[Any] = Agent(ScriptedModel(*_turns()), tools=effects.tools())  # type: ignore[arg-type]  # tools

    async with agent.stream("go") as run:
        async for event in run:
            assert run.history.open_calls == ()
            if isinstance(event, ToolCallStarted) and event.call.id == "chng00002":
                break

    _check(run.history, effects)
    last = {m.call_id: m.text for m in run.history[-3:] if isinstance(m, ToolResult)}
    assert "was stopped before it ended" in last["chng00002"]
    assert "was not run" in last["look00003"]


async def test_a_nested_agent_is_cancelled_when_the_reader_leaves(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is stopped with the run, without an error event."""
    inner: Agent[Any] = Agent(ScriptedModel("inner"), name="inner")
    call = ToolCall(id="inner0001", name="inner", arguments='{"prompt": "go"}')
    agent: Agent[Any] = Agent(
        ScriptedModel(AssistantMessage(tool_calls=[call])), tools=[inner.as_tool()]
    )

    async with agent.stream("go") as run:
        async for record in run.records():
            if record.parent_id is not None:
                break

    assert [vars(record)["event"] for record in caplog.records] == ["tool_call_stopped"]
    assert "was stopped before it ended" in run.history[-1].text


async def test_a_response_is_kept_before_its_calls_begin() -> None:
    """Their results say that they did not run."""
    effects = _Effects()
    agent: Agent[Any] = Agent(ScriptedModel(*_turns()), tools=effects.tools())  # type: ignore[arg-type]  # tools

    with anyio.CancelScope() as scope:

        async def stop(record: EventRecord) -> None:
            if isinstance(record.event, ModelResponded):
                scope.cancel()
                await anyio.lowlevel.checkpoint()

        run = agent._new_run("go", {"listener": stop}, None)
        await agent._run(run)

    history = run.draft.complete()
    assert history[:2] == [UserMessage("go"), _turns()[0]]
    results = [message for message in history if isinstance(message, ToolResult)]
    assert len(results) == 4
    assert all("was not run" in result.text for result in results)
    assert effects.begun == []


async def test_a_received_message_is_kept_when_its_exchange_is_cancelled() -> None:
    """It left the inbox, and is part of the conversation."""

    class Slow(ScriptedModel):
        async def chat(self, request: Any, *, emit: Any) -> Any:
            if self.requests:
                asked.set()
                await anyio.sleep_forever()
            return await super().chat(request, emit=emit)

    asked = anyio.Event()
    effects = _Effects()
    agent: Agent[Any] = Agent(Slow(*_turns()), tools=effects.tools())  # type: ignore[arg-type]  # tools

    with anyio.fail_after(BOUND_SECONDS):
        async with agent.stream("go") as run:
            async for event in run:
                if isinstance(event, ToolCallStarted):
                    run.send("be quick")
                if isinstance(event, TurnStarted) and event.turn == 2:
                    await asked.wait()
                    break

    assert run.history[-1] == UserMessage("be quick")


async def test_a_cancelled_run_can_be_continued() -> None:
    """Its history is an ordinary one."""
    effects = _Effects()
    model = ScriptedModel(*_turns())
    agent: Agent[Any] = Agent(model, tools=effects.tools())  # type: ignore[arg-type]  # tools
    async with agent.stream("go") as run:
        async for event in run:
            if isinstance(event, ToolCallStarted):
                break

    again = Agent(ScriptedModel("I was interrupted."), tools=effects.tools())  # type: ignore[arg-type]  # tools
    result = await again.run("What happened?", history=run.history)

    assert result.output == "I was interrupted."


async def test_a_message_sent_during_a_run_is_read_at_the_next_turn() -> None:
    """Before the request; next to a final answer, it is answered as well."""
    effects = _Effects()
    call = tool_call("look", name="a")
    model = ScriptedModel(AssistantMessage(tool_calls=[call]), "one", "two")
    agent: Agent[Any] = Agent(model, tools=effects.tools())  # type: ignore[arg-type]  # tools

    async with agent.stream("go") as run:
        async for event in run:
            if isinstance(event, ToolCallStarted):
                run.send("be quick")
        assert run.result.output == "one"

    assert [m.text for m in run.history if isinstance(m, UserMessage)] == ["go", "be quick"]
    assert run.history[3] == UserMessage("be quick")
    assert model.requests[1].history[-1] == UserMessage("be quick")


@pytest.mark.parametrize("stream", [True, False])
async def test_a_message_that_arrives_with_the_final_answer_is_not_lost(stream: bool) -> None:
    """The run continues with it."""

    class Chatty(ScriptedModel):
        async def chat(self, request: Any, *, emit: Any) -> Any:
            response = await super().chat(request, emit=emit)
            if len(self.requests) == 1:
                run.inbox.put(UserMessage("and now?"))
            return response

    agent: Agent[Any] = Agent(Chatty("one", "two"))
    run = agent._new_run("go", {}, None, listeners=[with_deltas(_ignore)] if stream else [])

    result = await agent._run(run)

    assert result.output == "two"
    assert [m.text for m in result.history] == ["go", "one", "and now?", "two"]
