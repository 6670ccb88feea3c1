"""Write a response in the OpenAI responses format, complete or as a stream.

In:  `ModelResponse`, or the pieces of one as they arrive.
Out: JSON values and `StreamEvent`s.

The format is https://platform.openai.com/docs/api-reference/responses/object and
.../responses-streaming. Reasoning is an item of its own, with its text as `reasoning_text`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from typing import Literal, TypeAlias

from agentkit.chat import FinishReason, ModelResponse
from agentkit.content import ReasoningContent, TextContent
from agentkit.dialect.event_stream import StreamEvent
from agentkit.json_schema import JsonValue
from agentkit.message import ToolCall
from agentkit.usage import Usage
from agentkit.value import dataclass

ItemKind: TypeAlias = Literal["message", "reasoning"]

_PREFIXES: Mapping[ItemKind, str] = {"message": "msg", "reasoning": "rs"}
_LIMITS: Mapping[FinishReason, str] = {
    "length": "max_output_tokens",
    "content_filter": "content_filter",
}
_CODES: Mapping[int, str] = {400: "invalid_prompt", 429: "rate_limit_exceeded"}
"""Codes of failed responses by the status that the error would have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponsesHead:
    """What a response and its items begin with.

    Attributes:
        id: random, without a prefix.
        model: the id that the client asked for.
        created: seconds since 1970.
        echoed_fields: what the response repeats of the request.
    """

    id: str
    model: str
    created: int
    echoed_fields: Mapping[str, JsonValue] = field(default_factory=dict)


def response_name(head_id: str) -> str:
    """Return the id of a response, under which it is stored."""
    return f"resp_{head_id}"


def encode_response(response: ModelResponse, head: ResponsesHead) -> dict[str, JsonValue]:
    """Return a complete response."""
    limit = _LIMITS.get(response.finish_reason)
    details: JsonValue = None if limit is None else {"reason": limit}
    return {
        **_head_fields(head, "completed" if limit is None else "incomplete"),
        "incomplete_details": details,
        "output": encode_output(response, head),
        "usage": encode_usage(response.usage),
    }


def encode_output(response: ModelResponse, head: ResponsesHead) -> list[JsonValue]:
    """Return the items of a response: reasoning and text in their order, then the calls."""
    items: list[JsonValue] = []
    parts: list[tuple[ItemKind, str]] = []
    for block in response.message.content:
        match block:
            case TextContent(text=text):
                parts.append(("message", text))
            case ReasoningContent(text=text):
                parts.append(("reasoning", text))
            case _:
                pass
    for place, (kind, text) in enumerate(parts):
        is_cut = place == len(parts) - 1 and response.finish_reason in _LIMITS
        items.append(text_item(kind, text, head=head, place=place, is_cut=is_cut))
    for call in response.message.tool_calls:
        items.append(call_item(call, head=head, place=len(items)))
    return items


def text_item(
    kind: ItemKind, text: str, *, head: ResponsesHead, place: int, is_cut: bool = False
) -> dict[str, JsonValue]:
    """Return an item that is complete, or was cut at a limit."""
    status = "incomplete" if is_cut else "completed"
    return {**_open_item(kind, head, place), "status": status, "content": [_part(kind, text)]}


def call_item(call: ToolCall, *, head: ResponsesHead, place: int) -> dict[str, JsonValue]:
    """Return the item of a call."""
    return {
        "type": "function_call",
        "id": f"fc_{head.id}_{place}",
        "call_id": call.id,
        "name": call.name,
        "arguments": call.arguments,
        "status": "completed",
    }


def encode_usage(usage: Usage) -> dict[str, JsonValue]:
    """Return the token counts."""
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {
            "cached_tokens": usage.cache_read_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
        },
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.total_tokens,
    }


def encode_failed(head: ResponsesHead, message: str, *, status: int) -> dict[str, JsonValue]:
    """Return a response that failed after its beginning was sent."""
    error: JsonValue = {"code": _CODES.get(status, "server_error"), "message": message}
    return {**_head_fields(head, "failed"), "error": error}


