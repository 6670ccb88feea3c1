"""Build a response from the deltas of one answer.

In:  `Delta`s in the order they arrived, and the request they answer.
Out: on the way, the text a user may see; at the end one `ModelResponse`, complete and never empty.

An answer that ended early, was cut inside its calls, holds nothing, or contradicts its own finish
reason is an error here, whatever the provider calls it.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from agentkit.chat import FinishReason, ModelRequest, ModelResponse, Repair
from agentkit.config.profile import ReasoningStyle
from agentkit.content import ContentBlock, ReasoningContent, text_blocks
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
from agentkit.dialect.text_calls.glued import may_be_glued, split_glued
from agentkit.dialect.text_calls.grammar import OfferedTools
from agentkit.dialect.text_calls.piece import Piece
from agentkit.dialect.text_calls.resolution import Separation
from agentkit.dialect.tool_call_assembler import CallDraft, ToolCallAssembler, is_json, short
from agentkit.errors import ErrorKind, ProtocolError, Retry
from agentkit.event import (
    ReasoningReceived,
    TextReceived,
    TextReclassified,
    ToolArgumentsReceived,
)
from agentkit.json_schema import JsonValue
from agentkit.message import AssistantMessage
from agentkit.model.answer_text import AnswerText, offered_tools
from agentkit.model.call_numbering import number_calls
from agentkit.model.finish_reasons import promises_call, read_reason
from agentkit.model.incoming_text import IncomingText
from agentkit.usage import NO_USAGE, Usage

StreamedPart: TypeAlias = (
    TextReceived | ReasoningReceived | TextReclassified | ToolArgumentsReceived
)
"""What a user may be shown of an answer on its way."""

_NO_HEAD = HeadDelta()
_NO_TEXT = Separation()


class ResponseBuilder:
    """Collects one answer; a new one is made for each.

    Args:
        request: the request that is answered.
        tool_names: wire name to our name, from the `Encoded` request.
        provider: the provider's name in the catalog, for the response.
        calls_in_text: calls were requested as text, from the `Encoded` request.
        reasoning: how the model writes reasoning into its text.
        tools: `offered_tools` of the request and `tool_names`, if they are known.
    """

    def __init__(
        self,
        request: ModelRequest,
        *,
        tool_names: Mapping[str, str] | None = None,
        provider: str | None = None,
        calls_in_text: bool = False,
        reasoning: ReasoningStyle = "tagged",
        tools: OfferedTools | None = None,
    ) -> None:
        self._request = request
        self._tool_names = tool_names or {}
        self._provider = provider
        self._calls_in_text = calls_in_text
        self._reasoning_style = reasoning
        self._tools = tools or offered_tools(request, self._tool_names)
        self._answer: AnswerText | None = None
        self._incoming_reasoning: IncomingText | None = None
        self._calls = ToolCallAssembler(self._tools.names)
        self._reading = _NO_TEXT
        self._is_closed = False
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._native_reasoning: list[str] = []
        self._reasoning_data: list[Mapping[str, JsonValue]] = []
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
        """Return the usage that the provider reported for this answer so far."""
        return self._usage

    def feed(self, deltas: Iterable[Delta]) -> list[StreamedPart]:
        """Add the next deltas and return what a user may be shown of them, if anyone listens.

        Text that may still become a call is held back; `close` returns what of it is text.
        """
        shown: list[StreamedPart] = []
        for delta in deltas:
            shown += _HANDLERS[type(delta)](self, delta)
        return shown if self._request.stream else []

    def close(self) -> list[StreamedPart]:
        """Add the end of the answer and return the rest of the text, before `finish`.

        If the answer ended early or was cut inside a call, nothing more is shown.
        """
        if self._is_closed:
            return []
        self._is_closed = True
        self._reason = read_reason(self._reasons)
        if self._incoming_reasoning is not None:
            self._native_reasoning.append(self._incoming_reasoning.close())
        if self._answer is not None:
            is_cut = self._reason == "length" or not self._is_finished
            self._reading = self._answer.close(is_cut=is_cut, has_calls=self._calls.has_any)
        pieces = self._reading.pieces
        shown = self._show(pieces) if pieces else []
        if not self._request.stream or self._is_interrupted or self._is_cut_in_text:
            return []
        return shown

    def finish(self) -> ModelResponse:
        """Return the response; call it once, after the last delta.

        Raises:
            ProtocolError: the answer ended early (`stream_interrupted`), was cut inside its calls
                (`truncated`), holds nothing (`empty_response`), or a call that cannot be read
                (`bad_response`).
        """
        self.close()
        if self._is_interrupted:
            raise self._problem(
                "The stream ended before the answer did.", kind="stream_interrupted"
            )
        native = [one for draft in self._calls.drafts() for one in self._split(draft)]
        drafts, repairs = self._all_calls(native)
        text = "".join(self._text)
        text = text.rstrip() if self._reading.calls else text
        self._check(native, drafts, text)
        if drafts and self._request.tool_choice.mode == "none":
            names = ", ".join(draft.name for draft in drafts)
            repairs.append(Repair(kind="dropped_call", before=short(names), after=""))
            drafts = []
        calls, more = number_calls(
            drafts,
            history=self._request.history,
            tool_names=self._tool_names,
            needs_no_ids=self._calls_in_text,
        )
        response = object.__new__(ModelResponse)  # a call of the class would copy the fields twice
        ModelResponse.__init__(
            response,
            message=AssistantMessage(
                content=self._content(text, has_calls=bool(calls)), tool_calls=tuple(calls)
            ),
            finish_reason="tool_calls" if calls else self._reason,
            raw_finish_reason=self._reasons[-1] if self._reasons else None,
            usage=self._usage,
            model=self._head.model,
            provider=self._provider,
            response_id=self._head.response_id,
            repairs=(*repairs, *more),
        )
        return response

    def _on_text(self, delta: TextDelta) -> Sequence[StreamedPart]:
        if self._answer is None:
            self._answer = AnswerText(self._request, self._tools, reasoning=self._reasoning_style)
        return self._show(self._answer.feed(delta.text))

    def _on_reasoning(self, delta: ReasoningDelta) -> Sequence[StreamedPart]:
        if delta.data is not None and delta.data not in self._reasoning_data[-1:]:
            self._reasoning_data.append(delta.data)
        if self._incoming_reasoning is None:
            self._incoming_reasoning = IncomingText()
        text = self._incoming_reasoning.feed(delta.text)
        self._native_reasoning.append(text)
        return (ReasoningReceived(text),) if text else ()

    def _on_call(self, delta: CallDelta) -> Sequence[StreamedPart]:
        self._calls.add(delta)
        return self._show_arguments(delta)

    def _on_finish(self, delta: FinishDelta) -> Sequence[StreamedPart]:
        self._reasons.append(delta.reason)
        self._is_finished = True
        return ()

    def _on_usage(self, delta: UsageDelta) -> Sequence[StreamedPart]:
        self._usage = delta.usage
        return ()

    def _on_head(self, delta: HeadDelta) -> Sequence[StreamedPart]:
        self._head = _fill(self._head, delta)
        return ()

    def _on_done(self, delta: DoneDelta) -> Sequence[StreamedPart]:
        self._is_done = True
        self._is_finished = self._is_finished or delta.is_finish
        return ()

    def _split(self, draft: CallDraft) -> list[CallDraft]:
        """Return a native call, and the calls that were left behind its arguments."""
        if not may_be_glued(draft.arguments) or is_json(draft.arguments):
            return [draft]
        return split_glued(draft, self._tools)

    def _all_calls(self, native: Sequence[CallDraft]) -> tuple[list[CallDraft], list[Repair]]:
        """Return native calls and calls of the text, and what was done about the others."""
        drafts = list(native)
        repairs = list(self._reading.repairs)
        if self._is_complete_without_reason:
            repairs.append(Repair(kind="missing_finish_reason", before="", after=""))
        if self._answer is not None and self._answer.has_snapshots:
            repairs.append(Repair(kind="text_snapshots", before="", after=""))
        known = set(map(self._identity, native)) if self._reading.calls else set()
        for call in self._reading.calls:
            if self._identity(call) in known:
                # The provider parsed the call and left its text in place.
                before = short(f"{call.name}({call.arguments})")
                repairs.append(Repair(kind="dropped_text_call", before=before, after=""))
            else:
                drafts.append(self._without_move(call))
        return drafts, repairs

    def _identity(self, call: CallDraft) -> tuple[str, str]:
        """Return what is equal for equal calls."""
        return self._tool_names.get(call.name, call.name), _canonical(call.arguments)

    def _without_move(self, call: CallDraft) -> CallDraft:
        """Return a call without the repair of its place, if text is the right place."""
        if not self._calls_in_text:
            return call
        repairs = tuple(repair for repair in call.repairs if repair.kind != "text_call")
        return replace(call, repairs=repairs)

    @property
    def _is_interrupted(self) -> bool:
        if self._is_finished:
            return False
        is_empty = self._is_done and self._answer is None and not self._calls.has_any
        return not is_empty and not self._is_complete_without_reason

    @property
    def _is_complete_without_reason(self) -> bool:
        """Return whether an answer without a finish reason ended where it was meant to.

        Some servers send `[DONE]` alone. It does not show that a limit was reached, so that
        nothing may be open, and the tokens may not be used up.
        """
        if self._is_finished or not self._is_done:
            return False
        limit = self._request.settings.max_tokens
        is_limited = limit is not None and self._usage.output_tokens >= limit
        return not self._reading.is_cut and self._calls.are_complete and not is_limited

    @property
    def _is_cut_in_text(self) -> bool:
        """Return whether the limit was reached inside a text call, and no other was complete."""
        return self._reading.is_cut and all(call.rejection for call in self._reading.calls)

    def _content(self, text: str, *, has_calls: bool) -> tuple[ContentBlock, ...]:
        reasoning = "".join([*self._native_reasoning, *self._reasoning])
        data = tuple(self._reasoning_data) if has_calls else ()  # only calls need it back
        thought = (ReasoningContent(reasoning, data=data),) if reasoning or data else ()
        return (*thought, *text_blocks(text))

    def _show(self, pieces: Iterable[Piece]) -> list[StreamedPart]:
        """Add pieces to the answer and return what a user may be shown."""
        shown: list[StreamedPart] = []
        for kind, text in pieces:
            if kind == "text":
                self._text.append(text)
                shown.append(TextReceived(text))
                continue
            if kind == "was_answer":
                self._reasoning.clear()
                continue
            self._reasoning.append(text)
            if kind == "reasoning":
                shown.append(ReasoningReceived(text))
            else:
                self._text.clear()
                shown.append(TextReclassified(text))
        return shown

    def _show_arguments(self, delta: CallDelta) -> Sequence[ToolArgumentsReceived]:
        """Return a piece of the arguments that the request asks to see."""
        if delta.name:
            self._calling = self._tool_names.get(delta.name, delta.name)
        if delta.arguments and self._calling == self._request.shown_arguments:
            return (ToolArgumentsReceived(tool_name=self._calling, text=delta.arguments),)
        return ()

    def _check(self, native: Sequence[CallDraft], drafts: Sequence[CallDraft], text: str) -> None:
        """Reject an answer that was cut inside its calls, holds nothing, or contradicts itself."""
        is_limited = self._reason == "length"
        if self._is_cut_in_text or (native and is_limited) or self._is_cut(drafts):
            raise self._problem(
                "The answer reached its token limit inside a tool call, which was not run; "
                "allow more tokens (max_tokens).",
                kind="truncated",
                retry="change",
            )
        if drafts or self._reason == "content_filter":
            return
        if self._reading.is_malformed:
            raise self._problem("The answer is a tool call that cannot be read.")
        if self._reading.is_invented_result:
            raise self._problem("The answer is a tool result that no tool returned.")
        if promises_call(self._reasons):
            raise self._problem("The answer ended with a tool call and holds none.")
        if text.strip():
            return
        if is_limited:
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
        return not all(is_json(draft.arguments) for draft in drafts)

    def _problem(
        self, message: str, *, kind: ErrorKind = "bad_response", retry: Retry = "same"
    ) -> ProtocolError:
        return ProtocolError(message, kind=kind, retry=retry)


_HANDLERS: Mapping[type, Callable[[ResponseBuilder, Any], Sequence[StreamedPart]]] = {
    TextDelta: ResponseBuilder._on_text,
    ReasoningDelta: ResponseBuilder._on_reasoning,
    CallDelta: ResponseBuilder._on_call,
    FinishDelta: ResponseBuilder._on_finish,
    UsageDelta: ResponseBuilder._on_usage,
    HeadDelta: ResponseBuilder._on_head,
    DoneDelta: ResponseBuilder._on_done,
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


def _canonical(arguments: str) -> str:
    """Return arguments in one form, so that equal ones are equal."""
    try:
        return json.dumps(json.loads(arguments), sort_keys=True)
    except (ValueError, RecursionError):
        return arguments
