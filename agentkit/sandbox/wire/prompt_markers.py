"""Tools, calls and results in text, between the markers of the v3 instruct format.

In:  text with markers: a raw prompt, or the messages of a prompted chat.
Out: the offers, calls and results in it; and back, calls as the model writes them.

A model reads markers anywhere and tolerates broken ones; so does this, which never raises.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Literal, TypeAlias

from agentkit.chat import ToolSpec
from agentkit.json_schema import JsonValue
from agentkit.sandbox.planner.plan_request import CallRecord
from agentkit.sandbox.wire.completion import Completion
from agentkit.value import dataclass

PartKind: TypeAlias = Literal["offer", "assistant", "calls", "result", "user"]

CALLS = "[TOOL_CALLS]"
_OFFER = re.compile(r"\[AVAILABLE_TOOLS\](.*?)\[/AVAILABLE_TOOLS\]", re.S)
_RESULT = re.compile(
    r"\[TOOL_RESULTS\](.*?)\[/TOOL_RESULTS\]|<tool_response>(.*?)</tool_response>", re.S
)
# The Hermes format, in which tools are offered to models of other families by prompt.
_TAGGED_TOOL = re.compile(r"^\{.*\}$", re.M)
_TAGGED_CALL = re.compile(r"<tool_call>(.*?)</tool_call>", re.S)
_PART = re.compile(
    r"\[AVAILABLE_TOOLS\](?P<offer>.*?)\[/AVAILABLE_TOOLS\]"
    r"|\[INST\](?P<user>.*?)\[/INST\]"
    r"|\[TOOL_RESULTS\](?P<result>.*?)\[/TOOL_RESULTS\]"
    r"|\[TOOL_CALLS\](?P<calls>.*?)(?:</s>|\Z)"
    r"|(?P<assistant>.+?)(?:</s>|\Z|(?=\[(?:AVAILABLE_TOOLS|INST|TOOL_RESULTS|TOOL_CALLS)\]))",
    re.S,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptPart:
    """A part of a raw prompt; `is_open` if the end of the prompt cut it off."""

    kind: PartKind
    text: str
    is_open: bool = False


def read_parts(prompt: str) -> list[PromptPart]:
    """Cut a raw prompt into its parts."""
    parts = []
    for found in _PART.finditer(prompt.removeprefix("<s>")):
        kind = found.lastgroup
        if kind is not None:
            is_open = found.end() == found.end(kind) and kind in ("calls", "assistant")
            parts.append(PromptPart(kind=_KINDS[kind], text=found[kind].strip(), is_open=is_open))
    return parts


def find_offer(text: str) -> tuple[ToolSpec, ...]:
    """Return the tools of the first offer in `text`; none if there is no offer."""
    if found := _OFFER.search(text):
        return read_offer(found[1])
    if "<tool_call>" not in text:
        return ()
    return read_offer(f"[{','.join(_TAGGED_TOOL.findall(text))}]")


def read_offer(text: str) -> tuple[ToolSpec, ...]:
    """Return the tools in the JSON list of an offer."""
    tools = []
    for item in _objects(_load(text)):
        function = item.get("function", item)
        if isinstance(function, dict) and isinstance(function.get("name"), str):
            schema = function.get("parameters")
            tools.append(
                ToolSpec(
                    name=str(function["name"]),
                    description=str(function.get("description") or ""),
                    input_schema=schema if isinstance(schema, dict) else {},
                )
            )
    return tuple(tools)


def read_calls(text: str) -> list[tuple[str, CallRecord]]:
    """Return the calls in a JSON list, each with its id or an empty text."""
    return [
        (str(item.get("id", "")), CallRecord(name=str(item["name"]), arguments=_arguments(item)))
        for item in _objects(_load(text))
        if isinstance(item.get("name"), str)
    ]


def find_calls(text: str) -> list[tuple[str, CallRecord]]:
    """Return the calls in an answer that a chat repeats, in either prompted format."""
    if CALLS in text:
        return read_calls(text.partition(CALLS)[2])
    return read_calls(f"[{','.join(_TAGGED_CALL.findall(text))}]")


def find_results(text: str) -> list[tuple[str, str]]:
    """Return the id of the call and the content of each result in `text`."""
    return [read_result(found[1] or found[2]) for found in _RESULT.finditer(text)]


def read_result(text: str) -> tuple[str, str]:
    """Return the id and the content of one result."""
    value = _load(text)
    if not isinstance(value, dict):
        return "", text.strip()
    content = value.get("content", "")
    is_text = isinstance(content, str)
    return str(value.get("call_id", "")), str(content) if is_text else json.dumps(content)


def pair(
    calls: Sequence[tuple[str, CallRecord]], results: Sequence[tuple[str, str]]
) -> list[CallRecord]:
    """Pair each call with its result, by id if there is one, else by position."""
    by_id = {call_id: content for call_id, content in results if call_id}
    paired = []
    for position, (call_id, made) in enumerate(calls):
        at_position = results[position][1] if position < len(results) else None
        paired.append(replace(made, result=by_id.get(call_id, at_position)))
    return paired


def as_text(completion: Completion, *, marker: str = CALLS, prefix: str = "") -> Completion:
    """Return a completion whose calls are text, as the model writes them.

    Args:
        completion: the completion with calls.
        marker: the marker before the calls; empty for a server that drops it.
        prefix: the beginning of the calls that the prompt holds already; it is not repeated.
    """
    if not completion.calls:
        return completion
    closing = "" if completion.finish_reason == "length" else "]"
    written = ", ".join(_write(completion, i, closing) for i in range(len(completion.calls)))
    text = f"{marker} [{written}{closing}"
    start = f"{marker} {prefix}" if prefix else ""
    return replace(
        completion,
        text=text.removeprefix(start) if start else text,
        calls=(),
        finish_reason="length" if completion.finish_reason == "length" else "stop",
    )


def _write(completion: Completion, index: int, closing: str) -> str:
    call = completion.calls[index]
    is_cut = not closing and index == len(completion.calls) - 1
    name = json.dumps(call.name)
    return f'{{"name": {name}, "arguments": {call.arguments}{"" if is_cut else "}"}'


def _arguments(item: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
    arguments = item.get("arguments")
    return arguments if isinstance(arguments, dict) else {}


def _load(text: str) -> JsonValue:
    """Return the JSON value that `text` begins with, or None."""
    try:
        value: JsonValue = json.JSONDecoder().raw_decode(text.strip())[0]
    except (ValueError, RecursionError):
        return None
    return value


def _objects(value: JsonValue) -> Iterator[dict[str, JsonValue]]:
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, dict):
            yield item


_KINDS: Mapping[str, PartKind] = {
    "offer": "offer",
    "user": "user",
    "result": "result",
    "calls": "calls",
    "assistant": "assistant",
}
