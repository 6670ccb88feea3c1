"""A stored run that is cancelled while a worker does it, or after that worker ended."""

from typing import Any, Literal

import anyio
import pytest

from agentkit import Agent, AssistantMessage, ReadyCall, Usage, tool
from agentkit.chat import ModelResponse
from agentkit.durable import event_log, liveness, open_runs, worker
from agentkit.store.open_store import open_store
from agentkit.testing import ScriptedModel, tool_call
from tests.unit.durable.test_runs import kinds

DIED = (
    "UPDATE ak_runs SET worker = 'gone-1', life = life + 1, cancel_requested = 1 "
    "WHERE id = 'r' AND status = 'running'"
)


class Actor:
    """An agent that acts, and then holds when it does so for the first time.

    Attributes:
        agents: it, by name.
        done: what was done, in order.
        holds: the call that holds has begun.
    """

    def __init__(self) -> None:
        self.done: list[str] = []
        self.holds = anyio.Event()

        @tool
        async def act() -> str:
            """Act once."""
            self.done.append("acted")
            return "acted"

        @tool(idempotent=True)
        async def hold() -> str:
            """Hold while it is the first time."""
            self.done.append("held")
            if not self.holds.is_set():
                self.holds.set()
                await anyio.sleep_forever()
            return "held"

        first = ModelResponse(
            message=AssistantMessage(tool_calls=[tool_call("act")]),
            finish_reason="tool_calls",
            usage=Usage(input_tokens=7),
        )
        model = ScriptedModel(first, tool_call("hold"), "done")
        self.agents: dict[str, Agent[Any]] = {"a": Agent(model, tools=[act, hold])}


async def test_its_conversation_is_kept(database_url: str) -> None:
    """With what its last segment did; retried, it does nothing of that again."""
    actor = Actor()
    async with open_runs(database_url, agents=actor.agents) as runs:
        await runs.start("a", "Go", run_id="r")
        await actor.holds.wait()
        await runs.cancel("r")
        cancelled = await runs.wait("r")
        await runs.retry("r")
        ended = await runs.wait("r")

    assert cancelled.status == "cancelled"
    assert cancelled.history.open_calls == ()
    assert [message.role for message in cancelled.history] == [
        *("user", "assistant", "tool", "assistant", "tool"),
    ]
    assert "stopped" in cancelled.history[-1].text
    assert (ended.status, ended.text, actor.done) == ("done", "done", ["acted", "held", "held"])
    assert [m.text for m in ended.history if m.role == "tool"] == ["acted", "held"]


async def test_its_conversation_and_events_are_kept_when_its_worker_dies(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next worker reads what was done, also what was not reported, and does nothing."""
    monkeypatch.setattr(liveness, "SWEEP_SECONDS", 0.05)
    actor = Actor()
    with monkeypatch.context() as unreported:
        unreported.setattr(event_log, "WRITE_AFTER_SECONDS", 3600.0)
        async with open_runs(database_url, agents=actor.agents) as runs:
            await runs.start("a", "Go", run_id="r")
            await actor.holds.wait()
            async with open_store(database_url) as store:
                await store.run(DIED)
            before = await kinds(runs, "r", follow=False)
    async with open_runs(database_url, agents=actor.agents) as runs:
        cancelled = await runs.wait("r")
        after = await kinds(runs, "r")
        done = list(actor.done)
        await runs.retry("r")
        ended = await runs.wait("r")

    assert (cancelled.status, cancelled.stop_reason) == ("cancelled", "cancelled")
    assert [message.text for message in cancelled.history][::2][:2] == ["Go", "acted"]
    assert "stopped" in cancelled.history[-1].text
    assert cancelled.usage.input_tokens == 7
    assert before == []
    assert [one.split()[1] for one in after] == [
        "run_resumed",
        "run_started",
        *("turn_started", "model_responded", "tool_call_started", "tool_call_finished"),
        *("turn_started", "model_responded"),
        "run_finished",
    ]
    assert [one.split()[0] for one in after] == [f"1:{n}" for n in range(1, len(after) + 1)]
    assert done == ["acted", "held"]
    assert (ended.status, ended.text) == ("done", "done")
    assert actor.done == ["acted", "held", "held"]


async def test_it_is_cancelled_by_a_worker_without_its_agent(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its end is reported as that of any run."""
    monkeypatch.setattr(liveness, "SWEEP_SECONDS", 0.05)
    actor = Actor()
    async with open_runs(database_url, agents=actor.agents) as runs:
        await runs.start("a", "Go", run_id="r")
        await actor.holds.wait()
        async with open_store(database_url) as store:
            await store.run(DIED)
    async with open_runs(database_url, agents={}) as runs:
        cancelled = await runs.wait("r")
        after = await kinds(runs, "r")

    assert (cancelled.status, cancelled.error) == ("cancelled", None)
    assert after[-1].endswith("run_finished")


async def test_a_cancelled_run_does_not_wait_for_a_decision(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was suspended before its worker noticed that it was to be cancelled."""
    monkeypatch.setattr(worker, "POLL_SECONDS", 3600.0)

    @tool
    async def erase() -> str:
        """Erase something."""
        return "gone"

    async def ask(_: ReadyCall) -> Literal["ask"]:
        async with open_store(database_url) as store:
            await store.run("UPDATE ak_runs SET cancel_requested = 1")
        return "ask"

    model = ScriptedModel(tool_call("erase"))
    agents: dict[str, Agent[Any]] = {"a": Agent(model, tools=[erase], approve=ask)}
    async with open_runs(database_url, agents=agents) as runs:
        await runs.start("a", "Go", run_id="r")
        cancelled = await runs.wait("r")
        events = await kinds(runs, "r")

    assert (cancelled.status, cancelled.stop_reason) == ("cancelled", "cancelled")
    assert [one.split()[1] for one in events[-2:]] == ["run_finished", "run_finished"]
