"""Run an agent for one request, and make one answer of all its turns.

In:  an agent, a conversation, the options of the run; a function that takes pieces as they come.
Out: `ServedAnswer`: a `ModelResponse` with the text of all turns, and calls of the client's tools.

Streamed and complete answers come from here, so that they are the same: the pieces joined are the
text of the answer.
"""

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from agentkit.agent.agent import Agent
from agentkit.agent.result import RunResult
from agentkit.chat import FinishReason, ModelResponse
from agentkit.content import ContentBlock, ReasoningContent, TextContent
from agentkit.dialect.tool_names import unwrap_name
from agentkit.event import (
    ReasoningReceived,
    RunEvent,
    StopReason,
    TextReceived,
    TextReclassified,
    ToolCallFinished,
    ToolCallRejected,
    ToolCallStarted,
    TurnStarted,
)
from agentkit.history import History
from agentkit.json_schema import JsonValue
from agentkit.message import AssistantMessage, Message, ToolCall
from agentkit.service.parking import Parking, parked_history
from agentkit.service.served import DENIED
from agentkit.tools.approval import Approval
from agentkit.tools.tool import Tool
from agentkit.tools.validate import ReadyCall, validate_call
from agentkit.usage import Usage
from agentkit.value import dataclass

MAX_SEGMENTS = 4
"""How often a run goes on after a denial by an agent that it was handed off to."""

_FINISH_REASONS: Mapping[StopReason, FinishReason] = {
    "answered": "stop",
    "suspended": "tool_calls",
    "content_filter": "content_filter",
}
"""Every other stop reason is a limit."""

_GAP = "\n\n"
"""Between the texts of two turns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextPiece:
    """More text of the answer."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasoningPiece:
    """More of the model's reasoning."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolNote:
    """A tool of the agent began or ended; clients that do not know such notes skip them."""

    fields: Mapping[str, JsonValue]


Piece: TypeAlias = TextPiece | ReasoningPiece | ToolNote
Sink: TypeAlias = Callable[[Piece], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedAnswer:
    """The answer to a request.

    Attributes:
        response: what is sent.
        stop_reason: why the run ended.
        history: the complete conversation, with the calls of the agent's own tools.
        run_id: the run.
    """

    response: ModelResponse
    stop_reason: StopReason
    history: History
    run_id: str


class AnswerFold:
    """Makes pieces of a run's events, and joins them."""

    def __init__(self, *, is_structured: bool) -> None:
        """Begin an answer.

        Args:
            is_structured: the text counts only once it was validated, so it comes at the end.
        """
        self._is_structured = is_structured
        self._content: list[tuple[type[TextContent | ReasoningContent], list[str]]] = []
        self._has_text = False
        self._turn_text: list[str] = []

    def add(self, event: RunEvent) -> Piece | None:
        """Return the piece of an event; None if it has none."""
        match event:
            case TextReceived(text=text):
                return None if self._is_structured else self._add_text(text)
            case ReasoningReceived(text=text):
                self._append(ReasoningContent, text)
                return ReasoningPiece(text=text)
            case TurnStarted() | TextReclassified():
                self._turn_text.clear()
            case ToolCallStarted(call=call):
                return _note(call, "tool_call_started")
            case ToolCallFinished(call=call):
                seconds = round(event.seconds, 3)
                is_error = event.result.is_error
                return _note(call, "tool_call_finished", seconds=seconds, is_error=is_error)
            case ToolCallRejected(call=call):
                return _note(call, "tool_call_rejected")
            case _:
                pass
        return None

    def add_messages(self, messages: Iterable[Message]) -> None:
        """Add what a run wrote whose events were not received."""
        for message in messages:
            if not isinstance(message, AssistantMessage):
                continue
            self._turn_text.clear()
            for block in message.content:
                if isinstance(block, ReasoningContent):
                    self._append(ReasoningContent, block.text)
                elif isinstance(block, TextContent) and not self._is_structured:
                    self._add_text(block.text)

    def end(self, result: RunResult[Any]) -> TextPiece | None:
        """Return the text of a result that was not received in pieces; None if all was."""
        given, wanted = "".join(self._turn_text).strip(), result.text.strip()
        if wanted == given:
            return None
        if given and wanted.startswith(given):
            rest = wanted[len(given) :]
        else:
            self._turn_text.clear()
            rest = wanted
        return self._add_text(rest)

    def add_note(self, text: str) -> TextPiece | None:
        """Return the piece of a text that no model wrote, as a turn of its own."""
        self._turn_text.clear()
        return self._add_text(text)

    def response(
        self, reason: FinishReason, *, usage: Usage, calls: Iterable[ToolCall] = ()
    ) -> ModelResponse:
        """Return the complete answer, with calls of the client's tools."""
        content: list[ContentBlock] = [kind("".join(texts)) for kind, texts in self._content]
        message = AssistantMessage(content, tool_calls=calls)
        return ModelResponse(message=message, finish_reason=reason, usage=usage)

    def _add_text(self, text: str) -> TextPiece | None:
        if not text:
            return None
        if self._has_text and not self._turn_text:
            text = _GAP + text
        self._has_text = True
        self._turn_text.append(text)
        self._append(TextContent, text)
        return TextPiece(text=text)

    def _append(self, kind: type[TextContent | ReasoningContent], text: str) -> None:
        """Add to the last block, or begin another one."""
        if not self._content or self._content[-1][0] is not kind:
            self._content.append((kind, []))
        self._content[-1][1].append(text)


