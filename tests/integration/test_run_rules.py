"""What leaves a run as it is, what listeners get at its end, and what its budget refuses."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any, TypeVar

import anyio
import pytest
from pydantic import TypeAdapter

from agentkit import (
    Agent,
    AssistantMessage,
    Budget,
    ConfigError,
    ContextSettings,
    ModelSettings,
    TextReceived,
    ToolResult,
    UserMessage,
    tool,
)
from agentkit.durable.journal import MemoryJournal
from agentkit.errors import JournalError, RunLost
from agentkit.event import (
    AnswerRepaired,
    EventRecord,
    ModelRequested,
    RunFinished,
    with_deltas,
    with_requests,
)
from agentkit.message import ToolCall
from agentkit.testing.scripted import ScriptedModel
from agentkit.tools.tool import Tool

T = TypeVar("T")
ERRORS = (JournalError("The journal is full."), RunLost("Another process took the run over."))
GO = AssistantMessage(
    tool_calls=[ToolCall(id="work00001", name="work", arguments='{"prompt": "go"}')]
)
TWO = AssistantMessage(
    tool_calls=[
        ToolCall(id="work00001", name="work", arguments='{"prompt": "go"}'),
        ToolCall(id="wait00001", name="wait"),
    ],
)


@tool(read_only=True)
async def wait() -> str:
    """Wait for ever."""
    await anyio.sleep_forever()
    return ""


def _raising(error: BaseException, *, in_hook: bool = False) -> Tool[..., Any]:
    async def hook(_call: object, proceed: Callable[[], Awaitable[ToolResult]]) -> ToolResult:
        if in_hook:
            raise error
        return await proceed()

    @tool(read_only=True)
    async def work(prompt: str) -> str:  # noqa: ARG001 - as an agent as a tool takes it
        """Work."""
        async with anyio.create_task_group() as group:  # a tool may well use one
            group.start_soon(_raise, error)
        return ""

    return replace(work, middleware=(hook,))


async def _raise(error: BaseException) -> None:
    raise error


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("place", ["tool", "hook", "nested"])
@pytest.mark.parametrize("error", ERRORS, ids=["JournalError", "RunLost"])
async def test_an_error_of_the_journal_leaves_a_run_as_it_is(
    error: BaseException, place: str, streamed: bool
) -> None:
    """Not in a group, also if another tool is at work side by side."""
    tools: list[Tool[..., Any]] = [_raising(error, in_hook=place == "hook"), wait]
    if place == "nested":
        inner: Agent[Any] = Agent(ScriptedModel(TWO), name="inner", tools=tools)
        tools = [inner.as_tool(name="work", parallel=True), wait]
    agent: Agent[Any] = Agent(ScriptedModel(TWO), tools=tools)

    with anyio.fail_after(60), pytest.raises(type(error)) as caught:
        if streamed:
            async with agent.stream("go") as run:
                async for _ in run:
                    pass
        else:
            await agent.run("go", journal=MemoryJournal())

    assert caught.value is error


class _LostAt(MemoryJournal):
    """A journal that loses its run at one key."""

    def __init__(self, end: str) -> None:
        super().__init__()
        self._end_of_key = end

    async def do(
        self,
        key: str,
        effect: Callable[[], Awaitable[T]],
        *,
        codec: Callable[[], TypeAdapter[T]],
        unknown: Callable[[], Awaitable[T]] | None = None,
    ) -> T:
        if key.endswith(self._end_of_key):
            raise RunLost("Another process took the run over.")
        return await super().do(key, effect, codec=codec, unknown=unknown)


@pytest.mark.parametrize("end", ["run", "s1", "m1/model", "tool-1/work", "m2/tools"])
async def test_a_lost_run_ends_at_whatever_effect_it_is_lost(end: str) -> None:
    """Also inside an agent that is a tool."""
    inner: Agent[Any] = Agent(ScriptedModel("inner"), name="work")
    agent: Agent[Any] = Agent(ScriptedModel(GO, "done"), tools=[inner.as_tool()])

    with pytest.raises(RunLost):
        await agent.run("go", journal=_LostAt(end))


class _Broken(ScriptedModel):
    """Sends a part of its answer, and then nothing more."""

    async def chat(self, request: Any, *, emit: Any) -> Any:  # noqa: ARG002 - the interface
        await emit(TextReceived(text="The answer is "))
        await emit(TextReceived(text="for"))
        await anyio.sleep_forever()


async def test_a_partial_text_is_in_the_history_after_a_stop() -> None:
    """Marked incomplete; the reader left in the middle of the answer."""
    async with Agent(_Broken()).stream("go") as run:
        async for event in run:
            if isinstance(event, TextReceived) and event.text == "for":
                break

    last = run.history[-1]
    assert isinstance(last, AssistantMessage)
    assert (last.text, last.is_incomplete) == ("The answer is for", True)


async def test_listeners_get_the_end_of_a_cancelled_run() -> None:
    """Its own listener, and with_deltas the pieces before it."""
    plain, all_records = list[EventRecord](), list[EventRecord]()

    async def listen(record: EventRecord) -> None:
        await anyio.lowlevel.checkpoint()  # it may wait, also now
        plain.append(record)

    async def listen_all(record: EventRecord) -> None:
        all_records.append(record)
        if isinstance(record.event, TextReceived):
            scope.cancel()

    agent: Agent[Any] = Agent(_Broken())
    with anyio.CancelScope() as scope:
        run = agent._new_run("go", {"listener": listen}, None, listeners=[with_deltas(listen_all)])
        await agent._run(run)

    for records in (plain, all_records):
        end = records[-1].event
        assert isinstance(end, RunFinished)
        assert end.stop_reason == "cancelled"
    assert not any(isinstance(record.event, TextReceived) for record in plain)
    assert next(r.event.text for r in all_records if isinstance(r.event, TextReceived)) == (
        "The answer is "
    )


async def test_requests_come_only_to_listeners_that_want_them() -> None:
    """Each with what the request before did not have; also those of runs inside a tool."""
    plain, wanting = list[EventRecord](), list[EventRecord]()

    async def listen(record: EventRecord) -> None:
        wanting.append(record)

    async def listen_plainly(record: EventRecord) -> None:
        plain.append(record)

    inner: Agent[Any] = Agent(ScriptedModel("inner"), name="work", instructions="Work.")
    settings = ModelSettings(temperature=0, extra_body={"key": "secret"})
    agent: Agent[Any] = Agent(
        ScriptedModel(GO, "done"), tools=[inner.as_tool()], instructions="Be.", settings=settings
    )
    run = agent._new_run(
        "go", {"listener": with_requests(with_deltas(listen))}, None, listeners=[listen_plainly]
    )
    await agent._run(run)

    asked = [one.event for one in wanting if isinstance(one.event, ModelRequested)]
    assert [(one.turn, one.instructions, one.earlier_messages) for one in asked] == [
        *((1, "Be.", 0), (1, "Work.", 0), (2, "Be.", 2)),
    ]
    first, nested, second = asked
    assert first.messages == (UserMessage("go"),)
    assert [type(one) for one in nested.messages] == [UserMessage]
    assert [type(one) for one in second.messages] == [ToolResult]
    assert (first.tools, first.tool_choice) == (("work",), "auto")
    assert first.settings == {"temperature": 0}
    assert any(isinstance(one.event, TextReceived) for one in wanting)
    assert not any(isinstance(one.event, ModelRequested) for one in plain)
    assert [EventRecord.from_json(one.to_json()) for one in wanting] == wanting


async def test_a_stream_whose_listener_wants_requests_gives_them_too() -> None:
    """So the numbers of its records have no gaps."""

    async def listen(_: EventRecord) -> None:
        pass

    agent: Agent[Any] = Agent(ScriptedModel("done", "done"))
    for listener in (listen, with_requests(listen)):
        async with agent.stream("go", listener=listener) as run:
            records = [record async for record in run.records()]

        has_request = any(isinstance(record.event, ModelRequested) for record in records)
        assert has_request is (listener is not listen)
        assert [record.seq for record in records] == list(range(1, len(records) + 1))


async def test_a_shortened_conversation_is_in_the_request_as_it_is_sent() -> None:
    """Nothing of it counts as sent before."""
    asked = list[ModelRequested]()

    async def listen(record: EventRecord) -> None:
        if isinstance(record.event, ModelRequested):
            asked.append(record.event)

    agent: Agent[Any] = Agent(
        ScriptedModel("one", "two"),
        context=ContextSettings(window_tokens=500, answer_tokens=100),
    )
    first = await agent.run("word " * 200, listener=with_requests(listen))
    await agent.run("word " * 200, history=first.history, listener=with_requests(listen))

    assert [len(one.messages) for one in asked] == [1, 1]
    assert [one.earlier_messages for one in asked] == [0, 0]


async def test_records_are_numbered_over_nested_runs() -> None:
    """In the order in which the outermost listener gets them."""
    records = list[EventRecord]()

    async def listen(record: EventRecord) -> None:
        records.append(record)

    inner: Agent[Any] = Agent(ScriptedModel("inner"), name="work")
    agent: Agent[Any] = Agent(ScriptedModel(GO, "done"), tools=[inner.as_tool()])
    result = await agent.run("go", listener=with_deltas(listen))

    assert [record.seq for record in records] == list(range(1, len(records) + 1))
    nested = [record for record in records if record.parent_id is not None]
    assert nested
    assert {(one.parent_id, one.call_id) for one in nested} == {(result.run_id, "work00001")}
    assert any(isinstance(one.event, TextReceived) for one in nested)


async def test_a_limit_of_money_needs_a_price() -> None:
    """Nothing is sent without one; `price_usd` gives it."""
    model = ScriptedModel("done")
    agent: Agent[Any] = Agent(model, budget=Budget(cost_usd=1))

    with pytest.raises(ConfigError, match="price"):
        await agent.run("go")
    assert model.requests == []
    prices = (Decimal("0.5"), Decimal(2))
    result = await agent.run("go", budget=Budget(price_usd=prices))

    assert result.text == "done"


async def test_budgets_are_merged() -> None:
    """What a run sets counts in place of the agent's; the rest stays."""
    records = list[EventRecord]()

    async def listen(record: EventRecord) -> None:
        records.append(record)

    agent: Agent[Any] = Agent(ScriptedModel("done"), budget=Budget(turns=3, tool_calls=4))
    await agent.run("go", budget=Budget(turns=7), listener=listen)

    budget: Any = records[0].event
    assert (budget.budget.turns, budget.budget.tool_calls) == (7, 4)


