"""Stored runs: started, read, decided, cancelled and retried, with the worker in one process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import pytest
from pydantic import BaseModel

from agentkit import (
    Agent,
    Approval,
    AssistantMessage,
    ConfigError,
    HistoryError,
    RunContext,
    handoff,
    tool,
)
from agentkit.chat import ModelRequest, ModelResponse
from agentkit.config.profile import ModelProfile
from agentkit.durable import (
    DecisionError,
    RunExistsError,
    RunInfo,
    RunNotFoundError,
    Runs,
    RunStatusError,
    open_runs,
)
from agentkit.durable.event_log import EventLog
from agentkit.durable.worker import Worker
from agentkit.event import Emit, EventRecord
from agentkit.message import ToolCall
from agentkit.model.model import ModelConnection
from agentkit.store.open_store import open_store
from agentkit.testing import ScriptedModel
from agentkit.testing.scripted import tool_call

PAY = [ToolCall(id=f"pay00000{n}", name="pay", arguments=f'{{"amount": {n}}}') for n in (1, 2)]


class Waiting:
    """A model that answers when it is let go."""

    name = "waiting:model"
    profile = ModelProfile(family="waiting", id="model")

    def __init__(self) -> None:
        self.asked = anyio.Event()
        self.may_answer = anyio.Event()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[ModelConnection]:
        """Open it."""
        yield self

    async def chat(self, request: ModelRequest, *, emit: Emit) -> ModelResponse:  # noqa: ARG002
        """Answer when it may."""
        self.asked.set()
        await self.may_answer.wait()
        return ModelResponse(message=AssistantMessage("done"), finish_reason="stop")


def paying(*, turns: int = 1) -> Agent[Any]:
    """Return an agent that asks to pay, and then answers."""

    @tool(approval="ask")
    def pay(amount: int) -> str:
        """Pay."""
        return f"paid {amount}"

    asks = [AssistantMessage(tool_calls=[call]) for call in PAY[:turns]]
    return Agent(ScriptedModel(*asks, "done"), tools=[pay])


async def kinds(runs: Runs, run_id: str, **options: Any) -> list[str]:
    """Return the types of the stored events of a run, each with its place."""
    return [
        f"{record.segment}:{record.seq} {record.event.type}"
        async for record in runs.events(run_id, **options)
    ]


async def test_a_run_is_done_and_kept(database_url: str) -> None:
    """With its answer, its conversation, what it used and its events."""
    agent: Agent[Any] = Agent(ScriptedModel("Hi!"))
    async with open_runs(database_url, agents={"greeter": agent}) as runs:
        started = await runs.start("greeter", "Hello", run_id="a", labels={"order": "7"})
        done = await runs.wait("a")

    # It begins at once, and may be done before `start` has read what it stored.
    assert (started.status, started.life) in {("queued", 0), ("running", 1), ("done", 1)}
    async with open_runs(database_url) as runs:
        assert await runs.get("a") == done
        events = await kinds(runs, "a")
        rest = await kinds(runs, "a", after="1:3")
    assert (done.status, done.text, done.output, done.stop_reason) == (
        *("done", "Hi!", "Hi!", "answered"),
    )
    assert [message.text for message in done.history] == ["Hello", "Hi!"]
    assert done.labels == {"order": "7"}
    assert done.has_ended
    assert done.ended_at is not None
    assert (events[0], events[-1]) == ("1:1 run_started", f"1:{len(events)} run_finished")
    assert rest == events[3:]


async def test_the_id_is_the_idempotency_key(database_url: str) -> None:
    """A second start is the first one; another run with its id is refused."""
    async with open_runs(database_url) as runs:
        first = await runs.start("a", "Hello", run_id="x")

        assert await runs.start("a", "Hello", run_id="x") == first
        for agent, prompt, tenant in (("a", "Bye", ""), ("b", "Hello", ""), ("a", "Hello", "t")):
            with pytest.raises(RunExistsError, match="already a run 'x'"):
                await runs.start(agent, prompt, run_id="x", tenant=tenant)

        assert len({(await runs.start("a", "Hello")).id for _ in range(5)}) == 5
        assert len((await runs.list()).runs) == 6


async def test_what_cannot_begin_is_refused_at_the_start(database_url: str) -> None:
    """And leaves nothing."""
    async with open_runs(database_url, agents={"a": Agent(ScriptedModel("x"))}) as runs:
        with pytest.raises(ConfigError, match="no agent 'b'; there is a"):
            await runs.start("b", "Hello")
        with pytest.raises(HistoryError, match="empty"):
            await runs.start("a", " ")
        with pytest.raises(ValueError, match="time zone"):
            await runs.start("a", "Hello", at=datetime(2026, 1, 1))  # noqa: DTZ001 - refused
        with pytest.raises(ValueError, match="not a name"):
            await runs.start("a", "Hello", run_id="a\0b")

        assert (await runs.list()).runs == []


async def test_an_agent_that_the_worker_lacks_fails_the_run_by_name(database_url: str) -> None:
    """With an event; with the agent, it can be retried."""
    async with open_runs(database_url) as runs:
        await runs.start("late", "Hello", run_id="a")
    async with open_runs(database_url, agents={"other": Agent(ScriptedModel("x"))}) as runs:
        failed = await runs.wait("a")
        events = await kinds(runs, "a")
    async with open_runs(database_url, agents={"late": Agent(ScriptedModel("Hi!"))}) as runs:
        await runs.retry("a")
        done = await runs.wait("a")

    assert failed.status == "failed"
    assert failed.error is not None
    assert failed.error.kind == "ConfigError"
    assert "'late', which this worker does not have; it has other" in failed.error.message
    assert events == ["1:1 run_failed"]
    assert (done.status, done.text, done.error) == ("done", "Hi!", None)


async def test_a_run_waits_for_decisions_and_goes_on(database_url: str) -> None:
    """In two segments; another process may do each of them."""
    async with open_runs(database_url, agents={"a": paying(turns=2)}) as runs:
        await runs.start("a", "Pay", run_id="r")
        for segment in (1, 2):
            waiting = await runs.wait("r")
            assert (waiting.status, waiting.segment) == ("suspended", segment)
            assert [call.id for call in waiting.open_calls] == [PAY[segment - 1].id]
            approvals = [Approval.approve(call) for call in waiting.open_calls]
            await runs.decide("r", approvals, decided_by="ann")
        done = await runs.wait("r")
        events = await kinds(runs, "r")
        second = await kinds(runs, "r", after="2:0")

    assert (done.status, done.segment, done.text) == ("done", 3, "done")
    assert [m.text for m in done.history if m.role == "tool"] == ["paid 1", "paid 2"]
    assert [one.split()[1] for one in events].count("approval_decided") == 2
    assert [one.split()[1] for one in events].count("run_started") == 3
    assert [int(one.split()[0].split(":")[1]) for one in events] == list(range(1, len(events) + 1))
    assert second == [one for one in events if one[0] in "23"]


async def test_a_denial_reaches_the_model(database_url: str) -> None:
    """With its reason."""
    async with open_runs(database_url, agents={"a": paying()}) as runs:
        await runs.start("a", "Pay", run_id="r")
        waiting = await runs.wait("r")
        await runs.decide("r", [Approval.deny(waiting.open_calls[0], reason="Too much.")])
        done = await runs.wait("r")

    [result] = [message for message in done.history if message.role == "tool"]
    assert result.is_error
    assert "Too much." in result.text


async def test_the_first_decision_counts(database_url: str) -> None:
    """A second, a late and a foreign one are refused, and change nothing."""
    calls = AssistantMessage(tool_calls=PAY)
    agent = paying()
    agent.model = ScriptedModel(calls, "done")
    async with open_runs(database_url, agents={"a": agent}) as runs:
        await runs.start("a", "Pay", run_id="r")
        waiting = await runs.wait("r")
        first, second = (Approval.approve(call) for call in waiting.open_calls)
        foreign = Approval.approve(ToolCall(id="pay000009", name="pay", arguments='{"amount": 9}'))
        changed = Approval.approve(ToolCall(id=PAY[1].id, name="pay", arguments='{"amount": 9}'))

        assert (await runs.decide("r", [first])).status == "suspended"
        for approvals, reason in (
            ([first], "was decided before"),
            ([second, foreign], "no open call 'pay000009'"),
            ([changed], "made for other arguments"),
        ):
            with pytest.raises(DecisionError, match=reason):
                await runs.decide("r", approvals)
        with pytest.raises(RunNotFoundError):
            await runs.decide("r", [second], tenant="other")
        await runs.decide("r", [second])
        await runs.wait("r")
        with pytest.raises(RunStatusError, match="is done and waits for no decision"):
            await runs.decide("r", [second])


async def test_two_who_decide_at_once_decide_once(database_url: str) -> None:
    """The others get an error."""
    async with open_runs(database_url, agents={"a": paying()}) as runs:
        await runs.start("a", "Pay", run_id="r")
        [call] = (await runs.wait("r")).open_calls
        outcomes: list[str] = []

        async def decide(name: str) -> None:
            try:
                await runs.decide("r", [Approval.approve(call)], decided_by=name)
            except (DecisionError, RunStatusError):
                outcomes.append("refused")
            else:
                outcomes.append("decided")

        async with anyio.create_task_group() as tasks:
            for name in "abcde":
                tasks.start_soon(decide, name)
        done = await runs.wait("r")

    assert sorted(outcomes) == ["decided", *["refused"] * 4]
    assert done.status == "done"


async def test_a_run_is_cancelled_in_each_status(database_url: str) -> None:
    """Before it begins, while it is done, and while it waits."""
    model = Waiting()
    agents: dict[str, Agent[Any]] = {"a": Agent(model), "b": paying()}
    later = datetime.now(tz=UTC) + timedelta(days=1)
    async with open_runs(database_url, agents=agents) as runs:
        await runs.start("a", "Hello", run_id="queued", at=later)
        await runs.start("a", "Hello", run_id="running")
        await runs.start("b", "Pay", run_id="suspended")
        await model.asked.wait()
        await runs.wait("suspended")
        for run_id in ("queued", "running", "suspended"):
            await runs.cancel(run_id)
            cancelled = await runs.wait(run_id)
            events = await kinds(runs, run_id)

            assert (cancelled.status, cancelled.stop_reason) == ("cancelled", "cancelled")
            assert events[-1].endswith("run_finished")
            with pytest.raises(RunStatusError, match="is cancelled; it has ended"):
                await runs.cancel(run_id)


async def test_a_run_that_is_stopped_with_its_worker_goes_on_with_the_next(
    database_url: str,
) -> None:
    """It is put back, and its events have one beginning and one end."""
    model = Waiting()
    async with open_runs(database_url, agents={"a": Agent(model)}) as runs:
        await runs.start("a", "Hello", run_id="r")
        await model.asked.wait()
    async with open_runs(database_url) as runs:
        assert (await runs.get("r")).status == "queued"
    model.may_answer.set()
    async with open_runs(database_url, agents={"a": Agent(model)}) as runs:
        done = await runs.wait("r")
        events = [one.split()[1] for one in await kinds(runs, "r")]

    assert (done.status, done.life) == ("done", 2)
    assert events.count("run_started") == events.count("run_finished") == 1
    assert events.count("run_resumed") == 1


async def test_a_worker_may_finish_what_it_has(database_url: str) -> None:
    """Within its grace time; it takes nothing new."""
    model = Waiting()
    async with open_runs(database_url, agents={"a": Agent(model)}) as runs:
        await runs.start("a", "Hello", run_id="r")
        await model.asked.wait()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(runs.stop, 30)
            await anyio.wait_all_tasks_blocked()
            await runs.start("a", "Hello", run_id="later")
            model.may_answer.set()
        statuses = [(await runs.get(run_id)).status for run_id in ("r", "later")]

    assert statuses == ["done", "queued"]


async def test_a_scheduled_run_waits_for_its_time(database_url: str) -> None:
    """And begins then."""
    soon = datetime.now(tz=UTC) + timedelta(seconds=1)
    async with open_runs(database_url, agents={"a": Agent(ScriptedModel("Hi!"))}) as runs:
        started = await runs.start("a", "Hello", run_id="r", at=soon)
        done = await runs.wait("r")

    assert started.due_at == soon
    assert done.started_at is not None
    assert done.started_at >= soon


async def test_deps_come_from_a_function_and_are_never_stored(database_url: str) -> None:
    """An agent that needs them is refused without it."""

    class Client:
        secret = "sk-of-the-client"  # noqa: S105 - looked for in the database

    @tool
    async def look(context: RunContext[Client]) -> str:
        """Look."""
        return str(len(context.deps.secret))

    async def deps(info: RunInfo) -> Client:
        assert info.labels == {"tenant": "acme"}
        return Client()

    script = ScriptedModel(tool_call("look"), "x")
    agent: Agent[Client] = Agent(script, tools=[look], deps_type=Client)
    with pytest.raises(ConfigError, match="Client'; give a function"):
        async with open_runs(database_url, agents={"a": agent}):
            pass
    async with open_runs(database_url, agents={"a": agent}, deps=deps) as runs:
        await runs.start("a", "Hello", run_id="r", labels={"tenant": "acme"})
        done = await runs.wait("r")

    assert [message.text for message in done.history if message.role == "tool"] == ["16"]
    async with open_store(database_url) as store:
        tables = ("ak_runs", "ak_effects", "ak_events")
        stored = [await store.run(f"SELECT * FROM {table}") for table in tables]  # noqa: S608
    assert "sk-of" not in repr(stored)


async def test_structured_output_and_hand_offs_are_kept(database_url: str) -> None:
    """As JSON, and with the agent that answered."""

    class City(BaseModel):
        name: str
        people: int

    typed = Agent(ScriptedModel('{"name": "Bonn", "people": 1}'), output_type=City)
    second: Agent[Any] = Agent(ScriptedModel("from the second"), name="second")
    give = tool_call("transfer_to_second")
    first: Agent[Any] = Agent(ScriptedModel(give), name="first", tools=[handoff(second)])
    async with open_runs(database_url, agents={"typed": typed, "first": first}) as runs:
        await runs.start("typed", "Which?", run_id="t")
        await runs.start("first", "Go", run_id="h")

        assert (await runs.wait("t")).output == {"name": "Bonn", "people": 1}
        assert (await runs.wait("h")).text == "from the second"


async def test_who_reads_that_a_run_waits_finds_its_open_calls(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last event is stored with the state, however soon events are written before it."""
    add, end = EventLog.__call__, Worker._end

    async def write_at_once(self: EventLog, record: EventRecord) -> None:
        await add(self, record)
        await self.write()

    async def end_later(self: Worker, *given: Any) -> None:
        await anyio.sleep(0.05)
        await end(self, *given)

    monkeypatch.setattr(EventLog, "__call__", write_at_once)
    monkeypatch.setattr(Worker, "_end", end_later)

    @tool(approval="ask")
    def pay(amount: int) -> str:
        """Pay."""
        return f"paid {amount}"

    agent = Agent(ScriptedModel(AssistantMessage(tool_calls=PAY[:1])), tools=[pay])
    with anyio.fail_after(60):
        async with open_runs(database_url, agents={"a": agent}) as runs:
            await runs.start("a", "x", run_id="r")
            async for record in runs.events("r"):
                if record.event.type == "run_finished":
                    found = await runs.get("r")

    assert (found.status, [call.id for call in found.open_calls]) == ("suspended", ["pay000001"])