async def answer(
    agent: Agent[Any, Any],
    *,
    history: History,
    options: Mapping[str, Any],
    external: Mapping[str, Tool],
    is_structured: bool,
    parking: Parking | None = None,
    sink: Sink | None,
) -> ServedAnswer:
    """Run an agent to its end, or until it calls a tool of the client.

    Args:
        agent: denies calls that need approval, unless they are parked; those of agents that it
            hands off to are denied here.
        history: the conversation; its last message is answered.
        options: see `RunOptions`.
        external: the client's tools, by name.
        is_structured: see `AnswerFold`.
        parking: keeps a run whose calls need approval; None to deny them.
        sink: awaited for each piece, so that a slow client slows the run; without one, the model
            is not streamed either.

    Raises:
        AgentKitError: as `Agent.run`.
    """
    fold = AnswerFold(is_structured=is_structured)
    usage = Usage()
    given: dict[str, Any] = {**options, "history": history}
    for _ in range(MAX_SEGMENTS):
        if sink is None:
            result = await agent.run(**given)
            fold.add_messages(result.history[len(given["history"]) :])
        else:
            async with agent.stream(**given) as run:
                async for event in run:
                    piece = fold.add(event)
                    if piece is not None:
                        await sink(piece)
                result = run.result
        usage += result.usage
        calls = result.open_calls
        questions = [call for call in calls if unwrap_name(call.name, external.keys()) is None]
        if not questions:
            break
        if parking is not None and len(questions) == len(calls):
            return await _parked(result, fold, usage=usage, parking=parking, sink=sink)
        denials = [Approval.deny(call, reason=DENIED) for call in questions]
        given = {**given, "history": result.history, "approvals": denials, "tool_choice": "auto"}
    last = fold.end(result)
    if last is not None and sink is not None:
        await sink(last)
    reason = _FINISH_REASONS.get(result.stop_reason, "length")
    return ServedAnswer(
        response=fold.response(
            reason, usage=usage, calls=[_as_sent(call, external) for call in calls]
        ),
        stop_reason=result.stop_reason,
        history=result.history,
        run_id=result.run_id,
    )


async def _parked(
    result: RunResult[Any], fold: AnswerFold, *, usage: Usage, parking: Parking, sink: Sink | None
) -> ServedAnswer:
    """Park a run, and return an answer that says so."""
    note = await parking.park(result)
    for piece in (fold.end(result), fold.add_note(note)):
        if piece is not None and sink is not None:
            await sink(piece)
    return ServedAnswer(
        response=fold.response("stop", usage=usage),
        stop_reason=result.stop_reason,
        history=parked_history(result, note),
        run_id=result.run_id,
    )


def _as_sent(call: ToolCall, tools: Mapping[str, Tool]) -> ToolCall:
    """Return a call of a client's tool under that name, with arguments that are a JSON object."""
    name = unwrap_name(call.name, tools.keys()) or call.name
    ready = validate_call(call, tools)
    if isinstance(ready, ReadyCall) and ready.repairs:
        arguments = json.dumps(ready.arguments, ensure_ascii=False)
        return replace(call, name=name, arguments=arguments)
    return replace(call, name=name)


def _note(call: ToolCall, event: str, **facts: JsonValue) -> ToolNote:
    """Return a note about a call; arguments and results are not for the client."""
    return ToolNote(fields={"event": event, "call_id": call.id, "tool_name": call.name, **facts})
