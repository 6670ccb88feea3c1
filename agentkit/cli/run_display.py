"""Show a run while it goes on.

In:  `EventRecord`s.
Out: the answer on standard output, everything else on standard error; or lines of JSON.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import field
from typing import TypeAlias

from agentkit.cli.answer_writer import AnswerWriter, PlainWriter
from agentkit.cli.indicator import Indicator
from agentkit.cli.terminal import note, shorten, write_json
from agentkit.content import TextContent
from agentkit.event import (
    AnswerRepaired,
    ConnectionAwaited,
    ContextTrimmed,
    EventRecord,
    HandedOff,
    ModelFailedOver,
    ModelResponded,
    ModelRetried,
    OutputRejected,
    RequestDelayed,
    RequestDowngraded,
    RunEvent,
    RunFinished,
    RunStarted,
    TextReceived,
    ToolCallAbandoned,
    ToolCallFinished,
    ToolCallRejected,
    ToolCallStarted,
    ToolProgressed,
    ToolResultTruncated,
    ToolsetReported,
    TurnStarted,
)
from agentkit.message import ToolCall, ToolResult
from agentkit.value import dataclass

ShowRecord: TypeAlias = Callable[[EventRecord], None]

_ARGUMENTS = 300
_RESULT = 500
_DETAIL = 200
_QUIET_LEVELS = {"debug", "info", "notice"}


def show_as_json(record: EventRecord) -> None:
    """Write a record to standard output as one line of JSON."""
    write_json(record.to_json())


@dataclass(slots=True, kw_only=True)
class RunDisplay:
    """Shows one run after the other.

    Attributes:
        writer: writes the answers.
        indicator: shows that something is waited for.
        shown: the text of the current turn that was written already.
    """

    writer: AnswerWriter = field(default_factory=PlainWriter)
    indicator: Indicator = field(default_factory=Indicator)
    shown: str = field(default="", init=False)
    _prefixes: dict[str, str] = field(default_factory=dict, init=False)

    def show(self, record: EventRecord) -> None:
        """Show what a person wants to see of a record."""
        if record.parent_id is not None:
            self._show_inner(record, parent_id=record.parent_id)
            return
        match event := record.event:
            case TurnStarted():
                self.shown = ""
                self.indicator.show("waiting for the model")
            case TextReceived(text):
                self.indicator.hide()
                self.shown += text
                self.writer.write(text)
            case ModelResponded(message=message):
                self.indicator.hide()
                self._complete(message.text)
            case _:
                self._show_notes(event)

    def end(self) -> None:
        """Complete what was written, also of a run that was stopped."""
        self.indicator.hide()
        self.writer.end()

    def _show_notes(self, event: RunEvent, *, prefix: str = "") -> None:
        lines = note_lines(event)
        if lines:
            self.indicator.hide()
            self.writer.pause()
        for line in lines:
            note(f"{prefix}{line.text}", style=line.style)
        if isinstance(event, ToolCallStarted):
            self.indicator.show(f"running {event.call.name}")

    def _show_inner(self, record: EventRecord, *, parent_id: str) -> None:
        """Show what a run inside a tool does; its answer is the result of the tool."""
        if isinstance(record.event, RunStarted):
            above = self._prefixes.get(parent_id, "")
            self._prefixes[record.run_id] = f"{above}  [{record.event.agent}] "
        prefix = self._prefixes.get(record.run_id, "  ")
        if not isinstance(record.event, RunFinished):
            self._show_notes(record.event, prefix=prefix)

    def _complete(self, text: str) -> None:
        """Write the rest of a turn's text that was not streamed, and end its line."""
        if text.startswith(self.shown):
            self.writer.write(text.removeprefix(self.shown))
        self.writer.end()


@dataclass(frozen=True, slots=True)
class NoteLine:
    """A line for standard error and its style."""

    text: str
    style: str = "dim"


