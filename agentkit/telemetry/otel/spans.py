"""Make the spans of runs: agents, model calls, tools, and agents inside tools.

In:  the records of runs, each in the task that reports it.
Out: spans; the one that is open is the current span of its task.

A span is opened by the record of what begins and ended by the record of what ended, at the times
of these records. The current span is never detached by a token: the record that ends a span may be
reported by another task than the one that opened it, where the token is not valid.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from opentelemetry.context import Context, attach, get_current
from opentelemetry.trace import (
    Link,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    Tracer,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.util.types import AttributeValue

from agentkit.event import (
    EventRecord,
    HandedOff,
    ModelResponded,
    RunEvent,
    RunFailed,
    RunFinished,
    RunResumed,
    RunStarted,
    ToolCallAbandoned,
    ToolCallFinished,
    ToolCallStarted,
    TurnStarted,
)
from agentkit.telemetry.otel import semconv
from agentkit.telemetry.otel.captured_content import Content
from agentkit.telemetry.otel.span_facts import NOTED_EVENTS, facts_of, usage_attributes
from agentkit.telemetry.otel.trace_context import format_trace, parse_trace, send_context

MAX_RUNS = 10_000
"""Most runs with open spans, and most runs whose last segment is remembered for a link."""

Attributes = dict[str, AttributeValue]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _Run:
    """The spans of one run that are open.

    Attributes:
        id: its id.
        outer: what was current before the run began.
        context: the same with the span of the agent at work.
        model: the model of the agent at work; empty if it is not known.
        conversation: the id of its conversation.
        root: the span of the run.
        agent: the span of the agent at work: `root`, or that of a handoff.
        chat: the span of the model call under way.
        tools: the spans of running tools, by call id.
    """

    __slots__ = (
        "agent",
        "chat",
        "context",
        "conversation",
        "id",
        "model",
        "outer",
        "root",
        "tools",
    )

    def __init__(
        self, root: Span, outer: Context, *, run_id: str, model: str, conversation: str
    ) -> None:
        self.id = run_id
        self.outer = outer
        self.conversation = conversation
        self.context = set_span_in_context(root, outer)
        self.model = model
        self.root = self.agent = root
        self.chat: Span | None = None
        self.tools: dict[str, Span] = {}

    @property
    def open_spans(self) -> list[Span]:
        """Return all spans that are open, the innermost first."""
        chat = [] if self.chat is None else [self.chat]
        agent = [] if self.agent is self.root else [self.agent]
        return [*self.tools.values(), *chat, *agent, self.root]


class RunSpans:
    """The spans of any number of runs.

    Args:
        tracer: makes spans.
        content: what is exported of texts.
    """

    def __init__(self, tracer: Tracer, content: Content) -> None:
        self._tracer = tracer
        self._content = content
        self._runs: OrderedDict[str, _Run] = OrderedDict()
        self._ended: OrderedDict[str, SpanContext] = OrderedDict()
        self._earlier: OrderedDict[str, Sequence[SpanContext]] = OrderedDict()

    def take(self, record: EventRecord) -> None:
        """Open, change or end the spans that a record is about."""
        event, at = record.event, _nanoseconds(record.at)
        run = self._runs.get(record.run_id)
        if run is None:
            run = self._open(record, at)
        handle = _HANDLERS.get(type(event))
        if handle is not None:
            handle(self, run, event, at)

    def trace_of(self, run_id: str) -> str | None:
        """Return the trace of a run; see `agentkit.telemetry.run_links`."""
        run = self._runs.get(run_id)
        found = self._ended.get(run_id) if run is None else run.root.get_span_context()
        return None if found is None else format_trace(found)

    def link_next(self, run_id: str, traces: Sequence[str]) -> None:
        """Link the next span of a run; see `agentkit.telemetry.run_links`."""
        self._earlier[run_id] = [context for one in traces if (context := parse_trace(one))]
        if len(self._earlier) > MAX_RUNS:
            self._earlier.popitem(last=False)

    def _open(self, record: EventRecord, at: int) -> _Run:
        """Open the span of a run; its first record may be another than that of its start."""
        event = record.event
        started = event if isinstance(event, RunStarted) else None
        agent, model, conversation = "", "", record.run_id
        if started is not None:
            agent, model = started.agent, started.model
            conversation = started.labels.get("session", conversation)
        attributes: Attributes = {
            semconv.OPERATION: semconv.INVOKE_AGENT,
            semconv.RUN_ID: record.run_id,
            semconv.SEGMENT: record.segment,
            semconv.CONVERSATION: conversation,
        }
        if started is not None:
            attributes[semconv.AGENT] = agent
            attributes[semconv.REQUEST_MODEL] = model
            for name, value in started.labels.items():
                attributes[f"{semconv.LABEL}.{name}"] = value
        outer = get_current()
        parent = self._runs.get(record.parent_id or "")
        context = outer
        if parent is not None:
            caller = parent.tools.get(record.call_id or "", parent.agent)
            context = set_span_in_context(caller, outer)
        before = self._ended.pop(record.run_id, None)
        earlier = self._earlier.pop(record.run_id, ()) or (() if before is None else (before,))
        root = self._tracer.start_span(
            f"{semconv.INVOKE_AGENT} {agent}".strip(),
            context,
            kind=SpanKind.INTERNAL,
            attributes=attributes,
            links=[Link(one) for one in earlier] if earlier else (),
            start_time=at,
        )
        run = _Run(root, outer, run_id=record.run_id, model=model, conversation=conversation)
        self._runs[record.run_id] = run
        if len(self._runs) > MAX_RUNS:
            self._runs.popitem(last=False)[1].root.end()
        attach(run.context)
        return run

    def _begin(
        self,
        name: str,
        outer: Context,
        attributes: Attributes,
        at: int,
        *,
        kind: SpanKind = SpanKind.INTERNAL,
    ) -> tuple[Span, Context]:
        """Open a span inside a context, make it the current one, and return it with its context."""
        span = self._tracer.start_span(name, outer, kind=kind, attributes=attributes, start_time=at)
        context = set_span_in_context(span, outer)
        attach(context)
        return span, context

    def _resume(self, run: _Run, event: RunResumed, at: int) -> None:
        run.root.set_attribute(semconv.LIFE, event.life)
        run.root.add_event("agentkit.run_resumed", timestamp=at)

    def _begin_chat(self, run: _Run, event: TurnStarted, at: int) -> None:
        if run.chat is not None:  # the call before it failed, and the run goes on
            run.chat.end(at)
        attributes: Attributes = {
            semconv.OPERATION: semconv.CHAT,
            semconv.CONVERSATION: run.conversation,
            semconv.TURN: event.turn,
        }
        if run.model:
            attributes[semconv.REQUEST_MODEL] = run.model
        name = f"{semconv.CHAT} {run.model}" if run.model else semconv.CHAT
        run.chat, _ = self._begin(name, run.context, attributes, at, kind=SpanKind.CLIENT)
        send_context(run.chat.get_span_context())

    def _end_chat(self, run: _Run, event: ModelResponded, at: int) -> None:
        chat, run.chat = run.chat, None
        if chat is None:
            return
        if chat.is_recording():  # else it is not sampled
            chat.set_attributes(self._answer_attributes(event))  # each call takes a lock
        chat.end(at)
        send_context(None)
        attach(run.context)

    def _answer_attributes(self, event: ModelResponded) -> Attributes:
        attributes = usage_attributes(event.usage)
        reason = semconv.FINISH_REASON_OF.get(event.finish_reason, event.finish_reason)
        attributes[semconv.FINISH_REASONS] = (reason,)
        if event.model:
            attributes[semconv.RESPONSE_MODEL] = event.model
        if event.provider:
            attributes[semconv.PROVIDER] = semconv.PROVIDERS.get(event.provider, event.provider)
        if self._content.is_captured:
            attributes[semconv.OUTPUT_MESSAGES] = self._content.answer(event.message, reason)
        return attributes

    def _begin_tool(self, run: _Run, event: ToolCallStarted, at: int) -> None:
        call = event.call
        attributes: Attributes = {
            semconv.OPERATION: semconv.EXECUTE_TOOL,
            semconv.TOOL: call.name,
            semconv.CALL_ID: call.id,
            semconv.TOOL_TYPE: "function",
        }
        if self._content.is_captured:
            attributes[semconv.CALL_ARGUMENTS] = self._content.arguments(call)
        name = f"{semconv.EXECUTE_TOOL} {call.name}"
        run.tools[call.id], _ = self._begin(name, run.context, attributes, at)

    def _end_tool(self, run: _Run, event: ToolCallFinished, at: int) -> None:
        span = run.tools.pop(event.call.id, None)
        if span is None:
            return
        if self._content.is_captured and span.is_recording():
            span.set_attribute(semconv.CALL_RESULT, self._content.result(event.result))
        if event.result.is_error:
            span.set_attribute(semconv.ERROR_TYPE, "tool_error")
            span.set_status(Status(StatusCode.ERROR))
        span.end(at)
        attach(run.context)

    def _hand_off(self, run: _Run, event: HandedOff, at: int) -> None:
        """Open the span of the agent that goes on; it is inside that of the run."""
        if run.agent is not run.root:
            run.agent.end(at)
        attributes: Attributes = {
            semconv.OPERATION: semconv.INVOKE_AGENT,
            semconv.AGENT: event.agent,
        }
        name = f"{semconv.INVOKE_AGENT} {event.agent}"
        run.model = ""
        inside = set_span_in_context(run.root, run.outer)
        run.agent, run.context = self._begin(name, inside, attributes, at)

    def _note(self, run: _Run, event: RunEvent, at: int) -> None:
        """Add what happened to the span that is open."""
        facts = facts_of(event)
        span = run.agent if run.chat is None else run.chat
        if isinstance(event, ToolCallAbandoned):
            span = run.tools.get(event.call.id, span)
        span.add_event(f"agentkit.{event.type}", facts, timestamp=at)

    def _finish(self, run: _Run, event: RunFinished, at: int) -> None:
        if run.root.is_recording():
            attributes = usage_attributes(event.usage)
            attributes[semconv.STOP_REASON] = event.stop_reason
            attributes[semconv.TURNS] = event.turns
            run.root.set_attributes(attributes)
        self._end(run, at)

    def _fail(self, run: _Run, event: RunFailed, at: int) -> None:
        for span in run.open_spans:
            span.set_attribute(semconv.ERROR_TYPE, event.error.kind)
            span.set_status(Status(StatusCode.ERROR, event.error.kind))
        self._end(run, at)

    def _end(self, run: _Run, at: int) -> None:
        """End the spans of a run and forget it; a later segment of it is linked to this one."""
        spans = run.open_spans
        for span in spans:
            span.end(at)
        self._runs.pop(run.id, None)
        self._ended[run.id] = run.root.get_span_context()
        if len(self._ended) > MAX_RUNS:
            self._ended.popitem(last=False)
        if run.chat is not None:
            send_context(None)
        if get_current_span() in spans:
            attach(run.outer)


_HANDLERS: Mapping[type, Callable[[RunSpans, _Run, Any, int], None]] = {
    RunResumed: RunSpans._resume,
    TurnStarted: RunSpans._begin_chat,
    ModelResponded: RunSpans._end_chat,
    ToolCallStarted: RunSpans._begin_tool,
    ToolCallFinished: RunSpans._end_tool,
    HandedOff: RunSpans._hand_off,
    RunFinished: RunSpans._finish,
    RunFailed: RunSpans._fail,
    **dict.fromkeys(NOTED_EVENTS, RunSpans._note),
}


def _nanoseconds(at: datetime) -> int:
    """Return nanoseconds since 1970, as spans have them."""
    since = at - _EPOCH
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1000
