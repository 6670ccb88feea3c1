"""A second life of a finished run takes the same steps and reports the same, marked as a replay."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import anyio
import pytest

from agentkit import (
    Agent,
    Approval,
    AssistantMessage,
    Budget,
    History,
    RunContext,
    ToolCall,
    UserMessage,
    handoff,
    tool,
)
from agentkit.agent.options import AgentOptions
from agentkit.durable.journal import FileJournal, MemoryJournal
from agentkit.errors import JournalError
from agentkit.event import (
    EventRecord,
    ModelRetried,
    OutputRejected,
    RunEvent,
    RunFinished,
    ToolCallRejected,
    ToolProgressed,
    ToolResultTruncated,
)
from agentkit.testing.clock import ManualClock
from agentkit.testing.scripted import ScriptedModel
from tests.integration.crash_scenarios import SCENARIOS, Ledger, Life

Lives = tuple[History, list[EventRecord], History, list[EventRecord]]


def _recorder() -> tuple[list[EventRecord], Any]:
    records: list[EventRecord] = []

    async def listen(record: EventRecord) -> None:
        records.append(record)

    return records, listen


def _events(records: Sequence[EventRecord]) -> list[RunEvent]:
    """Return the events of the outermost run that a replay reports again."""
    return [
        record.event
        for record in records
        if record.parent_id is None and not isinstance(record.event, ToolProgressed | ModelRetried)
    ]


def _by_call(records: Sequence[EventRecord]) -> dict[str, list[RunEvent]]:
    """Return the events of each call in their order, and those of no call: calls are parallel."""
    found: dict[str, list[RunEvent]] = {}
    for event in _events(records):
        call = getattr(event, "call", None)
        call_id = getattr(event, "call_id", "") if call is None else call.id
        found.setdefault(call_id, []).append(event)
    return found


def _check_replay(first: Sequence[EventRecord], second: Sequence[EventRecord]) -> None:
    assert [record.seq for record in first] == list(range(1, len(first) + 1))
    assert not any(record.is_replay for record in first)
    assert all(record.is_replay and record.seq is None for record in second)
    assert _by_call(second) == _by_call(first)


@pytest.mark.parametrize("scenario", SCENARIOS)
async def test_a_finished_run_is_replayed_without_effects(scenario: str, tmp_path: Path) -> None:
    """No model is asked, no tool is run; the records are the same and have no numbers."""
    journal, ledger = MemoryJournal(), Ledger(tmp_path / "ledger.txt")
    lives = []
    for _ in range(2):
        records, listen = _recorder()
        history = await SCENARIOS[scenario](Life(journal, ledger, listen))
        lives.append((history, records, ledger.lines))

    (history, first, lines), (again, second, lines_after) = lives
    assert (again, lines_after) == (history, lines)
    if scenario != "suspended_twice":
        assert [record.seq for record in first] == list(range(1, len(first) + 1))
    assert all(record.is_replay and record.seq is None for record in second)
    assert {record.segment for record in second} == {record.segment for record in first}
    assert _by_call(second) == _by_call(first)


async def _two_lives(
    make: Callable[[ManualClock], tuple[Agent[Any, Any], ScriptedModel]],
) -> Lives:
    """Run twice under one journal; the second model must not be asked."""
    journal, lives = MemoryJournal(), list[Any]()
    for number in (1, 2):
        agent, model = make(ManualClock())
        records, listen = _recorder()
        result = await agent.run("go", journal=journal, run_id="run-1", listener=listen)
        lives += [result.history, records]
        assert number == 1 or model.requests == []
    assert lives[0] == lives[2]
    _check_replay(lives[1], lives[3])
    return tuple(lives)


def _calls(name: str, count: int) -> AssistantMessage:
    calls = [ToolCall(id=f"{name}{n}".ljust(9, "0"), name=name) for n in range(count)]
    return AssistantMessage(tool_calls=calls)


def _agent(
    clock: ManualClock, *answers: Any, runs: list[str], **options: Any
) -> tuple[Agent[Any, Any], ScriptedModel]:
    @tool(read_only=True)
    async def slow(context: RunContext[Any]) -> str:
        """Take twenty seconds."""
        runs.append("slow")
        await context.report_progress(1)
        clock.advance(20)
        return "slow"

    @tool(read_only=True)
    async def long() -> str:
        """Return more than a model should get."""
        runs.append("long")
        return "x" * 200_000

    model = ScriptedModel(*answers)
    agent_options: AgentOptions = {"clock": clock}
    return Agent(model, tools=[slow, long], **options, **agent_options), model


async def test_a_deadline_is_replayed() -> None:
    """The clock of the second life does not decide about the first."""
    runs: list[str] = []
    lives = await _two_lives(
        lambda clock: _agent(
            clock, _calls("slow", 1), "closing", runs=runs, budget=Budget(seconds=20)
        )
    )

    assert runs == ["slow"]
    assert _finished(lives[3]).stop_reason == "deadline"


async def test_a_limit_of_calls_and_a_call_over_the_budget_are_replayed() -> None:
    """The second call has an error result in both lives."""
    runs: list[str] = []
    lives = await _two_lives(
        lambda clock: _agent(
            clock, _calls("slow", 2), "closing", runs=runs, budget=Budget(tool_calls=1)
        )
    )

    assert runs == ["slow"]
    assert "may make no more tool calls" in lives[0][3].text
    assert _finished(lives[3]).stop_reason == "max_tool_calls"


async def test_rejected_calls_are_replayed() -> None:
    """A tool that does not exist, and one that is denied."""
    lives = await _two_lives(
        lambda clock: _agent(
            clock,
            _calls("none_such", 1),
            _calls("slow", 1),
            "done",
            runs=[],
            approve=lambda _request: "deny",
        )
    )

    assert sum(isinstance(event, ToolCallRejected) for event in _events(lives[3])) == 2


async def test_a_truncated_result_is_replayed() -> None:
    """With the full content in its event."""
    runs: list[str] = []
    lives = await _two_lives(lambda clock: _agent(clock, _calls("long", 1), "done", runs=runs))

    cut = [event for event in _events(lives[3]) if isinstance(event, ToolResultTruncated)]
    assert len(cut) == 1
    assert runs == ["long"]


async def test_structured_output_that_is_asked_again_is_replayed() -> None:
    """With the reason why it was rejected."""
    wrong, right = (
        AssistantMessage(
            tool_calls=[
                ToolCall(id=call_id, name="final_answer", arguments=json.dumps({"result": value}))
            ]
        )
        for value, call_id in (("no number", "answer001"), (3, "answer002"))
    )
    lives = await _two_lives(lambda clock: _agent(clock, wrong, right, runs=[], output_type=int))

    assert sum(isinstance(event, OutputRejected) for event in _events(lives[3])) == 1


def _finished(records: Sequence[EventRecord]) -> RunFinished:
    (found,) = [one.event for one in records if isinstance(one.event, RunFinished)]
    return found


async def test_a_tool_that_the_deadline_stopped_does_not_run_again() -> None:
    """The result that the model gets is recorded with the step."""
    runs: list[str] = []

    @tool(read_only=True)
    async def wait() -> str:
        """Wait for ever."""
        runs.append("wait")
        await anyio.sleep_forever()
        return ""

    journal, histories = MemoryJournal(), []
    for answers in ((_calls("wait", 1), "closing"), ()):
        agent: Agent[Any] = Agent(ScriptedModel(*answers), tools=[wait], budget=Budget(seconds=0.3))
        result = await agent.run("go", journal=journal)
        assert result.stop_reason == "deadline"
        histories.append(result.history)

    assert runs == ["wait"]
    assert histories[0] == histories[1]
    assert "was stopped before it ended" in histories[0][2].text


async def test_a_recorded_outcome_counts_when_its_tool_is_gone() -> None:
    """The first life ends between the call and the end of its step."""
    journal, steps = MemoryJournal(), list[str]()

    @tool
    async def first() -> str:
        """Do it."""
        steps.append("first")
        return "did it"

    @tool
    async def second() -> str:
        """Do the other thing."""
        scope.cancel()
        await anyio.sleep_forever()
        return ""

    calls = AssistantMessage(
        tool_calls=[
            ToolCall(id="first0001", name="first"),
            ToolCall(id="second001", name="second"),
        ],
    )
    with anyio.CancelScope() as scope:
        await Agent(ScriptedModel(calls), tools=[first, second]).run("go", journal=journal)

    result = await Agent(ScriptedModel("done"), tools=[second]).run("go", journal=journal)

    assert [message.text for message in result.history][2] == "did it"
    assert "is unknown" in result.history[3].text
    assert steps == ["first"]


async def test_two_agents_inside_one_tool_keep_their_answers() -> None:
    """They end in another order than they began, and in the second life in yet another."""
    journal, asked = MemoryJournal(), list[str]()

    class Slow(ScriptedModel):
        async def chat(self, request: Any, *, emit: Any) -> Any:
            asked.append(request.history[0].text)
            for _ in range(20 if request.history[0].text == "left" else 1):
                await anyio.lowlevel.checkpoint()
            return await ScriptedModel(f"{request.history[0].text}!").chat(request, emit=emit)

    inner: Agent[Any] = Agent(Slow(), name="inner")

    def build(*, stop: bool) -> Agent[Any]:
        @tool(read_only=True)
        async def both(context: RunContext[Any]) -> str:
            """Ask twice."""
            answers: dict[str, str] = {}

            async def ask(prompt: str) -> None:
                answers[prompt] = (await inner.run(prompt, within=context)).text

            order = ("left", "right") if stop else ("right", "left")
            async with anyio.create_task_group() as group:
                for prompt in order:
                    group.start_soon(ask, prompt)
            if stop:
                scope.cancel()
                await anyio.sleep_forever()
            return f"{answers['left']} {answers['right']}"

        return Agent(ScriptedModel(*((_calls("both", 1),) if stop else ("done",))), tools=[both])

    with anyio.CancelScope() as scope:
        await build(stop=True).run("go", journal=journal)
    result = await build(stop=False).run("go", journal=journal)

    assert result.history[2].text == "left! right!"
    assert sorted(asked) == ["left", "right"]


async def test_equal_agents_with_equal_input_inside_one_tool_need_ids() -> None:
    """A journal cannot tell them apart; with a `run_id` each, it can."""
    inner: Agent[Any] = Agent(ScriptedModel("a", "b", "c"), name="inner")

    def build(*ids: str | None) -> Agent[Any]:
        @tool(read_only=True)
        async def ask(context: RunContext[Any]) -> str:
            """Ask twice."""
            texts = []
            for one in ids:
                options: Any = {} if one is None else {"run_id": one}
                texts.append((await inner.run("same", within=context, **options)).text)
            return " ".join(texts)

        return Agent(ScriptedModel(_calls("ask", 1), "done"), tools=[ask])

    with pytest.raises(JournalError, match="give each a run_id"):
        await build(None, None).run("go", journal=MemoryJournal())
    result = await build("one", "two").run("go", journal=MemoryJournal())

    assert result.history[2].text == "b c"


async def test_a_second_opener_of_a_file_is_refused(tmp_path: Path) -> None:
    """While the run is under way; after its end, the file is free."""
    path = tmp_path / "journal.jsonl"

    @tool(read_only=True)
    async def open_again() -> str:
        """Open the journal of this run again."""
        with pytest.raises(JournalError, match=r"journal\.jsonl' is in use"):
            FileJournal(path)
        return "refused"

    agent: Agent[Any] = Agent(ScriptedModel(_calls("open_again", 1), "done"), tools=[open_again])
    result = await agent.run("go", journal=FileJournal(path))

    assert result.history[2].text == "refused"
    assert FileJournal(path).names


async def test_an_approval_is_kept_if_a_run_was_handed_off_and_suspended() -> None:
    """It is resumed on the first agent, and the second, whose call it is, goes on."""
    done: list[str] = []

    @tool(approval="ask")
    async def pay() -> str:
        """Pay."""
        done.append("paid")
        return "paid"

    journal = MemoryJournal()

    def build(*answers: Any) -> Agent[Any]:
        second: Agent[Any] = Agent(ScriptedModel(*answers[1:]), name="second", tools=[pay])
        return Agent(ScriptedModel(*answers[:1]), name="first", tools=[handoff(second)])

    waiting = await build(_calls("transfer_to_second", 1), _calls("pay", 1)).run(
        "go", journal=journal, run_id="run-1"
    )
    assert waiting.stop_reason == "suspended"
    approvals = [Approval.approve(call) for call in waiting.open_calls]
    result = await build("wrong agent", "second answers").run(
        history=waiting.history, approvals=approvals, journal=journal, run_id="run-1"
    )

    assert result.text == "second answers"
    assert done == ["paid"]
    assert waiting.history[0] == UserMessage("go")
    assert (waiting.segment, result.segment) == (1, 2)
