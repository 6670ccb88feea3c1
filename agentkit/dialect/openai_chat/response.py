"""Read an answer in the OpenAI chat format, complete or streamed.

In:  the bytes of one successful answer, cut anywhere.
Out: `Delta`s, in the order they arrived.

Untrusted JSON is read field by field; a field of an unexpected type is skipped if nothing is lost
by that, and otherwise an error.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
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
from agentkit.dialect.provider_errors import error_in_answer
from agentkit.errors import ProviderError, StatusError
from agentkit.json_schema import JsonValue
from agentkit.wire import WireHead

_END = DoneDelta(is_finish=True)
_END_MARK = DoneDelta(is_finish=False)

_ARGUMENT_KEYS = ("parameters", "input", "args")
"""Other keys under which providers put the arguments."""

_REASONING_FIELDS: Sequence[tuple[str, Mapping[str, JsonValue]]] = tuple(
    (name, {"field": name}) for name in ("reasoning_content", "reasoning")
)
"""Where reasoning is, and what is kept of it to return it in the same field."""

_FAILED = frozenset(
    {
        "error",
        "abort",
        "aborted",
        "cancelled",
        "canceled",
        "failed",
        "timeout",
        "network_error",
        "server_error",
        "insufficient_system_resource",
    }
)
"""Finish reasons that report a failure of the provider."""


class OpenAIChatDecoder:
    """Reads one answer."""

    def __init__(self, head: WireHead) -> None:
        self._head = head
        self._frames = Frames(head, form="a chat completion")
        self._is_done = False
        self._has_content = False
        self._choice: object = None
        self._calls_from: tuple[object, int] | None = None  # index and position of a choice
        self._last_head: tuple[object, object, object] = (None, None, None)
        self._failure: ProviderError | None = None

    def feed(self, data: bytes) -> Sequence[Delta]:
        """Read the next bytes, cut anywhere, and return what they complete.

        Raises:
            StatusError: the provider reports an error inside its answer.
            ProtocolError: the bytes are not of this dialect.
        """
        return self._read(self._frames.feed(data))

    def close(self) -> Sequence[Delta]:
        """Return what is left at the end of the bytes; raises as `feed` does."""
        deltas = self._read(self._frames.close())
        if self._failure is not None:
            raise self._failure
        return deltas

    def _read(self, frames: Iterable[Frame]) -> list[Delta]:
        """Read frames; an error is raised after the deltas that arrived before it were returned.

        So the same deltas are returned, however the network cut the stream.
        """
        if self._failure is not None:
            raise self._failure
        deltas: list[Delta] = []
        try:
            for frame in frames:
                self._read_frame(frame, deltas)
        except ProviderError as error:
            if not deltas:
                raise
            self._failure = error
        return deltas

    def _read_frame(self, frame: Frame, deltas: list[Delta]) -> None:
        """Read a non-streaming answer, or one chunk; what follows the end is not part of it."""
        if self._is_done:
            return
        if not frame.is_done:
            self._read_value(frame.value, deltas, is_complete=frame.is_complete)
        if frame.is_done or frame.is_complete:
            self._is_done = True
            deltas.append(_END if frame.is_complete else _END_MARK)

    def _read_value(
        self, value: Mapping[str, Any], deltas: list[Delta], *, is_complete: bool
    ) -> None:
        self._read_head(value, deltas)
        choices = value.get("choices")
        if isinstance(choices, dict):
            choices = [choices]
        first = self._first(choices, is_complete=is_complete)
        index = first.get("index")
        if first and self._choice is None:
            self._choice = index
        is_ours = index is None or index == self._choice
        if is_ours:
            self._read_choice(first, deltas, is_complete=is_complete)
        if isinstance(choices, list) and (len(choices) > 1 or not is_ours):
            others = choices[1:] if is_ours else choices
            self._read_other_choices(others, deltas, is_complete=is_complete)
        for source in (value, first):
            usage = read_usage(source) if "usage" in source or "x_groq" in source else None
            if usage is not None:
                deltas.append(UsageDelta(usage))
                break

    def _first(self, choices: object, *, is_complete: bool) -> Mapping[str, Any]:
        """Return the first choice; an empty one if a chunk has none."""
        first: object = {}
        if isinstance(choices, list) and choices:
            first = choices[0]
        elif is_complete:
            raise self._frames.bad("a JSON document without choices")
        if not isinstance(first, dict):
            raise self._frames.bad("a choice that is not an object")
        return first

    def _read_head(self, value: Mapping[str, Any], deltas: list[Delta]) -> None:
        """Add id, model and upstream once: every chunk repeats them."""
        head = (value.get("id"), value.get("model"), value.get("provider"))
        if head == self._last_head:
            return
        self._last_head = head
        response_id, model, upstream = [
            name if isinstance(name, str) and name else None for name in head
        ]
        if response_id or model or upstream:
            deltas.append(HeadDelta(response_id=response_id, model=model, upstream=upstream))

    def _read_choice(
        self, choice: Mapping[str, Any], deltas: list[Delta], *, is_complete: bool
    ) -> None:
        reported = choice.get("error")
        error = error_in_answer({"error": reported}, self._head) if reported else None
        reason = choice.get("finish_reason")
        if error is None and isinstance(reason, str) and reason.lower() in _FAILED:
            error = StatusError(
                f"The provider ended its answer with {reason!r} and gave no reason.",
                kind="server",
                retry="same",
                status=self._head.status,
                request_id=self._head.request_id,
            )
        if error is not None:
            raise error
        self._read_choice_content(choice, deltas, is_complete=is_complete)
        if isinstance(reason, str) and reason:
            deltas.append(FinishDelta(reason))

    def _read_other_choices(
        self, choices: Sequence[object], deltas: list[Delta], *, is_complete: bool
    ) -> None:
        for position, choice in enumerate(choices, start=1):
            if isinstance(choice, dict):
                self._read_other_choice(choice, position, deltas, is_complete=is_complete)

    def _read_other_choice(
        self,
        choice: Mapping[str, Any],
        position: int,
        deltas: list[Delta],
        *,
        is_complete: bool,
    ) -> None:
        """Read the calls of a choice other than the first, if the first has none.

        agentkit never requests more than one choice, but some gateways (GitHub Copilot's) put the
        text into one choice and the calls into the next.
        """
        message = choice.get("message" if is_complete else "delta")
        found: list[Delta] = []
        if isinstance(message, dict):
            self._read_message(message, found, is_complete=is_complete)
        calls = [delta for delta in found if isinstance(delta, CallDelta)]
        origin = (choice.get("index"), position)
        if calls and self._calls_from in (None, origin):
            self._calls_from = origin
            self._has_content = True
            deltas += calls
        reason = choice.get("finish_reason")
        if self._calls_from == origin and isinstance(reason, str) and reason:
            deltas.append(FinishDelta(reason))

    def _read_choice_content(
        self, choice: Mapping[str, Any], deltas: list[Delta], *, is_complete: bool
    ) -> None:
        """Read the content of a choice, in whatever field it is.

        A `message` inside a stream is the complete answer: it counts if nothing came before it.
        """
        before = len(deltas)
        message = choice.get("message" if is_complete else "delta")
        if isinstance(message, dict):
            self._read_message(message, deltas, is_complete=is_complete)
        if len(deltas) == before and not self._has_content:
            other = choice.get("delta" if is_complete else "message")
            if isinstance(other, dict):
                self._read_message(other, deltas, is_complete=True)
        if len(deltas) == before and isinstance(choice.get("text"), str):
            self._read_content(choice["text"], deltas)
        if len(deltas) > before:
            self._has_content = True
            if self._calls_from is None and isinstance(deltas[-1], CallDelta):  # they come last
                self._calls_from = (None, 0)

    def _read_message(
        self, message: Mapping[str, Any], deltas: list[Delta], *, is_complete: bool
    ) -> None:
        for key, data in _REASONING_FIELDS:
            reasoning = message.get(key)
            if reasoning and isinstance(reasoning, str):
                deltas.append(ReasoningDelta(text=reasoning, data=data))
                break
        content = message.get("content")
        self._read_content(content, deltas)
        if not content and isinstance(message.get("refusal"), str):
            self._read_content(message["refusal"], deltas)
        calls = message.get("tool_calls")
        calls = self._read_calls(calls, is_complete=is_complete) if calls else None
        if calls is not None:
            deltas += calls
        elif isinstance(message.get("function_call"), dict):
            legacy = {"index": 0, "function": message["function_call"]}
            deltas.append(self._read_call(legacy, is_complete=is_complete))

    def _read_content(self, content: object, deltas: list[Delta]) -> None:
        """Read text, or a list of chunks (Mistral): text, reasoning, and others without text."""
        if isinstance(content, str):
            if content:
                deltas.append(TextDelta(content))
            return
        if content is None:
            return
        chunks = content if isinstance(content, list) else [content]
        for chunk in chunks:
            if isinstance(chunk, str):
                self._read_content(chunk, deltas)
            elif not isinstance(chunk, dict):
                raise self._frames.bad("content that is neither text nor a list of chunks")
            elif chunk.get("type") in ("thinking", "reasoning"):
                text = _flat_text(chunk.get("thinking") or chunk.get("text"))
                if text:
                    deltas.append(ReasoningDelta(text=text))
            elif isinstance(chunk.get("text"), str) and chunk["text"]:
                deltas.append(TextDelta(chunk["text"]))

    def _read_calls(self, calls: object, *, is_complete: bool) -> list[CallDelta] | None:
        """Read the calls of a message: a list, one call, or JSON text of either; None if empty."""
        calls = _decoded(calls)
        if isinstance(calls, dict):
            calls = [calls] if calls else []
        if not calls:
            return None
        if not isinstance(calls, list):
            raise self._frames.bad("tool_calls that are not a list")
        given = [call for call in calls if call is not None]
        return [self._read_call(call, is_complete=is_complete) for call in given]

    def _read_call(self, call: object, *, is_complete: bool) -> CallDelta:
        if not isinstance(call, dict):
            raise self._frames.bad("a tool call that is not an object")
        inner = _decoded(call.get("function"))
        # Fields that are missing inside `function` may be next to it.
        function = {**call, **inner} if isinstance(inner, dict) else call
        index = call.get("index")
        call_id = call.get("id")
        name = function.get("name")
        # If arguments under another key counted as "none", the tool would run with its defaults.
        arguments = function.get("arguments")
        if arguments is None:
            others = [function[key] for key in _ARGUMENT_KEYS if function.get(key) is not None]
            arguments = others[0] if others else None
        is_text = arguments is None or isinstance(arguments, str)
        return CallDelta(
            index=index if isinstance(index, int) and not isinstance(index, bool) else None,
            id=str(call_id) if isinstance(call_id, str | int) else None,
            name=name if isinstance(name, str) else None,
            arguments=arguments if is_text else json.dumps(arguments, ensure_ascii=False),
            is_complete=is_complete,
            is_object=not is_text,
        )


def _decoded(value: object) -> object:
    """Return the value of JSON text; anything else unchanged."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _flat_text(value: object) -> str:
    """Return the text of chunks that may be nested."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "".join(_flat_text(item) for item in value)
    return _flat_text(value.get("text")) if isinstance(value, dict) else ""
