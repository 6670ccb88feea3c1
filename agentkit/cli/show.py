"""Show a run while it goes on.

In:  `RunEvent`s.
Out: the answer's text on standard output, all else on standard error; or JSON lines.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from agentkit.cli.terminal import note, shorten, write
from agentkit.event import (
    AnswerMended,
    ModelResponded,
    RunEvent,
    RunFinished,
    TextReceived,
    ToolCallFinished,
    ToolCallRefused,
    ToolCallStarted,
    ToolProgressed,
    TurnStarted,
    event_to_json,
)
from agentkit.message import ToolCall, ToolResult

Show: TypeAlias = Callable[[RunEvent], None]

_ARGUMENTS = 300
_RESULT = 500
_CALL, _RESULT_STYLE, _ERROR, _QUIET = "cyan", "green", "red", "dim"


def show_as_json(event: RunEvent) -> None:
    """Put an event on standard output as one line of JSON."""
    sys.stdout.write(f"{event_to_json(event)}\n")
    sys.stdout.flush()


@dataclass(slots=True, kw_only=True)
class Screen:
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
            case ToolCallStarted(call=call):
                note(f"→ {spell_call(call)}", style=_CALL)
            case ToolProgressed(progress=progress, total=total, message=message):
                of = "" if total is None else f" of {total:g}"
                note(f"  {progress:g}{of} {message or ''}".rstrip(), style=_QUIET)
            case ToolCallFinished(result=result, seconds=seconds):
                _show_result(result, f"({seconds * 1000:.0f} ms)")
            case ToolCallRefused(call=call, result=result):
                note(f"→ {spell_call(call)}", style=_CALL)
                _show_result(result, "(not run)")
            case AnswerMended(mending=mending):
                before, after = (shorten(text, 80) for text in (mending.before, mending.after))
                note(f"  mended ({mending.rung}): {before} → {after}", style=_QUIET)
            case RunFinished():
                _show_end(event)
            case _:
                pass

    def _complete(self, text: str) -> None:
        """Write what of a turn's text did not come in pieces, and end its line."""
        if not text.strip():
            return
        write(text.removeprefix(self.shown) if text.startswith(self.shown) else "")
        self.shown = text
        if not text.endswith("\n"):
            write("\n")


def spell_call(call: ToolCall) -> str:
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


def _show_result(result: ToolResult, remark: str) -> None:
    text = result.text or f"[{', '.join(block.type for block in result.content) or 'nothing'}]"
    sign, style = ("✗", _ERROR) if result.is_error else ("←", _RESULT_STYLE)
    note(f"{sign} {shorten(text, _RESULT)}  {remark}", style=style)


def _show_end(event: RunFinished) -> None:
    """Say what the run used, and at which limit it ended, if it did."""
    usage = event.usage
    cost = "" if usage.cost_usd is None else f", ${usage.cost_usd:f}"
    calls = "1 model call" if event.turns == 1 else f"{event.turns} model calls"
    about = "about " if usage.is_estimate else ""
    note(f"  {calls}, {about}{usage.total_tokens:,} tokens{cost}", style=_QUIET)
    if event.stop_reason != "answered":
        note(f"  The run ended early: {event.stop_reason.replace('_', ' ')}.", style=_ERROR)
