"""ResponseBuilder the deltas of one answer into a response.

In:  `Delta`s in the order they arrived, and the request they answer.
Out: on the way, the text a user may see; at the end one `ModelResponse`, whole and never empty.

An answer that was interrupted, was cut inside its calls or holds nothing is an error here, whatever
the provider calls it. Whether there are calls decides what the answer is, not the finish reason.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from agentkit.chat import FinishReason, ModelRequest, ModelResponse, Repair
from agentkit.content import ContentBlock, ReasoningContent, text_blocks
from agentkit.dialect.argument_repair import repair_arguments
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
from agentkit.dialect.mistral_rules import nine_char_id
from agentkit.dialect.text_calls.finder import Leak, find_leak, unglue
from agentkit.dialect.text_calls.hold_back import LeakGuard
from agentkit.dialect.tool_call_assembler import CallDraft, ToolCallAssembler, short
from agentkit.errors import ErrorKind, ProtocolError, Retry
from agentkit.event import ReasoningReceived, TextReceived, ToolArgumentsReceived
from agentkit.json_schema import JsonSchema, JsonSchemaError
from agentkit.message import AssistantMessage, ToolCall
from agentkit.usage import NO_USAGE, Usage
from agentkit.value import maker, replace

_text_received = maker(TextReceived)
_new_response = maker(ModelResponse)
_new_message = maker(AssistantMessage)
_new_call = maker(ToolCall)

StreamedPart: TypeAlias = TextReceived | ReasoningReceived | ToolArgumentsReceived
"""What a user may be shown of an answer on its way."""

_FINISH_REASONS: Mapping[str, FinishReason] = {
    "length": "length",
    "max_tokens": "length",
    "max_output_tokens": "length",
    "max_length": "length",
    "token_limit": "length",
    "model_length": "length",
    "model_context_window_exceeded": "length",
    "content_filter": "content_filter",
    "content-filter": "content_filter",
    "sensitive": "content_filter",
    "recitation": "content_filter",
    "prohibited_content": "content_filter",
    "safety": "content_filter",
    "refusal": "content_filter",
}


_NO_HEAD = HeadDelta()


class ResponseBuilder:
    """Gathers one answer; made anew for each.

    Args:
        request: what was asked.
        tool_names: wire name to our name, from the `Encoded` request.
        provider: the provider's name in the catalog, for the response.
        calls_in_text: calls belong into the text, from the `Encoded` request.
    """

    def __init__(
        self,
        request: ModelRequest,
        *,
        tool_names: Mapping[str, str] | None = None,
        provider: str | None = None,
        calls_in_text: bool = False,
    ) -> None:
        self._request = request
        self._tool_names = tool_names or {}
        self._provider = provider
        self._calls_in_text = calls_in_text
        self._offered = frozenset({tool.name for tool in request.tools}.union(self._tool_names))
        self._calls = ToolCallAssembler(self._offered)
        self._guard = LeakGuard(self._offered)
        self._shown_chars = 0
        self._leak: Leak | None = None
        self._answer = ""  # all text, without calls that leaked into it
        self._is_closed = False
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._reasons: list[str] = []
        self._reason: FinishReason = "stop"
        self._usage = NO_USAGE
        self._head = _NO_HEAD
        self._is_done = False
        self._is_finished = False
        self._calling = ""

    @property
    def is_done(self) -> bool:
        """Return whether the provider marked the end: no more of this answer will come."""
        return self._is_done

    @property
    def usage(self) -> Usage:
        """Return what the provider said so far that this answer uses."""
        return self._usage

    def feed(self, deltas: Iterable[Delta]) -> list[StreamedPart]:
        """Take the next deltas and return what a user may be shown of them, if anyone listens.

        Text that may turn out to be a call is kept back; `close` gives what of it is text.
        """
        shown: list[StreamedPart] = []
        for delta in deltas:
            shown += _TAKERS[type(delta)](self, delta)
        return shown if self._request.stream else []

    def close(self) -> list[StreamedPart]:
        """Take the end of the answer and return the rest of the text, before `finish`.

        Of an answer that was interrupted or was cut inside a call nothing more is shown.
        """
        if self._is_closed:
            return []
        self._is_closed = True
        self._reason = self._finish_reason()
        self._answer = "".join(self._text)
        self._leak = find_leak(self._answer, offered=self._offered, fits=self._fits)
        if self._leak is not None:
            self._answer = self._leak.text
        if self._is_broken_off or self._is_cut_in_text:
            return []
        rest = self._show(self._answer[self._shown_chars :])
        return [*rest] if self._request.stream else []

    def finish(self) -> ModelResponse:
        """Return the response; call it once, after the last delta.

        Raises:
            ProtocolError: the answer was interrupted (`stream_interrupted`), was cut inside its
                calls (`truncated`), or holds nothing (`empty_response`).
        """
        self.close()
        if self._is_broken_off:
            raise self._problem(
                "The stream ended before the answer did.", kind="stream_interrupted"
            )
        drafts, repairs = self._drafts()
        self._check(drafts, self._answer)
        calls, more = self._number(drafts)
        return _new_response(
            message=_new_message(content=self._content(self._answer), tool_calls=tuple(calls)),
            finish_reason="tool_calls" if calls else self._reason,
            raw_finish_reason=self._reasons[-1] if self._reasons else None,
            usage=self._usage,
            model=self._head.model,
            provider=self._provider,
            response_id=self._head.response_id,
            repairs=(*repairs, *more),
        )

    def _take_text(self, delta: TextDelta) -> Sequence[StreamedPart]:
        self._text.append(delta.text)
        return self._show(self._guard.feed(delta.text))

    def _take_reasoning(self, delta: ReasoningDelta) -> Sequence[StreamedPart]:
        self._reasoning.append(delta.text)
        return (ReasoningReceived(delta.text),)

    def _take_call(self, delta: CallDelta) -> Sequence[StreamedPart]:
        self._calls.add(delta)
        return self._show_arguments(delta)

    def _take_finish(self, delta: FinishDelta) -> Sequence[StreamedPart]:
        self._reasons.append(delta.reason)
        self._is_finished = True
        return ()

    def _take_usage(self, delta: UsageDelta) -> Sequence[StreamedPart]:
        self._usage = delta.usage
        return ()

    def _take_head(self, delta: HeadDelta) -> Sequence[StreamedPart]:
        self._head = _fill(self._head, delta)
        return ()

    def _take_done(self, delta: DoneDelta) -> Sequence[StreamedPart]:
        self._is_done = True
        self._is_finished = self._is_finished or delta.is_finish
        return ()

    def _drafts(self) -> tuple[list[CallDraft], list[Repair]]:
        """Return the calls to make, and what was done about the others."""
        drafts = [call for one in self._calls.drafts() for call in unglue(one, self._offered)]
        repairs: list[Repair] = []
        if self._leak is not None and not drafts:
            drafts = [self._read_from_text(call) for call in self._leak.calls]
        elif self._leak is not None:
            # The provider read the calls and left their text in place.
            before = self._leak.calls[0].repairs[0].before
            repairs.append(Repair(kind="dropped_leak", before=before, after=""))
        if self._leak is not None and self._leak.dropped:
            before = short(self._leak.dropped)
            repairs.append(Repair(kind="dropped_text", before=before, after=""))
        if drafts and self._request.tool_choice.mode == "none":
            names = ", ".join(draft.name for draft in drafts)
            repairs.append(Repair(kind="dropped_call", before=short(names), after=""))
            drafts = []
        return drafts, repairs

    def _read_from_text(self, call: CallDraft) -> CallDraft:
        """Return a call without the repair of its place, where that is the right one."""
        if not self._calls_in_text:
            return call
        repairs = tuple(repair for repair in call.repairs if repair.kind != "leaked_text")
        return replace(call, repairs=repairs)

    @property
    def _is_broken_off(self) -> bool:
        is_empty = self._is_done and not self._text and not self._calls.has_any
        return not self._is_finished and not is_empty

    @property
    def _is_cut_in_text(self) -> bool:
        """Return whether the limit was reached inside something that began as a call in text."""
        return self._reason == "length" and self._guard.may_be_in_call

    def _content(self, text: str) -> tuple[ContentBlock, ...]:
        reasoning = "".join(self._reasoning)
        thought = (ReasoningContent(reasoning),) if reasoning else ()
        return (*thought, *text_blocks(text))

    def _show(self, text: str) -> Sequence[TextReceived]:
        """Return a piece of text, if it is one."""
        self._shown_chars += len(text)
        return (_text_received(text=text),) if text else ()

    def _show_arguments(self, delta: CallDelta) -> Sequence[ToolArgumentsReceived]:
        """Return a piece of the arguments that the request asks to see, as far as it is plain."""
        if delta.name:
            self._calling = self._tool_names.get(delta.name, delta.name)
        if delta.arguments and self._calling == self._request.shown_arguments:
            return (ToolArgumentsReceived(tool_name=self._calling, text=delta.arguments),)
        return ()

    def _fits(self, name: str, arguments: str) -> bool:
        """Return whether an offered tool takes such arguments, repaired where that is allowed."""
        own_name = self._tool_names.get(name, name)
        spec = next(tool for tool in self._request.tools if tool.name == own_name)
        try:
            schema = JsonSchema(spec.input_schema)
        except JsonSchemaError:
            return False
        repaired = repair_arguments(
            arguments,
            schema=spec.input_schema,
            is_valid=lambda value: not schema.violations(value, limit=1),
        )
        # A model that repeats what it was offered calls nothing.
        return repaired is not None and repaired.value != spec.input_schema

    def _finish_reason(self) -> FinishReason:
        """Return ours for the provider's words; a limit that was hit counts above all."""
        found: FinishReason = "stop"
        for reason in self._reasons:
            known = _FINISH_REASONS.get(reason.lower())
            if known == "length":
                return known
            found = known or found
        return found

    def _check(self, drafts: Sequence[CallDraft], text: str) -> None:
        """Refuse an answer that was cut inside its calls, or holds nothing."""
        reason = self._reason
        if self._is_cut_in_text or (drafts and (reason == "length" or self._is_cut(drafts))):
            raise self._problem(
                "The answer reached its token limit inside a tool call, which was not run; "
                "allow more tokens (max_tokens).",
                kind="truncated",
                retry="change",
            )
        if drafts or text.strip() or reason == "content_filter":
            return
        if reason == "length":
            raise self._problem(
                "The answer reached its token limit before it said anything; "
                "allow more tokens (max_tokens).",
                kind="truncated",
                retry="change",
            )
        raise self._problem("The answer holds neither text nor a call.", kind="empty_response")

    def _is_cut(self, drafts: Sequence[CallDraft]) -> bool:
        """Return whether the limit was used up and a call is broken, whatever the finish reason."""
        limit = self._request.settings.max_tokens
        if limit is None or self._usage.output_tokens < limit:
            return False
        return not all(_is_json(draft.arguments) for draft in drafts)

    def _number(self, drafts: Sequence[CallDraft]) -> tuple[list[ToolCall], list[Repair]]:
        """Give every call our name for its tool and an id that is free in the conversation."""
        calls: list[ToolCall] = []
        repairs: list[Repair] = []
        taken: set[str] = set()
        for draft in drafts:
            call_id = (draft.id or "").strip()
            if not call_id or call_id in taken or self._request.history.has_call(call_id):
                call_id = self._mint(draft, taken)
                before = short(draft.id or "")
                if before or not self._calls_in_text:  # who is asked for text is asked for no id
                    repairs.append(
                        Repair(kind="minted_id", before=before, after=call_id, call_id=call_id)
                    )
            taken.add(call_id)
            name = self._tool_names.get(draft.name, draft.name)
            calls.append(_new_call(id=call_id, name=name, arguments=draft.arguments))
            repairs.extend(replace(repair, call_id=call_id) for repair in draft.repairs)
        return calls, repairs

    def _mint(self, draft: CallDraft, taken: set[str]) -> str:
        """Make an id of nine letters or digits: the same for the same answer, free here."""
        history = self._request.history
        attempt = len(taken)
        while True:
            seed = f"{len(history)}/{attempt}/{draft.id}/{draft.name}/{draft.arguments}"
            call_id = nine_char_id(seed)
            if call_id not in taken and not history.has_call(call_id):
                return call_id
            attempt += 1

    def _problem(self, message: str, *, kind: ErrorKind, retry: Retry = "same") -> ProtocolError:
        return ProtocolError(message, kind=kind, retry=retry)


_TAKERS: Mapping[type, Callable[[ResponseBuilder, Any], Sequence[StreamedPart]]] = {
    TextDelta: ResponseBuilder._take_text,
    ReasoningDelta: ResponseBuilder._take_reasoning,
    CallDelta: ResponseBuilder._take_call,
    FinishDelta: ResponseBuilder._take_finish,
    UsageDelta: ResponseBuilder._take_usage,
    HeadDelta: ResponseBuilder._take_head,
    DoneDelta: ResponseBuilder._take_done,
}


def _fill(known: HeadDelta, new: HeadDelta) -> HeadDelta:
    """Fill the gaps of `known` from `new`."""
    if known is _NO_HEAD:
        return new
    return HeadDelta(
        response_id=known.response_id or new.response_id,
        model=known.model or new.model,
        upstream=known.upstream or new.upstream,
    )


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
