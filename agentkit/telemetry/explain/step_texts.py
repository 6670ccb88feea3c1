"""The texts of a step: what was called, answered and sent.

In:  calls, results and answers.
Out: texts that may come from anywhere, as they are.
"""

from collections.abc import Sequence

from agentkit.message import AssistantMessage, ToolCall, ToolResult
from agentkit.telemetry.explain.run_step import Text

MAX_SENT = 500
"""Characters of a result in what was sent; the step of the tool has all of it."""


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
    text = result.text
    shown = text if len(text) <= MAX_SENT else f"{text[:MAX_SENT]}…"
    return f"{call.name}: {shown}"


def sent_text(lines: Sequence[str]) -> Text:
    """Return what a request has more than the one before it and its answer."""
    return Text(label="Sent since the exchange before", text="\n".join(lines))
