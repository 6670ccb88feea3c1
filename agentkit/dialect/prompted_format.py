"""Render tools, calls and results as text for providers without fields for them.

In:  tools, calls, results, a choice.
Out: text for the prompt.

Mistral models get the markers they were trained on; others the tags of the Hermes format, which
most open models know. Names, arguments and results cannot hold a marker: it is escaped in their
JSON, which is the same value. So a tool result cannot forge a call.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, Protocol

from agentkit.chat import ToolChoice, ToolSpec
from agentkit.dialect.mistral_prompt import calls_json, result_json, safe_json, tools_json
from agentkit.dialect.tool_names import wire_name
from agentkit.message import ToolCall, ToolResult

NO_CALLS = "Do not call tools now; answer in plain text."
ONE_CALL = "Call one tool at a time."

_TAG = re.compile(r"<(?=/?tool_(?:call|response)\b)", re.IGNORECASE)


class PromptFormat(Protocol):
    """One way to render tools as text."""

    def offer(self, tools: tuple[ToolSpec, ...]) -> str:
        """Return the instructions that let the model call `tools`."""

    def calls(self, calls: Sequence[ToolCall]) -> str:
        """Return calls as the model would have written them."""

    def results(self, results: Sequence[ToolResult]) -> str:
        """Return the results of one turn."""


def choice_instruction(choice: ToolChoice) -> str:
    """Return the instruction for a forced choice; nothing if the model may choose."""
    if not choice.is_forced:
        return ""
    if choice.name is None:
        return "Your next answer must be a tool call."
    return f"Your next answer must be a call of the tool {wire_name(choice.name)}."


class MistralPromptFormat:
    """The markers of the v3 instruct format."""

    def offer(self, tools: tuple[ToolSpec, ...]) -> str:
        """Return the tools in that format's marker."""
        return _offer(
            f"[AVAILABLE_TOOLS] {safe_json(tools_json(tools))}[/AVAILABLE_TOOLS]",
            call='[TOOL_CALLS] [{"name": "name of the tool", "arguments": {"argument": "value"}}]',
            result='[TOOL_RESULTS] {"content": "what it gave"}[/TOOL_RESULTS]',
        )

    def calls(self, calls: Sequence[ToolCall]) -> str:
        """Return one list of all calls."""
        return f"[TOOL_CALLS] {safe_json(calls_json(calls))}"

    def results(self, results: Sequence[ToolResult]) -> str:
        """Return a line for each result."""
        return "\n".join(
            f"[TOOL_RESULTS] {safe_json(result_json(result))}[/TOOL_RESULTS]" for result in results
        )


class TaggedPromptFormat:
    """Tags around each call and each result."""

    def offer(self, tools: tuple[ToolSpec, ...]) -> str:
        """Return a line for each tool."""
        lines = (_tagless(json.dumps(tool, ensure_ascii=False)) for tool in _functions(tools))
        return _offer(
            "\n".join(lines),
            call=(
                '<tool_call>{"name": "name of the tool", "arguments": {"argument": "value"}}'
                "</tool_call>"
            ),
            result='<tool_response>{"content": "what it gave"}</tool_response>',
        )

    def calls(self, calls: Sequence[ToolCall]) -> str:
        """Return a line for each call."""
        return "\n".join(
            f"<tool_call>{_tagless(calls_json([call])[1:-1])}</tool_call>" for call in calls
        )

    def results(self, results: Sequence[ToolResult]) -> str:
        """Return a line for each result."""
        return "\n".join(
            f"<tool_response>{_tagless(result_json(result))}</tool_response>" for result in results
        )


PROMPT_FORMATS: Mapping[Literal["mistral", "plain"], PromptFormat] = {
    "mistral": MistralPromptFormat(),
    "plain": TaggedPromptFormat(),
}
"""The format for each family's rules."""


def _offer(tools: str, *, call: str, result: str) -> str:
    """Return the complete instructions."""
    return (
        "You can call tools. Each has a name and a JSON Schema of its arguments:\n"
        f"{tools}\n"
        "To call tools, write nothing but the calls, in JSON and exactly in this form:\n"
        f"{call}\n"
        "Then stop. The next message brings the results in this form:\n"
        f"{result}\n"
        "Never write results yourself. When no tool is needed, answer in plain text."
    )


def _functions(tools: Iterable[ToolSpec]) -> list[dict[str, object]]:
    return [tool["function"] for tool in json.loads(tools_json(tools))]


def _tagless(text: str) -> str:
    """Return JSON of the same value without any of our tags."""
    return _TAG.sub(r"\\u003c", text)