def note_lines(event: RunEvent) -> list[NoteLine]:
    """Return the notes about an event; none for most events."""
    match event:
        case RunFinished():
            return _end_lines(event)
        case _:
            return [*_call_lines(event), *_model_lines(event), *_turn_lines(event)]


def _call_lines(event: RunEvent) -> list[NoteLine]:
    """Return the notes about a call."""
    match event:
        case ToolCallStarted(call=call):
            return [_call_line(call)]
        case ToolCallFinished(result=result, seconds=seconds):
            line = _result_line(result, f"({seconds * 1000:.0f} ms)")
            return _plan_lines(result) or [line]
        case ToolCallRejected(call=call, result=result):
            return [_call_line(call), NoteLine(f"✗ not run: {reason_of(result.text)}", "red")]
        case ToolProgressed(progress=progress, total=total, message=message):
            of = "" if total is None else f" of {total:g}"
            return [NoteLine(f"  {progress:g}{of} {message or ''}".rstrip())]
        case ToolCallAbandoned(call=call, seconds=seconds):
            text = f"  {call.name} still runs after {seconds:g} s and was abandoned"
            return [NoteLine(text, "red")]
        case _:
            return []


def format_call(call: ToolCall) -> str:
    """Return a call as Python would write it; malformed arguments as they are."""
    try:
        arguments = json.loads(call.arguments or "{}")
    except (ValueError, RecursionError):
        arguments = None
    if not isinstance(arguments, dict):
        return f"{call.name}({shorten(call.arguments, _ARGUMENTS)})"
    formatted = ", ".join(
        f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in arguments.items()
    )
    return f"{call.name}({shorten(formatted, _ARGUMENTS)})"


def reason_of(text: str, *, default: str = "the model was told why") -> str:
    """Return why a call or an answer was rejected, for a person.

    Args:
        text: what the model is told; its advice is for the model alone.
        default: what to return if the text is of no known kind.
    """
    _, found, reason = text.partition("The reason given: ")
    if found:
        return shorten(reason, _DETAIL)
    if (found_reason := _ANSWER_REJECTED.match(text)) is not None:
        return shorten(found_reason["reason"], _DETAIL)
    faults = [line.removeprefix("- ") for line in text.splitlines() if line.startswith("- ")]
    if faults:
        return f"its arguments do not fit: {shorten('; '.join(faults), _DETAIL)}"
    return next((reason for part, reason in _REASONS.items() if part in text), default)


# The advice begins on a line of its own; see `agentkit.output.output_plan.REJECTED`.
_ANSWER_REJECTED = re.compile(r"Your answer was rejected: (?P<reason>.*?)\.?(?:\n|$)", re.DOTALL)
_REASONS: Mapping[str, str] = {
    "refused and was not run": "denied",
    "must be one JSON object": "its arguments are not a JSON object",
    "There is no tool": "there is no such tool",
    "no more tool calls": "the limit of tool calls is reached",
    "before its turn came": "the run was stopped before",
    "at its limit": "the run is at its limit",
    "Not run: read as": "its arguments were repaired, and the model is asked to confirm them",
    "Not run: the arguments do not fit": "its arguments do not fit",
    "Not run: it waits for": "it waits for the call before it",
    "The outcome of the call": (
        "it was begun before the run was interrupted, and its outcome is unknown"
    ),
    "answers at once": "there were several answers at once",
    "could not be run": "its changed arguments do not fit",
}
"""What a rejection means, by words in what the model is told."""


def _call_line(call: ToolCall) -> NoteLine:
    return NoteLine(f"→ {format_call(call)}", "cyan")


def _result_line(result: ToolResult, remark: str) -> NoteLine:
    text = result.text or f"[{', '.join(block.type for block in result.content) or 'nothing'}]"
    sign, style = ("✗", "red") if result.is_error else ("←", "green")
    return NoteLine(f"{sign} {shorten(text, _RESULT)}  {remark}", style)


