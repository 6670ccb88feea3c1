"""Show a run while it goes on.

In:  `RunEvent`s.
Out: the answer's text on standard output, all else on standard error; or JSON lines.
"""

import json
from collections.abc import Callable
from dataclasses import field
from typing import TypeAlias

from agentkit.cli.terminal import note, shorten, write, write_json
from agentkit.content import TextContent
from agentkit.event import (
    AnswerRepaired,
    ContextTrimmed,
    HandedOff,
    ModelFailedOver,
    ModelResponded,
    ModelRetried,
    OutputRejected,
    RequestDelayed,
    RequestDowngraded,
    RunEvent,
    RunFinished,
    SubAgentEvent,
    TextReceived,
    ToolCallAbandoned,
    ToolCallFinished,
    ToolCallRejected,
    ToolCallStarted,
    ToolProgressed,
    ToolResultTruncated,
    ToolsetReported,
    TurnStarted,
    event_to_json,
)
from agentkit.message import ToolCall, ToolResult
from agentkit.value import dataclass, replace

ShowEvent: TypeAlias = Callable[[RunEvent], None]

_ARGUMENTS = 300
_RESULT = 500
_DETAIL = 200
_QUIET_LEVELS = {"debug", "info", "notice"}


def show_as_json(event: RunEvent) -> None:
    """Put an event on standard output as one line of JSON."""
    write_json(event_to_json(event))


@dataclass(slots=True, kw_only=True)
class RunDisplay:
    """Shows one run after the other; remembers what of the answer stands there already."""

    shown: str = field(default="", init=False)

    def show(self, event: RunEvent) -> None:
        """Show what a person wants to see of an event."""
        match event:
            case TurnStarted():
                self.shown = ""
            case TextReceived(text=text):
                self.shown += text
                write(text)
            case ModelResponded(message=message):
                self._complete(message.text)
            case _:
                for line in note_lines(event):
                    note(line.text, style=line.style)

    def _complete(self, text: str) -> None:
        """Write what of a turn's text did not come in pieces, and end its line."""
        if not text.strip():
            return
        if text.startswith(self.shown):
            write(text.removeprefix(self.shown))
        if not text.endswith("\n"):
            write("\n")


@dataclass(frozen=True, slots=True)
class NoteLine:
    """A line for standard error and how it looks."""

    text: str
    style: str = "dim"


def note_lines(event: RunEvent) -> list[NoteLine]:
    """Return what to say about an event beside the answer; nothing about most."""
    match event:
        case SubAgentEvent(agent=agent, event=inner):
            # Its own end is the result of the call that runs it.
            lines = [] if isinstance(inner, RunFinished) else note_lines(inner)
            return [replace(line, text=f"  [{agent}] {line.text}") for line in lines]
        case RunFinished():
            return _end_lines(event)
        case _:
            return [*_call_lines(event), *_model_lines(event), *_detour_lines(event)]


def _call_lines(event: RunEvent) -> list[NoteLine]:
    """Say what became of a call."""
    match event:
        case ToolCallStarted(call=call):
            return [_call_line(call)]
        case ToolCallFinished(result=result, seconds=seconds):
            return [_result_line(result, f"({seconds * 1000:.0f} ms)")]
        case ToolCallRejected(call=call, result=result):
            return [_call_line(call), _result_line(result, "(not run)")]
        case ToolProgressed(progress=progress, total=total, message=message):
            of = "" if total is None else f" of {total:g}"
            return [NoteLine(f"  {progress:g}{of} {message or ''}".rstrip())]
        case ToolCallAbandoned(call=call, seconds=seconds):
            return [
                NoteLine(f"  {call.name} is still at work after {seconds:g} s and was left", "red")
            ]
        case _:
            return []


