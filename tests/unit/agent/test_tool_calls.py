"""The calls of a turn, planned and run within the limits of a run."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import anyio
import pytest

from agentkit import Agent
from agentkit.agent import tool_calls as calls_module
from agentkit.agent.journal import Journal
from agentkit.agent.options import RunOptions
from agentkit.agent.run import Run
from agentkit.agent.step import ToolAnswers
from agentkit.agent.tool_calls import _run_batch, plan_open_calls
from agentkit.budget.budget import Budget
from agentkit.durable.journal import MemoryJournal
from agentkit.event import (
    EventRecord,
    RunEvent,
    ToolCallFinished,
    ToolCallRejected,
    ToolCallStarted,
)
from agentkit.history import History
from agentkit.message import AssistantMessage, ToolCall, ToolResult, UserMessage
from agentkit.testing.clock import ManualClock
from agentkit.testing.scripted import ScriptedModel, tool_call
from agentkit.tools.approval import Approval
from agentkit.tools.concurrency.concurrency_limits import ConcurrencyLimits
from agentkit.tools.tool import Tool, tool
from agentkit.tools.tool_run import Proceed
from agentkit.tools.validate import ReadyCall
from tests.unit.agent.running import running


@tool(read_only=True)
def add(a: int, b: int) -> str:
    """Add two numbers."""
    return str(a + b)


@tool
async def hang() -> str:
    """Never end."""
    await anyio.sleep_forever()
    return "never"


@tool
def once() -> str:
    """Do it."""
    return "done"


ELSEWHERE = Tool.external(name="elsewhere", description="d", input_schema={"type": "object"})
TOOLS: dict[str, Tool[..., Any]] = {one.name: one for one in (add, hang, once, ELSEWHERE)}
CALLS = [
    ToolCall(id=f"call{at:05}", name="add", arguments=json.dumps({"a": at, "b": 1}))
    for at in range(4)
]


_NAMES = {"timeout_seconds": "tool_timeout_seconds", "limits": "concurrency"}


async def _run(
    *calls: ToolCall,
    budget: Budget | None = None,
    journal: Journal | None = None,
    tools: Mapping[str, Tool[..., Any]] = TOOLS,
    approvals: Sequence[Approval] = (),
    is_replay: bool = False,
    **given: Any,
) -> tuple[ToolAnswers, list[RunEvent], Run]:
    """Plan and run calls; with `is_replay` as if another life had planned them."""
    options: Any = {_NAMES[name]: value for name, value in given.items()}
    agent: Agent[Any] = Agent(
        ScriptedModel(), tools=list(tools.values()), budget=budget, clock=ManualClock(), **options
    )
    events: list[RunEvent] = []

    async def listen(record: EventRecord) -> None:
        events.append(record.event)

    history = History([UserMessage("go"), AssistantMessage(tool_calls=calls)])
    more: RunOptions[Any] = {"listener": listen, "approvals": approvals, "journal": journal}
    async with running(agent, history, more) as (run, member):
        state = await plan_open_calls(run, member, run.start_state(), calls)
        if is_replay:
            answered = replace(state.answered, ready={})
            state = replace(state, answered=answered, is_replay=True)
        with anyio.fail_after(60):
            answers = await _run_batch(run, member, state, calls)
    return answers, events, run


async def test_calls_beyond_the_limit_get_an_error_and_are_not_run() -> None:
    """The first ones are run, and the run stops at its limit."""
    answers, events, _ = await _run(*CALLS, budget=Budget(tool_calls=2))

    assert [result.is_error for result in answers.results] == [False, False, True, True]
    assert "may make no more tool calls" in answers.results[2].text
    assert answers.over == "max_tool_calls"
    assert len([event for event in events if isinstance(event, ToolCallRejected)]) == 2


async def test_exactly_as_many_calls_as_the_limit_are_allowed() -> None:
    """Only a call that could not be run ends the run."""
    answers, _, _ = await _run(*CALLS, budget=Budget(tool_calls=4))

    assert not any(result.is_error for result in answers.results)
    assert answers.over is None


async def test_a_call_that_cannot_run_gets_an_error_and_does_not_count() -> None:
    """Such as one of a tool that does not exist."""
    none = ToolCall(id="none00001", name="none_such")

    answers, _, _ = await _run(none, CALLS[0], budget=Budget(tool_calls=1))

    assert [result.is_error for result in answers.results] == [True, False]
    assert answers.over is None


@pytest.mark.parametrize(
    ("approval", "said"),
    [
        (Approval.deny(CALLS[0], reason="not now"), "not run. The reason given: not now"),
        (Approval.deny(CALLS[0]), "was refused and was not run."),
        (Approval.approve(CALLS[0], arguments={"a": 20, "b": 22}), "42"),
        (Approval.approve(CALLS[0], arguments={"a": "x"}), "could not be run"),
    ],
    ids=["refused", "refused without a reason", "edited", "edited badly"],
)
async def test_approvals_are_applied(approval: Approval, said: str) -> None:
    """The model reads the reason of a person."""
    answers, _, _ = await _run(CALLS[0], approvals=[approval])

    assert said in answers.results[0].text


async def test_an_external_tool_is_planned_as_one_that_needs_a_result() -> None:
    """Before any call of the turn runs."""
    call = tool_call("elsewhere")
    history = History([UserMessage("go"), AssistantMessage(tool_calls=[call])])
    agent: Agent[Any] = Agent(ScriptedModel(), tools=[ELSEWHERE])

    async with running(agent, history) as (run, member):
        state = await plan_open_calls(run, member, run.start_state(), [call])

    planned = state.answered.plan[call.id]
    assert planned.verdict.decision == "ask"


async def test_the_deadline_stops_tools_and_keeps_finished_results() -> None:
    """The result of a stopped call states that its outcome is unknown."""
    answers, _, run = await _run(
        CALLS[0], ToolCall(id="hang00001", name="hang"), budget=Budget(seconds=0.5)
    )

    assert answers.results[0] == ToolResult(CALLS[0].id, "1") or not answers.results[0].is_error
    assert "was stopped before it ended" in answers.results[1].text
    assert [run.draft.result_of(call).is_error for call in CALLS] == [
        False,
        *[True] * (len(CALLS) - 1),
    ]


async def _wait_first(ready: ReadyCall, run: Proceed) -> ToolResult:  # noqa: ARG001 - it never runs
    await anyio.sleep_forever()
    return await run()


@pytest.mark.parametrize(
    ("changed", "given"),
    [
        pytest.param({"timeout_seconds": None}, {"timeout_seconds": None}, id="no limit"),
        pytest.param({"timeout_seconds": 60.0}, {}, id="a limit that is far"),
        pytest.param({"timeout_seconds": None}, {"timeout_seconds": 60.0}, id="a far default"),
        pytest.param({"timeout_seconds": 0.1, "middleware": (_wait_first,)}, {}, id="middleware"),
    ],
)
async def test_a_call_that_outlasts_the_run_is_stopped_with_it(
    changed: dict[str, Any], given: dict[str, Any]
) -> None:
    """Whatever takes so long."""
    call = ToolCall(id="hang00001", name="hang")
    tools = {"hang": replace(hang, **changed)}

    answers, _, _ = await _run(call, tools=tools, budget=Budget(seconds=0.3), **given)

    assert "was stopped before it ended" in answers.results[0].text or (
        "was not run" in answers.results[0].text
    )


@pytest.mark.parametrize("kind", ["tool", "group", "process"])
async def test_a_call_that_waits_for_a_permit_is_stopped_with_the_run(kind: str) -> None:
    """The wait is not part of the tool's timeout."""
    limits = {
        "tool": ConcurrencyLimits(),
        "group": ConcurrencyLimits(groups={"slow": 1}),
        "process": ConcurrencyLimits(process=1),
    }[kind]
    limited = replace(
        hang,
        concurrency_group="slow",
        max_concurrency=1 if kind == "tool" else None,
        timeout_seconds=0.1,
    )
    call = ToolCall(id="hang00001", name="hang")
    held = await limits.acquire(limited)
    try:
        answers, _, _ = await _run(
            call, tools={"hang": limited}, budget=Budget(seconds=0.3), limits=limits
        )
    finally:
        held.release()

    assert "was not run" in answers.results[0].text