def _raw(arguments: str, call_id: str) -> AssistantMessage:
    return AssistantMessage(tool_calls=[ToolCall(id=call_id, name="book", arguments=arguments)])


async def test_a_repaired_value_is_returned_and_its_confirmation_runs_once() -> None:
    """A tool with effects does not act on a guess; both lives of the run agree."""
    booked: list[int] = []

    @tool
    async def book(nights: int) -> str:
        """Book a room."""
        booked.append(nights)
        return f"booked {nights}"

    journal, histories = MemoryJournal(), list[Any]()
    script = (_raw('{"nights": "3"}', "book00001"), _raw('{"nights": 3}', "book00002"), "done")
    for answers in (script, ()):
        result = await Agent(ScriptedModel(*answers), tools=[book]).run("go", journal=journal)
        histories.append(result.history)

    returned, ran = histories[0][2], histories[0][4]
    assert returned.is_error
    assert 'Not run: read as {"nights":3}' in returned.text.replace(": 3", ":3")
    assert ran.text == "booked 3"
    assert booked == [3]
    assert histories[0] == histories[1]


async def test_a_repaired_syntax_runs_and_is_reported() -> None:
    """One reading, the same values."""
    records, booked = list[EventRecord](), list[str]()

    async def listen(record: EventRecord) -> None:
        records.append(record)

    @tool
    async def book(city: str) -> str:
        """Book a room."""
        booked.append(city)
        return f"booked {city}"

    model = ScriptedModel(_raw("{'city': 'Paris',}", "book00001"), "done")
    result = await Agent(model, tools=[book]).run("go", listener=listen)

    assert booked == ["Paris"]
    assert result.text == "done"
    assert any(isinstance(record.event, AnswerRepaired) for record in records)


class _Planted(MemoryJournal):
    """Remembers an exchange of other code for each model call."""

    async def do(self, key: str, effect: Any, *, codec: Any, unknown: Any = None) -> Any:
        """Return what no version of this one wrote."""
        if "model" in key:
            return codec().validate_json('{"of": "other code"}')
        return await super().do(key, effect, codec=codec, unknown=unknown)


async def test_a_recorded_exchange_that_holds_nothing_ends_the_run() -> None:
    """Otherwise the loop would turn forever, without a moment for anyone else."""
    agent = Agent(ScriptedModel("Never asked."), name="a")

    with anyio.fail_after(30), pytest.raises(JournalError):
        await agent.run("Hi.", journal=_Planted())
