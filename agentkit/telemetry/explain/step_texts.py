"""The texts of a step: what was called, answered and sent.

In:  calls, results and answers.
Out: texts that may come from anywhere, as they are.
"""

import json
from collections.abc import Sequence

from agentkit.event import ModelRequested
from agentkit.message import AssistantMessage, Message, ToolCall, ToolResult
from agentkit.telemetry.explain.run_step import Text

MAX_SENT = 500
"""Characters of a message in what was sent; the step of a tool has all of its result."""

SENT = "Sent since the exchange before"


def arguments_text(call: ToolCall) -> Text:
    """Return the arguments of a call."""
    return Text(label="Arguments", text=call.arguments)


def answer_text(message: AssistantMessage) -> Text:
    """Return an answer, with a line for each call in it."""
    calls = [f"{call.name} {call.arguments}" for call in message.tool_calls]
    lines = [*([message.text] if message.text else []), *calls]
    return Text(label="Answer", text="\n".join(lines))


def result_line(call: ToolCall, result: ToolResult) -> str:
    """Return the result of a call, as the model gets it with its next request."""
    return f"{call.name}: {_cut(result.text)}"


def request_text(event: ModelRequested, *, shows_instructions: bool) -> Text:
    """Return what a model was asked, without what was in the request before."""
    lines = [f"instructions: {event.instructions}"] if shows_instructions else []
    if event.earlier_messages:
        lines.append(f"({event.earlier_messages} messages as before)")
    lines += map(_message_line, event.messages)
    if event.tools:
        lines.append(f"tools ({event.tool_choice}): {', '.join(event.tools)}")
    lines += [f"{name}: {json.dumps(value)}" for name, value in event.settings.items()]
    return Text(label="Request", text="\n".join(lines))


def _message_line(message: Message) -> str:
    if isinstance(message, ToolResult):
        return f"tool {message.call_id}: {_cut(message.text)}"
    calls = message.tool_calls if isinstance(message, AssistantMessage) else ()
    named = (f"{call.name} {_cut(call.arguments)}" for call in calls)
    return " ".join([f"{message.role}:", *filter(None, [_cut(message.text)]), *named])


def sent_text(lines: Sequence[str]) -> Text:
    """Return what a request has more than the one before it and its answer."""
    return Text(label=SENT, text="\n".join(lines))


def _cut(text: str) -> str:
    return text if len(text) <= MAX_SENT else f"{text[:MAX_SENT]}…"