async def test_tools_have_their_own_timeouts_if_the_run_has_the_time() -> None:
    """One after the other, with the time of each cleanup."""
    calls = [ToolCall(id=f"hang{at:05}", name="hang") for at in range(2)]
    tools = {"hang": replace(hang, timeout_seconds=0.1)}

    answers, _, _ = await _run(*calls, tools=tools, budget=Budget(seconds=100))

    assert [one.text for one in answers.results] == [
        "The tool 'hang' was stopped after 0.1 seconds."
    ] * 2


async def test_recorded_calls_are_not_run_again() -> None:
    """Nor is a call that began and has no recorded end, if it may have had an effect."""
    journal = MemoryJournal()
    call = ToolCall(id="once00001", name="once")
    first, _, _ = await _run(call, CALLS[0], journal=journal)

    again, events, _ = await _run(call, CALLS[0], journal=journal, is_replay=True)

    assert again.results == first.results
    assert [type(event) for event in events] == [ToolCallStarted, ToolCallFinished] * 2
    keys = ("s1/m2/tool-1/once", "s1/m2/tool-2/add")
    assert journal.names == ("run", "s1", "s1/m2/plan", *keys)
    begun = MemoryJournal()
    begun._begun.update(keys)
    unknown, _, _ = await _run(call, CALLS[0], journal=begun)
    assert "is unknown" in unknown.results[0].text
    assert unknown.results[1] == first.results[1]