def format_call(call: ToolCall) -> str:
    """Write a call as Python would; arguments that are no JSON object stand as they came."""
    try:
        arguments = json.loads(call.arguments or "{}")
    except (ValueError, RecursionError):
        arguments = None
    if not isinstance(arguments, dict):
        return f"{call.name}({shorten(call.arguments, _ARGUMENTS)})"
    spelled = ", ".join(
        f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in arguments.items()
    )
    return f"{call.name}({shorten(spelled, _ARGUMENTS)})"


def _call_line(call: ToolCall) -> NoteLine:
    return NoteLine(f"→ {format_call(call)}", "cyan")


def _result_line(result: ToolResult, remark: str) -> NoteLine:
    text = result.text or f"[{', '.join(block.type for block in result.content) or 'nothing'}]"
    sign, style = ("✗", "red") if result.is_error else ("←", "green")
    return NoteLine(f"{sign} {shorten(text, _RESULT)}  {remark}", style)


def _model_lines(event: RunEvent) -> list[NoteLine]:
    """Say what went another way than usual in a model exchange."""
    match event:
        case AnswerRepaired(repair=repair):
            before, after = (shorten(text, _DETAIL) for text in (repair.before, repair.after))
            return [NoteLine(f"  repaired ({repair.kind}): {before} → {after}")]
        case ModelRetried(wait_seconds=seconds, error=error):
            return [NoteLine(f"  sent again in {seconds:.1f} s, since: {shorten(error, _DETAIL)}")]
        case RequestDelayed(wait_seconds=seconds, reason=reason):
            return [
                NoteLine(f"  waits {seconds:.1f} s for a rate limit: {shorten(reason, _DETAIL)}")
            ]
        case RequestDowngraded(change=change, error=error):
            return [NoteLine(f"  sent again, {change}, since: {shorten(error, _DETAIL)}")]
        case ModelFailedOver(failure=failure):
            why = f"{failure.model}: {shorten(failure.error, _DETAIL)}"
            return [NoteLine(f"  another provider is asked, since {why}")]
        case _:
            return []


def _detour_lines(event: RunEvent) -> list[NoteLine]:
    """Say what went another way than usual between exchanges."""
    match event:
        case ContextTrimmed():
            return [_fitted_line(event)]
        case ToolResultTruncated(content=content):
            size = sum(len(block.text) for block in content if isinstance(block, TextContent))
            return [NoteLine(f"  a result of {size:,} characters was cut for the model")]
        case ToolsetReported(toolset=toolset, level=level, message=message):
            style = "red" if level not in _QUIET_LEVELS else ""
            return [NoteLine(f"  {toolset}: {shorten(message, _RESULT)}", style)]
        case OutputRejected(reason=reason):
            return [NoteLine(f"  the answer does not fit: {shorten(reason, _DETAIL)}")]
        case HandedOff(agent=agent):
            return [NoteLine(f"  the conversation goes on with {agent}")]
        case _:
            return []


def _fitted_line(event: ContextTrimmed) -> NoteLine:
    left_out = (
        f"{event.dropped_messages} messages are left out, {event.shortened_results} results "
        "shortened"
    )
    if event.summary_error is not None:
        left_out += f"; no summary, since {shorten(event.summary_error, _DETAIL)}"
    return NoteLine(f"  the conversation outgrew the model's window: {left_out}")


def _end_lines(event: RunFinished) -> list[NoteLine]:
    """Say what the run used, and at which limit it ended, if it did."""
    usage = event.usage
    cost = "" if usage.cost_usd is None else f", ${usage.cost_usd:f}"
    calls = "1 model call" if event.turns == 1 else f"{event.turns} model calls"
    about = "about " if usage.is_estimate else ""
    lines = [NoteLine(f"  {calls}, {about}{usage.total_tokens:,} tokens{cost}")]
    if event.stop_reason == "suspended":
        lines.append(NoteLine("  The run waits for an answer about a call.", "yellow"))
    elif event.stop_reason != "answered":
        lines.append(
            NoteLine(f"  The run ended early: {event.stop_reason.replace('_', ' ')}.", "red")
        )
    return lines