_MARKS: Mapping[object, str] = {"done": "[x]", "in_progress": "[>]", "dropped": "[-]"}


def _plan_lines(result: ToolResult) -> list[NoteLine]:
    """Return the steps of a plan, one in each line; nothing for any other result."""
    content = result.structured_content
    if not isinstance(content, Mapping) or list(content) != ["plan"]:
        return []
    steps = content["plan"]
    if not isinstance(steps, list):
        return []
    return [
        NoteLine(f"  {_MARKS.get(one.get('status'), '[ ]')} {shorten(str(one['step']), _DETAIL)}")
        for one in steps
        if isinstance(one, Mapping) and "step" in one
    ]


def _model_lines(event: RunEvent) -> list[NoteLine]:
    """Return the notes about repairs, retries and changes in a model exchange."""
    match event:
        case AnswerRepaired(repair=repair):
            before, after = (shorten(text, _DETAIL) for text in (repair.before, repair.after))
            note = f"repaired ({repair.kind}): {before} → {after}"
        case ModelRetried(wait_seconds=seconds, error=error):
            note = f"retried in {seconds:.1f} s: {shorten(error, _DETAIL)}"
        case RequestDelayed(wait_seconds=seconds, reason=reason):
            note = f"waiting {seconds:.1f} s for a rate limit: {shorten(reason, _DETAIL)}"
        case ConnectionAwaited(max_connections=count):
            note = f"waiting for a connection: all {count:,} are in use"
        case RequestDowngraded(change=change, error=error):
            note = f"sent again, {change}: {shorten(error, _DETAIL)}"
        case ModelFailedOver(failure=failure):
            note = f"trying the next provider; {failure.model}: {shorten(failure.error, _DETAIL)}"
        case _:
            return []
    return [NoteLine(f"  {note}")]


def _turn_lines(event: RunEvent) -> list[NoteLine]:
    """Return the notes about what happens between model exchanges."""
    match event:
        case ContextTrimmed():
            return [_trimmed_line(event)]
        case ToolResultTruncated(content=content):
            size = sum(len(block.text) for block in content if isinstance(block, TextContent))
            return [NoteLine(f"  a result of {size:,} characters was cut for the model")]
        case ToolsetReported(toolset=toolset, level=level, message=message):
            style = "red" if level not in _QUIET_LEVELS else ""
            return [NoteLine(f"  {toolset}: {shorten(message, _RESULT)}", style)]
        case OutputRejected(reason=reason):
            fault = reason_of(reason).removeprefix("its arguments do not fit: ")
            return [NoteLine(f"  the answer does not fit: {fault}")]
        case HandedOff(agent=agent):
            return [NoteLine(f"  the agent {agent} takes over")]
        case _:
            return []


def _trimmed_line(event: ContextTrimmed) -> NoteLine:
    left_out = (
        f"{event.dropped_messages} messages left out, {event.shortened_results} results shortened"
    )
    if event.summary_error is not None:
        left_out += f"; no summary: {shorten(event.summary_error, _DETAIL)}"
    return NoteLine(f"  the conversation exceeds the context window: {left_out}")


def _end_lines(event: RunFinished) -> list[NoteLine]:
    """Return the notes about the usage, and the limit if the run ended at one."""
    usage = event.usage
    cost = "" if usage.cost_usd is None else f", ${usage.cost_usd:f}"
    calls = "1 model call" if event.turns == 1 else f"{event.turns} model calls"
    about = "about " if usage.is_estimate else ""
    lines = [NoteLine(f"  {calls}, {about}{usage.total_tokens:,} tokens{cost}")]
    if event.stop_reason == "suspended":
        lines.append(NoteLine("  The run waits for the approval of a call.", "yellow"))
    elif event.stop_reason != "answered":
        text = f"  The run ended early: {event.stop_reason.replace('_', ' ')}."
        lines.append(NoteLine(text, "red"))
    return lines
