r"""Render a conversation as the text Mixtral 8x22B was trained on: the v3 instruct format.

In:  compiled messages (see `mistral_rules`), tools.
Out: `Part`s in their order: markers, plain text, JSON; and the rendered text.

Tools and system text are placed before the last user message only, as mistral-common writes them.

A server that takes raw text tokenizes a marker wherever it is, also in the text of a user or a
tool: prompt injection by special tokens. So `render` breaks every marker in such text, visibly:

- in plain text a space is inserted after its bracket: `[ INST]`, `< /s>`;
- in JSON its bracket is written as an escape, `\u005bINST]`, which is the same value.

Only the prompt is changed; the history keeps the text as it is. `Part`s hold it unchanged, for
tokenizers that keep text and markers apart.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal, TypeAlias

from agentkit.chat import ToolSpec
from agentkit.dialect.argument_repair import object_text
from agentkit.dialect.mistral_rules import readable_text, result_text
from agentkit.dialect.tool_names import wire_name
from agentkit.message import AssistantMessage, Message, SystemMessage, ToolCall, ToolResult
from agentkit.value import dataclass

BEGIN: Final = "<s>"
END: Final = "</s>"
TOOL_CALLS: Final = "[TOOL_CALLS]"
_INST: Final = "[INST]"
_END_INST: Final = "[/INST]"
_TOOLS: Final = "[AVAILABLE_TOOLS]"
_END_TOOLS: Final = "[/AVAILABLE_TOOLS]"
_RESULTS: Final = "[TOOL_RESULTS]"
_END_RESULTS: Final = "[/TOOL_RESULTS]"

PartKind: TypeAlias = Literal["marker", "text", "json"]

# All control tokens of the v3 vocabulary; the tests compare with the tokenizer's own list.
_MARKER = re.compile(
    r"\[/?(?:INST|AVAILABLE_TOOLS|TOOL_RESULTS)\]"
    r"|\[(?:TOOL_CALLS|IMG|PREFIX|MIDDLE|SUFFIX|control_[0-9]+)\]"
    r"|</?s>|<unk>"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A piece of a prompt.

    Attributes:
        kind: a `marker` is one token; `text` and `json` are tokenized separately, so a space
            precedes each of them in the prompt.
    """

    text: str
    kind: PartKind


def offer_parts(tools: Sequence[ToolSpec]) -> list[Part]:
    """Return the parts that offer `tools`; none if there are no tools."""
    if not tools:
        return []
    return [_marker(_TOOLS), Part(text=tools_json(tools), kind="json"), _marker(_END_TOOLS)]


def message_parts(message: Message, *, system: str = "") -> list[Part]:
    """Return the parts of one compiled message; the last user message also holds `system`."""
    match message:
        case SystemMessage():
            return []
        case AssistantMessage():
            return _assistant_parts(message)
        case ToolResult():
            body = Part(text=result_json(message), kind="json")
            return [_marker(_RESULTS), body, _marker(_END_RESULTS)]
        case _:
            text = "\n\n".join(filter(None, (system, readable_text(message.content))))
            inner = [Part(text=text, kind="text")] if text else []
            return [_marker(_INST), *inner, _marker(_END_INST)]


def render(parts: Iterable[Part]) -> str:
    """Return the text of `parts`; markers inside text and JSON are broken."""
    return "".join(_render(part) for part in parts)


def call_start(name: str | None = None) -> str:
    """Return the beginning of an answer that calls a tool, or the tool `name`.

    A model continues a prompt that ends with it with the rest of the call.
    """
    if name is None:
        return TOOL_CALLS
    return f'{TOOL_CALLS} [{{"name": {json.dumps(wire_name(name))}, "arguments":'


def tools_json(tools: Iterable[ToolSpec]) -> str:
    """Return the JSON list that offers `tools`."""
    return _dump(
        [
            {
                "type": "function",
                "function": {
                    "name": wire_name(tool.name),
                    "description": tool.description,
                    "parameters": tool.input_schema,
                },
            }
            for tool in tools
        ]
    )


def calls_json(calls: Iterable[ToolCall]) -> str:
    """Return the JSON list of `calls`."""
    return _dump(
        [
            {
                "name": wire_name(call.name),
                "arguments": json.loads(object_text(call.arguments)),
                "id": call.id,
            }
            for call in calls
        ]
    )


def result_json(result: ToolResult) -> str:
    """Return the JSON object of one result; content that is JSON is written as JSON.

    Without content it holds the structured content, and without that an empty object.
    """
    text = result_text(result)
    try:
        return _dump({"content": json.loads(text or "{}"), "call_id": result.call_id})
    except (ValueError, RecursionError):
        return _dump({"content": text, "call_id": result.call_id})


def safe_text(text: str) -> str:
    """Return plain text in which every marker is broken by a space after its bracket."""
    return _MARKER.sub(lambda found: f"{found[0][0]} {found[0][1:]}", text)


def safe_json(text: str) -> str:
    """Return JSON of the same value without any marker."""
    return _MARKER.sub(lambda found: f"\\u{ord(found[0][0]):04x}{found[0][1:]}", text)


def _marker(text: str) -> Part:
    return Part(text=text, kind="marker")


def _assistant_parts(message: AssistantMessage) -> list[Part]:
    """Return calls or text: the format cannot hold both, and calls matter more."""
    if message.tool_calls:
        calls = Part(text=calls_json(message.tool_calls), kind="json")
        return [_marker(TOOL_CALLS), calls, _marker(END)]
    text = message.text.rstrip(" ")
    return [Part(text=text, kind="text"), _marker(END)] if text else []


def _render(part: Part) -> str:
    if part.kind == "marker":
        return part.text
    return f" {safe_text(part.text) if part.kind == 'text' else safe_json(part.text)}"


def _dump(value: Sequence[object] | Mapping[str, object]) -> str:
    """Return JSON with the spaces of the training format."""
    return json.dumps(value, ensure_ascii=False)
