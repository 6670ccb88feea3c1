"""What is recorded of a call, so that a replay gives the same result and the same events.

In:  the events of a batch of calls; later what was recorded.
Out: `CallOutcome`s with their `CallFacts`; the same events, marked as replayed; `Draft`, what is
     known of a step before it ends.

Progress is not kept: it is over.
"""

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from agentkit.agent.report import Report
from agentkit.agent.step import CallFacts
from agentkit.budget.meter import NOTHING, Spent
from agentkit.chat import ModelSettings
from agentkit.event import (
    AnswerRepaired,
    Emit,
    RunEvent,
    ToolCallAbandoned,
    ToolCallFinished,
    ToolCallRejected,
    ToolCallStarted,
    ToolResultTruncated,
)
from agentkit.history import History
from agentkit.message import AssistantMessage, Message, ToolCall, ToolResult, UserMessage
from agentkit.tools.approval import PlannedCall
from agentkit.tools.validate import ReadyCall
from agentkit.usage import NO_USAGE, Usage
from agentkit.value import record


@record
class CallOutcome:
    """The outcome of one call, as it is recorded.

    Attributes:
        result: what the tool gave, before it was truncated.
        note: what the model is told about the call before its result.
        used: what agents used that ran inside the call.
        usage: the same, as providers report it.
    """

    result: ToolResult
    note: str | None = None
    facts: CallFacts = field(default_factory=CallFacts)
    used: Spent = NOTHING
    usage: Usage = NO_USAGE


class FactCollector:
    """Passes events on, and keeps what they say."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._facts: dict[str, CallFacts] = {}

    def of(self, call_id: str) -> CallFacts:
        """Return what is known of a call."""
        return self._facts.get(call_id) or CallFacts()

    def put(self, call_id: str, facts: CallFacts) -> None:
        """Take what an earlier life recorded."""
        self._facts[call_id] = facts

    async def emit(self, event: RunEvent) -> None:
        """Keep what an event reports about its call, and pass the event on."""
        match event:
            case AnswerRepaired(repair=repair) if repair.call_id is not None:
                repairs = self.of(repair.call_id).repairs
                self._add(repair.call_id, repairs=(*repairs, repair))
            case ToolCallStarted(call=call):
                self._add(call.id, was_run=True)
            case ToolCallFinished(call=call, seconds=seconds):
                self._add(call.id, seconds=seconds)
            case ToolResultTruncated(call_id=call_id, content=content):
                self._add(call_id, full_content=content)
            case ToolCallAbandoned(call=call, seconds=seconds):
                self._add(call.id, abandoned_seconds=seconds)
            case _:
                pass
        await self._emit(event)

    def _add(self, call_id: str, **facts: Any) -> None:
        self._facts[call_id] = replace(self.of(call_id), **facts)


async def replay_events(
    calls: Sequence[ToolCall],
    results: Sequence[ToolResult],
    facts: Sequence[CallFacts],
    *,
    report: Report,
) -> None:
    """Report again what happened to calls in an earlier life."""
    if not report.is_active:
        return
    for call, result, fact in zip(calls, results, facts, strict=True):
        for repair in fact.repairs:
            await report.replay(AnswerRepaired(repair=repair))
        if not fact.was_run:
            await report.replay(ToolCallRejected(call=call, result=result))
            continue
        await report.replay(ToolCallStarted(call=call))
        if fact.abandoned_seconds is not None:
            await report.replay(ToolCallAbandoned(call=call, seconds=fact.abandoned_seconds))
        if fact.full_content is not None:
            await report.replay(ToolResultTruncated(call_id=call.id, content=fact.full_content))
        await report.replay(ToolCallFinished(call=call, result=result, seconds=fact.seconds))


def unknown_result(call: ToolCall) -> ToolResult:
    """Return the result of a call that an earlier life began and whose end is not known."""
    return ToolResult(
        call.id,
        f"The outcome of the call of {call.name!r} is unknown: it was begun, and then the run was "
        "interrupted. It was not run again, as it must not happen twice. Find out by other means "
        "whether it took effect, or tell the user.",
        is_error=True,
    )


def denied_result(call: ToolCall, reason: str) -> ToolResult:
    """Return the result of a call that was not allowed."""
    given = f" The reason given: {reason}" if reason else ""
    return ToolResult(
        call.id, f"The call of {call.name!r} was refused and was not run.{given}", is_error=True
    )


def over_budget_result(call: ToolCall) -> ToolResult:
    """Return the result of a call for which the budget has no room."""
    return ToolResult(
        call.id,
        f"The call of {call.name!r} was not run: this task may make no more tool calls.",
        is_error=True,
    )


def later_calls(
    calls: Sequence[ToolCall], *, settings: ModelSettings
) -> dict[str, ReadyCall | ToolResult]:
    """Return error results for all calls of an answer but the first, if only one may be in it.

    Many providers do not know the setting `parallel_tool_calls`, and models ignore it.
    """
    if len(calls) < 2 or settings.parallel_tool_calls is not False:
        return {}
    return {
        call.id: ToolResult(
            call.id,
            f"The call of {call.name!r} was not run: only one call at a time is allowed here. Wait "
            "for the result of the first, then call again if it is still needed.",
            is_error=True,
        )
        for call in calls[1:]
    }


def reject_as_given(
    planned: Sequence[PlannedCall], given: Mapping[str, ReadyCall | ToolResult]
) -> tuple[PlannedCall, ...]:
    """Return a plan that rejects calls whose error results were given before."""
    return tuple(
        replace(one, rejection=result)
        if isinstance(result := given.get(one.call_id), ToolResult)
        else one
        for one in planned
    )


@cache
def outcome_codec() -> TypeAdapter[CallOutcome]:
    """Return what writes and reads the outcome of a call."""
    return TypeAdapter(CallOutcome)


class Draft:
    """What is known of a step before it ends.

    Attributes:
        history: the conversation where the step began.
        new: the messages that the step has added so far.
        received: the pieces of an answer that is arriving.
        started: the calls whose tool was started, by id.
        finished: the results that exist, by call id.
    """

    __slots__ = ("finished", "history", "new", "received", "started")

    def __init__(self, history: History) -> None:
        self.begin(history)

    def begin(self, history: History) -> None:
        """Begin a step."""
        self.history: History = history
        self.new: Sequence[Message] = ()
        self.received: Sequence[str] = ()
        self.started: dict[str, ToolCall] = {}
        self.finished: dict[str, ToolResult] = {}

    def take(self, messages: Sequence[UserMessage], received: Sequence[str]) -> None:
        """Note what the user said before a request, and where its answer will arrive."""
        self.new, self.received = messages, received

    def complete(self) -> History:
        """Return the conversation so far: each call has a result, a partial answer is marked."""
        history = self.history + self.new
        text = "".join(self.received)
        if text and not history.open_calls:
            history += [AssistantMessage(text, is_incomplete=True)]
        return history + map(self.result_of, history.open_calls)

    def result_of(self, call: ToolCall) -> ToolResult:
        """Return the result of a call; of one that was stopped, what is known of it."""
        return self.finished.get(call.id) or stopped_result(
            call, has_started=call.id in self.started
        )


def stopped_result(call: ToolCall, *, has_started: bool) -> ToolResult:
    """Return the result of a call that was stopped with its run."""
    known = (
        "was stopped before it ended. Whether it had an effect is not known."
        if has_started
        else "was not run: the run was stopped first."
    )
    return ToolResult(call.id, f"The call of {call.name!r} {known}", is_error=True)
