"""Read an answer in the Anthropic messages format, complete or streamed.

In:  the bytes of one successful answer, cut anywhere.
Out: `Delta`s, in the order they arrived.

The format is https://docs.anthropic.com/en/docs/build-with-claude/streaming. Events and blocks of
unknown kinds are skipped, as it requires; an invalid one of a known kind is an error.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from agentkit.dialect.base import (
    CallDelta,
    Delta,
    DoneDelta,
    FinishDelta,
    HeadDelta,
    ReasoningDelta,
    TextDelta,
    UsageDelta,
)
from agentkit.dialect.frames import Frame, Frames
from agentkit.dialect.openai_chat.token_usage import read_usage
from agentkit.json_schema import JsonValue
from agentkit.usage import Usage
from agentkit.wire import WireHead

_COUNTS = (
    "input_tokens",
    "output_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
)


class AnthropicDecoder:
    """Reads one answer."""

    def __init__(self, head: WireHead) -> None:
        self._frames = Frames(head, form="a message")
        self._usage: dict[str, Any] = {}
        self._calls: dict[int | None, str] = {}
        self._thoughts: dict[int | None, dict[str, JsonValue]] = {}
        self._skipped: set[int | None] = set()
        self._is_done = False

    def feed(self, data: bytes) -> Sequence[Delta]:
        """Read the next bytes, cut anywhere, and return what they complete.

        Raises:
            StatusError: the provider reports an error inside its answer.
            ProtocolError: the bytes are not of this dialect.
        """
        return [delta for frame in self._frames.feed(data) for delta in self._read(frame)]

    def close(self) -> Sequence[Delta]:
        """Return what is left at the end of the bytes; raises as `feed` does."""
        return [delta for frame in self._frames.close() for delta in self._read(frame)]

    def _read(self, frame: Frame) -> Iterator[Delta]:
        if self._is_done:
            return
        if frame.is_complete:
            yield from self._read_message(frame.value)
        elif frame.is_done:
            yield self._done()
        else:
            yield from self._read_event(frame.value)

    def _read_message(self, message: Mapping[str, Any]) -> Iterator[Delta]:
        """Read a non-streaming answer."""
        blocks = message.get("content")
        if isinstance(blocks, str):
            blocks = [{"type": "text", "text": blocks}]
        if not isinstance(blocks, list):
            raise self._frames.bad("a JSON document without content")
        yield from self._read_head(message)
        for block in blocks:
            yield from self._read_block(self._object(block, "a content block"))
        yield from _read_finish(message)
        yield self._done()

    def _read_event(self, event: Mapping[str, Any]) -> Iterator[Delta]:
        index = event.get("index")
        index = index if isinstance(index, int) else None
        match event.get("type"):
            case "message_start":
                yield from self._read_head(self._object(event.get("message"), "a message"))
            case "content_block_start":
                block = self._object(event.get("content_block"), "a content block")
                yield from self._open_block(block, index)
            case "content_block_delta":
                yield from self._read_delta(self._object(event.get("delta"), "a delta"), index)
            case "content_block_stop":
                yield from self._close_block(index)
            case "message_delta":
                yield from self._read_usage(event)
                yield from _read_finish(self._object(event.get("delta"), "a delta"))
            case "message_stop":
                yield self._done()
            case "message":
                yield from self._read_message(event)
            case _:
                pass

    def _read_head(self, message: Mapping[str, Any]) -> Iterator[Delta]:
        known = {
            ours: message[theirs]
            for ours, theirs in (("response_id", "id"), ("model", "model"))
            if isinstance(message.get(theirs), str) and message[theirs]
        }
        if known:
            yield HeadDelta(**known)
        yield from self._read_usage(message)

    def _read_block(self, block: Mapping[str, Any]) -> Iterator[Delta]:
        """Read a complete block."""
        match block.get("type"):
            case "text" if _text(block, "text"):
                yield TextDelta(block["text"])
            case "thinking" if _text(block, "thinking"):
                yield ReasoningDelta(text=block["thinking"], data=_signed(block))
            case "redacted_thinking":
                yield ReasoningDelta(text="", data=block)
            case "tool_use":
                yield replace(_call(block), arguments=_input_text(block), is_complete=True)
            case _:
                pass

    def _open_block(self, block: Mapping[str, Any], index: int | None) -> Iterator[Delta]:
        """Read the start of a block: usually empty, but some providers put all of it there."""
        if block.get("type") == "tool_use":
            self._calls[index] = _input_text(block)
            yield replace(_call(block), index=index)
            return
        if block.get("type") == "thinking":
            self._thoughts[index] = {"type": "thinking", "thinking": "", "signature": ""}
            self._add_to_thought(block, index)
        self._skipped.add(index)
        yield from self._read_block(block)

    def _add_to_thought(self, part: Mapping[str, Any], index: int | None) -> None:
        """Keep reasoning and its signature, which an API may need back unchanged."""
        thought = self._thoughts.get(index)
        if thought is not None:
            for name in ("thinking", "signature"):
                thought[name] = f"{thought[name]}{_text(part, name)}"

    def _read_delta(self, delta: Mapping[str, Any], index: int | None) -> Iterator[Delta]:
        self._add_to_thought(delta, index)
        match delta.get("type"):
            case "text_delta" if _text(delta, "text"):
                yield TextDelta(delta["text"])
            case "thinking_delta" if _text(delta, "thinking"):
                yield ReasoningDelta(text=delta["thinking"])
            case "input_json_delta" if _text(delta, "partial_json"):
                yield from self._read_input(delta["partial_json"], index)
            case _:
                pass

    def _read_input(self, text: str, index: int | None) -> Iterator[Delta]:
        """Read a piece of the input of a call, or of a skipped block."""
        if index in self._calls:
            self._calls[index] = ""  # the input in the start event was a placeholder
            yield CallDelta(index=index, arguments=text)
        elif index not in self._skipped:
            raise self._frames.bad("the input of a call that was never begun")

    def _close_block(self, index: int | None) -> Iterator[Delta]:
        """Return the input of the start event, if no other input followed."""
        thought = _signed(self._thoughts.pop(index, {}))
        if thought is not None:
            yield ReasoningDelta(text="", data=thought)
        start = self._calls.pop(index, "")
        if start:
            yield CallDelta(index=index, arguments=start)

    def _read_usage(self, value: Mapping[str, Any]) -> Iterator[Delta]:
        """Read counts, which arrive in parts and only grow."""
        usage = value.get("usage")
        if not isinstance(usage, dict):
            return
        for name, count in usage.items():
            is_more = type(count) is int and count >= self._usage.get(name, 0)
            if name not in _COUNTS or is_more:
                self._usage[name] = count
        read = read_usage({"usage": self._usage})
        if read is not None:
            yield UsageDelta(_with_cache(read, self._usage))

    def _done(self) -> DoneDelta:
        self._is_done = True
        return DoneDelta()

    def _object(self, value: object, what: str) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            raise self._frames.bad(f"{what} that is not an object")
        return value


def _read_finish(value: Mapping[str, Any]) -> Iterator[Delta]:
    if reason := _text(value, "stop_reason"):
        yield FinishDelta(reason)


def _text(value: Mapping[str, Any], name: str) -> str:
    """Return a text field, empty if it is not text."""
    text = value.get(name)
    return text if isinstance(text, str) else ""


def _signed(block: Mapping[str, Any]) -> Mapping[str, JsonValue] | None:
    """Return a block of reasoning that is to be kept as it came; None if it has no signature."""
    return block if _text(block, "signature") else None


def _call(block: Mapping[str, Any]) -> CallDelta:
    call_id = block.get("id")
    return CallDelta(
        id=str(call_id) if isinstance(call_id, str | int) else None,
        name=_text(block, "name") or None,
    )


def _input_text(block: Mapping[str, Any]) -> str:
    """Return the input of a call as JSON text; empty text for an empty one."""
    given = block.get("input")
    if isinstance(given, str):
        return given
    return json.dumps(given, ensure_ascii=False) if given else ""


def _with_cache(usage: Usage, counts: Mapping[str, Any]) -> Usage:
    """Add the cached tokens, which this format does not count as input."""
    read = counts.get("cache_read_input_tokens", 0)
    written = counts.get("cache_creation_input_tokens", 0)
    return replace(
        usage,
        input_tokens=usage.input_tokens + read + written,
        cache_read_tokens=read,
        cache_write_tokens=written,
    )
