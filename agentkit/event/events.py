"""What a run reports, as a closed union of values.

In:  what happens in a run.
Out: `RunEvent`s, past tense; `Emit`, the function that reports one.
"""

from collections.abc import Awaitable, Callable
from dataclasses import field
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from agentkit.chat import FailedExchange, Repair
from agentkit.content import ContentBlock
from agentkit.errors import ErrorKind
from agentkit.event.run_events import (
    ApprovalDecided,
    HandedOff,
    ModelRequested,
    ModelResponded,
    RunFailed,
    RunFinished,
    RunResumed,
    RunStarted,
)
from agentkit.json_schema import JsonValue
from agentkit.message import ToolCall, ToolResult
from agentkit.usage import Usage
from agentkit.value import dataclass

ReportLevel: TypeAlias = Literal[
    "debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnStarted:
    """A model call is about to be made; `turn` counts from 1.

    Attributes:
        turn: the number of the turn, from 1.
    """

    turn: int
    type: Literal["turn_started"] = "turn_started"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextTrimmed:
    """The conversation was too long for the model's window, and less of it is sent from now on.

    The history itself is unchanged. The event comes only when something more is left out.

    Attributes:
        dropped_messages: messages that are no longer sent; earlier summaries are among them.
        shortened_results: tool results of which only the beginning and the end are still sent.
        tokens_before: the prompt as it would have been.
        tokens_after: the prompt that is sent.
        window_tokens: what the model takes, prompt and answer together.
        has_summary: a summary of what was dropped is sent in its place.
        summary_error: why a summary was wanted and not made; None otherwise.
        usage: what the summary used.
    """

    dropped_messages: int
    shortened_results: int
    tokens_before: int
    tokens_after: int
    window_tokens: int
    has_summary: bool = False
    summary_error: str | None = None
    usage: Usage = field(default_factory=Usage)
    type: Literal["context_trimmed"] = "context_trimmed"


@dataclass(frozen=True, slots=True, kw_only=True)
class TextReceived:
    """A piece of the answer's text arrived; only while streaming.

    Attributes:
        text: the piece.
    """

    text: str = field(kw_only=False)
    type: Literal["text_received"] = "text_received"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasoningReceived:
    """A piece of the model's reasoning arrived; only while streaming.

    Attributes:
        text: the piece.
    """

    text: str = field(kw_only=False)
    type: Literal["reasoning_received"] = "reasoning_received"


@dataclass(frozen=True, slots=True, kw_only=True)
class TextReclassified:
    """Text that was emitted as answer text turned out to be reasoning; only while streaming.

    Attributes:
        text: all answer text of this exchange so far.
    """

    text: str = field(kw_only=False)
    type: Literal["text_reclassified"] = "text_reclassified"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolArgumentsReceived:
    """A piece of an answer that is given by a call arrived; only while streaming.

    Attributes:
        tool_name: the tool that is called.
        text: the piece of its arguments, JSON text.
    """

    tool_name: str
    text: str
    type: Literal["tool_arguments_received"] = "tool_arguments_received"


@dataclass(frozen=True, slots=True, kw_only=True)
class PartialOutputReceived:
    """More of a structured answer arrived; only while streaming.

    Attributes:
        value: the answer so far as JSON, not checked; later ones hold more, or begin anew.
    """

    value: JsonValue
    type: Literal["partial_output_received"] = "partial_output_received"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputRejected:
    """An answer did not fit the type that was asked for; the model may try again.

    Attributes:
        attempt: how many answers were refused so far, counted from 1.
        reason: what the model was told.
    """

    attempt: int
    reason: str
    type: Literal["output_rejected"] = "output_rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerRepaired:
    """Something in the model's answer was not as it should be, and was repaired.

    Attributes:
        repair: what was wrong, and what was made of it.
    """

    repair: Repair
    type: Literal["answer_repaired"] = "answer_repaired"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRetried:
    """An exchange failed and is made again after `wait_seconds`.

    Attributes:
        attempt: counts from 1.
        kind: the kind of the error.
        error: its message.
        wait_seconds: the wait before the exchange is made again.
        usage: what the failed answer used, as far as the provider reported it.
    """

    attempt: int
    kind: ErrorKind
    error: str
    wait_seconds: float
    usage: Usage = field(default_factory=Usage)
    type: Literal["model_retried"] = "model_retried"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFailedOver:
    """A model of a route failed, and the next one is asked.

    Attributes:
        failure: the model, and the error that it ended with.
    """

    failure: FailedExchange
    type: Literal["model_failed_over"] = "model_failed_over"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestDelayed:
    """A request waits for a rate limit before it is sent.

    Attributes:
        wait_seconds: how long.
        reason: the header with which the provider reported the limit, or whose limit it is.
    """

    wait_seconds: float
    reason: str
    type: Literal["request_delayed"] = "request_delayed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionAwaited:
    """All connections to the provider are in use, and a request waits until one is free.

    Attributes:
        max_connections: how many there may be; see `HttpSettings.max_connections`.
    """

    max_connections: int
    type: Literal["connection_awaited"] = "connection_awaited"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestDowngraded:
    """The provider refused part of a request, and it is sent again with this change.

    Attributes:
        change: what is left out or sent in another form.
        error: the provider's message.
    """

    change: str
    error: str
    type: Literal["request_downgraded"] = "request_downgraded"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallRejected:
    """A call was not run; `result` tells the model why.

    Attributes:
        call: the call as the model made it.
        result: the error result that the model reads.
    """

    call: ToolCall
    result: ToolResult
    type: Literal["tool_call_rejected"] = "tool_call_rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallStarted:
    """A tool began to run.

    Attributes:
        call: the call, with its arguments.
    """

    call: ToolCall
    type: Literal["tool_call_started"] = "tool_call_started"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolProgressed:
    """A running tool said how far it is; `total` in the same unit, if known.

    Attributes:
        call_id: the id of the call.
        progress: how far it is, in a unit of the tool.
        total: where it ends, in the same unit; None if unknown.
        message: what it is doing, if the tool reports that.
    """

    call_id: str
    progress: float
    total: float | None = None
    message: str | None = None
    type: Literal["tool_progressed"] = "tool_progressed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallFinished:
    """A tool ended, well or not; `seconds` is how long it ran.

    Attributes:
        call: the call, with its arguments.
        result: its result, which may be an error.
        seconds: how long the tool ran.
    """

    call: ToolCall
    result: ToolResult
    seconds: float
    type: Literal["tool_call_finished"] = "tool_call_finished"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallAbandoned:
    """A blocking tool went on past its time; it counts against the limits until it ends.

    Attributes:
        call: the call, with its arguments.
        seconds: how long the tool had run.
    """

    call: ToolCall
    seconds: float
    type: Literal["tool_call_abandoned"] = "tool_call_abandoned"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResultTruncated:
    """A result was too long for the model; `content` is the complete result.

    Attributes:
        call_id: the id of the call.
        content: the complete result.
    """

    call_id: str
    content: tuple[ContentBlock, ...]
    type: Literal["tool_result_truncated"] = "tool_result_truncated"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolsetReported:
    """Something happened to a toolset, or its server sent a log message.

    Attributes:
        toolset: the name of the toolset, e.g. of the MCP server.
        level: the severity, as in syslog and MCP.
        message: text, or what the server sent, as JSON.
        call_id: the call it belongs to, if that is known.
    """

    toolset: str
    level: ReportLevel
    message: str
    call_id: str | None = None
    type: Literal["toolset_reported"] = "toolset_reported"


RunEvent: TypeAlias = Annotated[
    RunStarted
    | RunResumed
    | ApprovalDecided
    | TurnStarted
    | ContextTrimmed
    | TextReceived
    | ReasoningReceived
    | TextReclassified
    | ToolArgumentsReceived
    | PartialOutputReceived
    | OutputRejected
    | AnswerRepaired
    | ModelRetried
    | ModelFailedOver
    | RequestDelayed
    | ConnectionAwaited
    | RequestDowngraded
    | ModelRequested
    | ModelResponded
    | ToolCallRejected
    | ToolCallStarted
    | ToolProgressed
    | ToolCallFinished
    | ToolCallAbandoned
    | ToolResultTruncated
    | ToolsetReported
    | HandedOff
    | RunFinished
    | RunFailed,
    Field(discriminator="type"),
]

Emit: TypeAlias = Callable[[RunEvent], Awaitable[None]]


async def ignore(event: RunEvent) -> None:
    """Listen to nothing."""