async def test_recorded_results_are_used_whatever_tools_exist_now() -> None:
    """The journal is read before a call is validated or its tool is looked up."""
    journal = MemoryJournal()
    call = ToolCall(id="once00001", name="once")
    first, _, _ = await _run(call, journal=journal)

    again, _, _ = await _run(call, journal=journal, is_replay=True, tools={"add": add})

    assert again.results == first.results


async def test_a_call_planned_by_another_process_is_validated_when_it_runs() -> None:
    """The plan came from a journal."""
    answers, _, _ = await _run(CALLS[0])

    again, _, _ = await _run(CALLS[0], journal=MemoryJournal(), is_replay=True)

    assert again.results == answers.results
    assert (again.over, again.used.tool_calls) == (None, 1)


@pytest.mark.parametrize(
    ("seconds", "given", "is_bounded"),
    [
        (3600, {}, False),
        (150, {}, False),
        (140, {}, True),
        (3600, {"timeout_seconds": None}, True),
        (math.inf, {"timeout_seconds": None}, False),
        (3600, {"limits": ConcurrencyLimits(process=1)}, True),
        (3600, {"limits": ConcurrencyLimits(groups={"others": 1})}, False),
    ],
)
async def test_the_time_of_a_run_bounds_calls_that_could_take_longer(
    seconds: float,
    given: dict[str, Any],
    is_bounded: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two calls of at most 60 seconds and their cleanup take 130; a tenth of it all is kept."""
    bounds: list[float] = []

    def move_on_after(delay: float) -> anyio.CancelScope:
        bounds.append(delay)
        return anyio.move_on_after(delay)

    monkeypatch.setattr(calls_module, "anyio", SimpleNamespace(move_on_after=move_on_after))

    answers, _, _ = await _run(*CALLS[:2], budget=Budget(seconds=seconds), **given)

    assert bool(bounds) == is_bounded
    assert [result.text for result in answers.results] == ["1", "2"]
