"""Read the steps of a run, and of the runs inside it, from its records.

In:  `EventRecord`s in the order they were made.
Out: `Step`s in the order they began, and the intervals in which time was spent.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from agentkit.event import (
    AnswerRepaired,
    ApprovalDecided,
    ConnectionAwaited,
    ContextTrimmed,
    EventRecord,
    HandedOff,
    ModelFailedOver,
    ModelRequested,
    ModelResponded,
    ModelRetried,
    OutputRejected,
    RequestDelayed,
    RunFailed,
    RunFinished,
    RunResumed,
    RunStarted,
    ToolCallAbandoned,
    ToolCallFinished,
    ToolCallRejected,
    ToolCallStarted,
    ToolResultTruncated,
    TurnStarted,
)
from agentkit.telemetry.explain.run_step import Attempt, Step, StepKind, Text
from agentkit.telemetry.explain.step_draft import Interval, OpenRun, StepDraft
from agentkit.telemetry.explain.step_texts import (
    SENT,
    answer_text,
    arguments_text,
    request_text,
    result_line,
    sent_text,
)


class StepReader:
    """Reads the records of one outermost run.

    Attributes:
        drafts: the steps so far.
        intervals: where time went.
        finished: how the outermost run ended; None if its records end before it did.
    """

    def __init__(self, begin: datetime) -> None:
        self._begin = begin
        self._runs: dict[str, OpenRun] = {}
        self._last = 0.0
        self.drafts: list[StepDraft] = []
        self.intervals: list[Interval] = []
        self.finished: RunFinished | RunFailed | None = None
        self.root: OpenRun | None = None
        self.segments: int = 1
        self.lives: int = 1

    def read(self, record: EventRecord) -> None:
        """Read the next record; those of a replay were read before."""
        if record.is_replay:
            return
        at = self._seconds(record.at)
        run = self._runs.get(record.run_id)
        if run is None:
            parent = self._runs.get(record.parent_id or "")
            run = OpenRun(id=record.run_id, depth=0 if parent is None else parent.depth + 1)
            self._runs[record.run_id] = run
            self.root = self.root or run
        handler = _HANDLERS.get(type(record.event))
        if handler is not None:
            handler(self, run, record.event, at)
        self._last = max(self._last, at)

    def steps(self) -> Sequence[Step]:
        """Return the steps; one that never ended lasts until the last record."""
        ordered = sorted(self.drafts, key=lambda draft: draft.start)
        return [
            Step(
                kind=draft.kind,
                anchor=f"s{number}",
                title=draft.title,
                agent=draft.agent,
                depth=draft.depth,
                start=draft.start,
                end=self._last if draft.end is None else draft.end,
                provider=draft.provider,
                usage=draft.usage,
                badges=tuple(draft.badges),
                attempts=tuple(draft.attempts) if len(draft.attempts) > 1 else (),
                repairs=tuple(draft.repairs),
                texts=tuple(draft.texts),
                notes=tuple(draft.notes),
            )
            for number, draft in enumerate(ordered, start=1)
        ]

    @property
    def seconds(self) -> float:
        """Return the time from the beginning to the last record."""
        return self._last

    def _seconds(self, at: datetime) -> float:
        return (at - self._begin).total_seconds()

    def _add(self, kind: StepKind, title: str, run: OpenRun, start: float) -> StepDraft:
        depth = run.depth if kind in ("agent", "wait") else run.depth + 1
        draft = StepDraft(kind=kind, title=title, agent=run.agent, depth=depth, start=start)
        self.drafts.append(draft)
        run.last = draft
        return draft

    # The run

    def _started(self, run: OpenRun, event: RunStarted, at: float) -> None:
        run.agent, run.model = event.agent or run.agent, event.model
        run.limits = run.limits or event.budget  # of the first segment
        if event.queued_at is not None:
            queued = self._seconds(event.queued_at)
            self._add("wait", "Queue", run, queued).end = at
            self.intervals.append(Interval("queue", queued, at))
        if run.wait is not None:
            self.segments += run is self.root
            run.wait.end = at
            self.intervals.append(Interval("people", run.wait.start, at))
            run.wait = None
        run.segment = self._add("agent", run.agent or "agent", run, at)

    def _resumed(self, run: OpenRun, event: RunResumed, at: float) -> None:
        self.lives = max(self.lives, event.life)
        self.intervals.append(Interval("recovery", self._last, at))
        draft = run.segment or self._add("agent", run.agent or "agent", run, at)
        draft.mark("taken over", "wait")
        seconds = at - self._last
        draft.notes.append(
            f"Its process ended; life {event.life} continued the run {seconds:.1f} s later."
        )

    def _handed_off(self, run: OpenRun, event: HandedOff, at: float) -> None:
        if run.segment is not None:
            run.segment.end = at
        run.agent = event.agent
        run.segment = self._add("agent", event.agent, run, at)
        run.segment.notes.append("The conversation was handed off to this agent.")

    def _ended(self, run: OpenRun, event: RunFinished | RunFailed, at: float) -> None:
        for draft in (run.segment, run.chat, *run.tools.values()):
            if draft is not None and draft.end is None:
                draft.end = at
        segment = run.segment
        if isinstance(event, RunFailed):
            if segment is not None:
                segment.mark("failed", "bad")
                segment.texts.append(Text(label="Error", text=event.error.message, is_bad=True))
            if run.chat is not None:
                run.chat.mark("failed", "bad")
                self._chatted(run.chat, at)
        elif event.stop_reason == "suspended":
            run.wait = self._add("wait", "Waiting for approval", run, at)
        elif segment is not None and event.stop_reason != "answered":
            segment.mark(event.stop_reason, "bad")
        if run is self.root:
            self.finished = event
        run.chat = None

    def _decided(self, run: OpenRun, event: ApprovalDecided, at: float) -> None:
        draft = run.wait or next(
            (one for one in reversed(self.drafts) if one.title == "Waiting for approval"), None
        )
        if draft is None:
            draft = self._add("wait", "Waiting for approval", run, at)
            draft.end = at
        verdict = "approved" if event.verdict == "allow" else "denied"
        draft.mark(verdict, "ok" if event.verdict == "allow" else "bad")
        by = f" by {event.decided_by}" if event.decided_by else ""
        reason = f": {event.reason}" if event.reason else "."
        call = run.calls.get(event.call_id)
        name = f"The call {event.call_id}" if call is None else call.name
        when = self._begin + timedelta(seconds=at)
        draft.notes.append(f"{name} was {verdict}{by} at {when:%Y-%m-%d %H:%M:%S} UTC{reason}")
        if event.arguments is not None:
            if call is not None:
                draft.texts.append(Text(label="Arguments of the model", text=call.arguments))
            draft.texts.append(Text(label="With these arguments instead", text=event.arguments))

    # Exchanges

    def _turn(self, run: OpenRun, _event: TurnStarted, at: float) -> None:
        if run.chat is not None and run.chat.end is None:
            run.chat.end = at
        run.exchanges += 1
        run.chat = self._add("model", f"Exchange {run.exchanges}", run, at)
        if run.unsent:
            run.chat.texts.append(sent_text(run.unsent))
            run.unsent = []

    def _requested(self, run: OpenRun, event: ModelRequested, _at: float) -> None:
        if run.chat is not None:  # it holds what was sent since the exchange before
            others = [text for text in run.chat.texts if text.label != SENT]
            has_changed = event.instructions != run.instructions
            run.chat.texts = [*others, request_text(event, shows_instructions=has_changed)]
            run.instructions = event.instructions

    def _retried(self, run: OpenRun, event: ModelRetried, at: float) -> None:
        draft = run.chat
        if draft is None:
            return
        draft.mark("retried", "wait")
        waited = event.wait_seconds
        draft.attempts.append(Attempt(provider="", at=at, outcome=event.error, wait_seconds=waited))
        self.intervals.append(Interval("retries", at, at + waited))

    def _failed_over(self, run: OpenRun, event: ModelFailedOver, at: float) -> None:
        draft = run.chat
        if draft is None:
            return
        draft.mark("failed over", "wait")
        failure = event.failure
        draft.attempts.append(Attempt(provider=failure.model, at=at, outcome=failure.error))

    def _delayed(self, run: OpenRun, event: RequestDelayed, at: float) -> None:
        self.intervals.append(Interval("retries", at, at + event.wait_seconds))
        if run.chat is not None:
            run.chat.mark("waited", "wait")
            run.chat.notes.append(f"It waited {event.wait_seconds:.1f} s for: {event.reason}.")

    def _connection_awaited(self, run: OpenRun, event: ConnectionAwaited, _at: float) -> None:
        if run.chat is not None:
            run.chat.mark("waited", "wait")
            run.chat.notes.append(f"All {event.max_connections:,} connections were in use.")

    def _repaired(self, run: OpenRun, event: AnswerRepaired, _at: float) -> None:
        draft = run.chat or run.last
        if draft is not None:
            draft.mark("repaired", "fix")
            draft.repairs.append(event.repair)

    def _responded(self, run: OpenRun, event: ModelResponded, at: float) -> None:
        draft = run.chat
        if draft is None:
            draft = self._add("model", f"Exchange {event.turn}", run, at - event.seconds)
        draft.end, draft.usage = at, event.usage
        # A model that a program wrote itself may name neither; its tokens count all the same.
        draft.provider = event.provider or event.model or "unknown"
        outcome = f"finish reason {event.finish_reason}"
        draft.attempts.append(
            Attempt(provider=draft.provider or "", at=at, outcome=outcome, is_failed=False)
        )
        draft.texts.append(answer_text(event.message))
        run.calls.update((call.id, call) for call in event.message.tool_calls)
        self._chatted(draft, at)
        run.last, run.chat = draft, None

    def _chatted(self, draft: StepDraft, at: float) -> None:
        """Count an exchange as time of the model, without the waits in it."""
        start = draft.start
        for attempt in draft.attempts:
            if attempt.wait_seconds:
                self.intervals.append(Interval("model", start, attempt.at))
                start = attempt.at + attempt.wait_seconds
        self.intervals.append(Interval("model", start, at))

    def _output_rejected(self, run: OpenRun, event: OutputRejected, _at: float) -> None:
        if run.last is not None:
            run.last.mark("rejected", "bad")
            run.last.texts.append(Text(label="The model was told", text=event.reason, is_bad=True))
        run.unsent.append(event.reason)

    def _trimmed(self, run: OpenRun, event: ContextTrimmed, _at: float) -> None:
        draft = run.chat or run.segment
        if draft is not None:
            draft.mark("shortened", "wait")
            draft.notes.append(
                f"The conversation was too long: {event.dropped_messages} messages were left out, "
                f"{event.tokens_before:,} tokens became {event.tokens_after:,}."
            )

    # Tools

    def _tool_started(self, run: OpenRun, event: ToolCallStarted, at: float) -> None:
        draft = self._add("tool", event.call.name, run, at)
        draft.texts.append(arguments_text(event.call))
        run.tools[event.call.id] = draft

    def _tool_finished(self, run: OpenRun, event: ToolCallFinished, at: float) -> None:
        draft = run.tools.pop(event.call.id, None)
        if draft is None:
            draft = self._add("tool", event.call.name, run, at - event.seconds)
            draft.texts.append(arguments_text(event.call))
        draft.end = at
        if event.result.is_error:
            draft.mark("failed", "bad")
        draft.texts.append(
            Text(label="Result", text=event.result.text, is_bad=event.result.is_error)
        )
        run.unsent.append(result_line(event.call, event.result))
        self.intervals.append(Interval("tools", draft.start, at))

    def _tool_rejected(self, run: OpenRun, event: ToolCallRejected, at: float) -> None:
        draft = self._add("tool", event.call.name, run, at)
        draft.end = at
        draft.mark("rejected", "bad")
        draft.texts += [
            arguments_text(event.call),
            Text(label="The model was told", text=event.result.text, is_bad=True),
        ]
        run.unsent.append(result_line(event.call, event.result))

    def _abandoned(self, run: OpenRun, event: ToolCallAbandoned, _at: float) -> None:
        draft = run.tools.get(event.call.id) or run.last
        if draft is not None:
            draft.mark("not stopped", "bad")
            draft.notes.append("The tool went on after its time; its result was discarded.")

    def _truncated(self, run: OpenRun, event: ToolResultTruncated, _at: float) -> None:
        draft = run.tools.get(event.call_id) or run.last
        if draft is not None:
            draft.notes.append("The result was too long; the model got its beginning and its end.")


_HANDLERS: Mapping[type, Callable[[StepReader, OpenRun, Any, float], None]] = {
    RunStarted: StepReader._started,
    RunResumed: StepReader._resumed,
    HandedOff: StepReader._handed_off,
    RunFinished: StepReader._ended,
    RunFailed: StepReader._ended,
    ApprovalDecided: StepReader._decided,
    TurnStarted: StepReader._turn,
    ModelRetried: StepReader._retried,
    ModelFailedOver: StepReader._failed_over,
    RequestDelayed: StepReader._delayed,
    ConnectionAwaited: StepReader._connection_awaited,
    AnswerRepaired: StepReader._repaired,
    ModelRequested: StepReader._requested,
    ModelResponded: StepReader._responded,
    OutputRejected: StepReader._output_rejected,
    ContextTrimmed: StepReader._trimmed,
    ToolCallStarted: StepReader._tool_started,
    ToolCallFinished: StepReader._tool_finished,
    ToolCallRejected: StepReader._tool_rejected,
    ToolCallAbandoned: StepReader._abandoned,
    ToolResultTruncated: StepReader._truncated,
}