class ResponseEvents:
    """Makes the events of one streamed response, which are numbered."""

    def __init__(self, head: ResponsesHead) -> None:
        self._head = head
        self._number = -1
        self._place = -1
        self._kind: ItemKind | None = None
        self._text: list[str] = []

    def begin(self) -> Iterator[StreamEvent]:
        """Yield the events before all else."""
        started: JsonValue = _head_fields(self._head, "in_progress")
        yield self._event("response.created", response=started)
        yield self._event("response.in_progress", response=started)

    def add(self, kind: ItemKind, text: str) -> Iterator[StreamEvent]:
        """Yield the events of a piece of text or reasoning."""
        if self._kind != kind:
            yield from self.close()
            yield from self._open(kind)
        self._text.append(text)
        extra: dict[str, JsonValue] = {"logprobs": []} if kind == "message" else {}
        yield self._part_event(f"{_event_of(kind)}.delta", delta=text, **extra)

    def close(self, *, is_cut: bool = False) -> Iterator[StreamEvent]:
        """Yield the end of the text that is open, if some is."""
        kind = self._kind
        if kind is None:
            return
        text = "".join(self._text)
        extra: dict[str, JsonValue] = {"logprobs": []} if kind == "message" else {}
        yield self._part_event(f"{_event_of(kind)}.done", text=text, **extra)
        yield self._part_event("response.content_part.done", part=_part(kind, text))
        item = text_item(kind, text, head=self._head, place=self._place, is_cut=is_cut)
        yield self._item_event("response.output_item.done", item)
        self._kind = None
        self._text.clear()

    def end(self, response: ModelResponse) -> Iterator[StreamEvent]:
        """Yield what is left when the response is complete."""
        is_cut = response.finish_reason in _LIMITS
        yield from self.close(is_cut=is_cut)
        for call in response.message.tool_calls:
            yield from self._call(call)
        name = "response.incomplete" if is_cut else "response.completed"
        yield self._event(name, response=encode_response(response, self._head))

    def fail(self, message: str, *, status: int) -> StreamEvent:
        """Return the last event of a response that failed."""
        failed: JsonValue = encode_failed(self._head, message, status=status)
        return self._event("response.failed", response=failed)

    def _open(self, kind: ItemKind) -> Iterator[StreamEvent]:
        self._kind = kind
        self._place += 1
        item = {**_open_item(kind, self._head, self._place), "status": "in_progress", "content": []}
        yield self._item_event("response.output_item.added", item)
        yield self._part_event("response.content_part.added", part=_part(kind, ""))

    def _call(self, call: ToolCall) -> Iterator[StreamEvent]:
        self._place += 1
        item = call_item(call, head=self._head, place=self._place)
        name = "response.function_call_arguments"
        place: dict[str, JsonValue] = {"item_id": item["id"], "output_index": self._place}
        yield self._item_event(
            "response.output_item.added", {**item, "arguments": "", "status": "in_progress"}
        )
        yield self._event(f"{name}.delta", **place, delta=call.arguments)
        yield self._event(f"{name}.done", **place, name=call.name, arguments=call.arguments)
        yield self._item_event("response.output_item.done", item)

    def _item_event(self, name: str, item: dict[str, JsonValue]) -> StreamEvent:
        return self._event(name, output_index=self._place, item=item)

    def _part_event(self, name: str, **fields: JsonValue) -> StreamEvent:
        kind: ItemKind = self._kind or "message"
        return self._event(
            name,
            item_id=_item_id(kind, self._head, self._place),
            output_index=self._place,
            content_index=0,
            **fields,
        )

    def _event(self, kind: str, /, **fields: JsonValue) -> StreamEvent:
        self._number += 1
        data: JsonValue = {"type": kind, "sequence_number": self._number, **fields}
        return StreamEvent(name=kind, data=data)


def _event_of(kind: ItemKind) -> str:
    return "response.output_text" if kind == "message" else "response.reasoning_text"


def _item_id(kind: ItemKind, head: ResponsesHead, place: int) -> str:
    return f"{_PREFIXES[kind]}_{head.id}_{place}"


def _open_item(kind: ItemKind, head: ResponsesHead, place: int) -> dict[str, JsonValue]:
    extra: dict[str, JsonValue] = {"role": "assistant"} if kind == "message" else {"summary": []}
    return {"type": kind, "id": _item_id(kind, head, place), **extra}


def _part(kind: ItemKind, text: str) -> dict[str, JsonValue]:
    if kind == "reasoning":
        return {"type": "reasoning_text", "text": text}
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _head_fields(head: ResponsesHead, status: str) -> dict[str, JsonValue]:
    return {
        "id": response_name(head.id),
        "object": "response",
        "created_at": head.created,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "model": head.model,
        "output": [],
        **head.echoed_fields,
        "usage": None,
    }


def encode_item_list(items: Sequence[JsonValue], *, has_more: bool) -> dict[str, JsonValue]:
    """Return a page of the items that a stored response answered."""
    names = [item["id"] for item in items if isinstance(item, dict)]
    return {
        "object": "list",
        "data": list(items),
        "first_id": names[0] if names else "",
        "last_id": names[-1] if names else "",
        "has_more": has_more,
    }


def encode_deleted(name: str) -> dict[str, JsonValue]:
    """Return the answer to the deletion of a stored response."""
    return {"id": name, "object": "response", "deleted": True}
