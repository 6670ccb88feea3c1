"""The events at the beginning and the end of a run, between its parts, and of its exchanges.

In:  what happens to a run as a whole; what a model is asked, and what it answers.
Out: frozen values; they are members of `RunEvent`.
"""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from decimal import Decimal
from typing import Literal, TypeAlias

from agentkit.chat import FinishReason
from agentkit.json_schema import JsonValue
from agentkit.message import AssistantMessage, Message
from agentkit.usage import Usage
from agentkit.value import dataclass

StopReason: TypeAlias = Literal[
    "answered",
    "suspended",
    "cancelled",
    "max_turns",
    "max_tool_calls",
    "max_tokens",
    "max_cost",
    "deadline",
    "no_progress",
    "invalid_output",
    "content_filter",
    "length",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetLimits:
    """The limits of a run; None for no limit. See `agentkit.Budget`."""

    turns: int | None = None
    tool_calls: int | None = None
    tokens: int | None = None
    cost_usd: Decimal | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    """A run or the next segment of a suspended run began.

    Attributes:
        agent: the name of the agent that begins.
        model: the name of its model as the caller wrote it.
        labels: what the caller gave with the run, e.g. `{"tenant": "acme"}`.
        budget: the limits that are in force.
        queued_at: when the run entered a queue; None if it did not wait in one.
    """

    model: str
    agent: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    budget: BudgetLimits = field(default_factory=BudgetLimits)
    queued_at: datetime | None = None
    type: Literal["run_started"] = "run_started"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResumed:
    """A run was taken over after its process ended; `life` counts those that worked on it.

    Attributes:
        life: how many processes have worked on the run, this one included.
    """

    life: int
    type: Literal["run_resumed"] = "run_resumed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalDecided:
    """Someone decided whether a call of a suspended run may run.

    Attributes:
        call_id: the id of the call.
        verdict: `allow` or `deny`.
        arguments: JSON text that replaces the model's arguments; None if they stay.
        reason: what the model is told with a denial.
        decided_by: who decided, e.g. the id of a token; None if that is not known.
    """

    call_id: str
    verdict: Literal["allow", "deny"]
    arguments: str | None = None
    reason: str = ""
    decided_by: str | None = None
    type: Literal["approval_decided"] = "approval_decided"


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedOff:
    """The conversation passed on to the agent `agent`, by the call `call_id`.

    Attributes:
        call_id: the call that hands off.
        agent: the name of the agent that takes over.
    """

    call_id: str
    agent: str
    type: Literal["handed_off"] = "handed_off"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished:
    """A run ended, or was suspended or cancelled; `text` is its answer, if it has one.

    Attributes:
        text: the answer, if there is one.
        stop_reason: why the run ended.
        usage: what the run used.
        turns: how many model calls it made.
    """

    text: str
    stop_reason: StopReason
    usage: Usage
    turns: int
    type: Literal["run_finished"] = "run_finished"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunError:
    """Why a run failed, as a value.

    Attributes:
        kind: the `kind` of a `ProviderError`, else the class of the error, e.g. `ConfigError`.
        status: the HTTP status, if there was one.
        request_id: the provider's own id for the request, if one arrived.
        attempts: how often the last exchange was attempted, 1 or more; 0 if none was under way.
        retryable: whether the same run may succeed later.
    """

    kind: str
    message: str
    status: int | None = None
    request_id: str | None = None
    attempts: int = 0
    retryable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFailed:
    """A run ended with an error, which its caller gets as an exception.

    Attributes:
        error: the error as a value.
    """

    error: RunError
    type: Literal["run_failed"] = "run_failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequested:
    """A request is about to be sent; only listeners made by `with_requests` get this event.

    Attributes:
        turn: the number of the turn, from 1.
        instructions: the system prompt.
        earlier_messages: how many messages the request begins with that are those of the run's
            request before, and of the answer to it.
        messages: the messages that follow these.
        tools: the names of the tools on offer.
        tool_choice: `auto`, `required`, `none` or the name of a tool.
        settings: what the caller set of `ModelSettings`, without `extra_body`.
    """

    turn: int
    instructions: str
    messages: tuple[Message, ...]
    earlier_messages: int = 0
    tools: tuple[str, ...] = ()
    tool_choice: str = "auto"
    settings: Mapping[str, JsonValue] = field(default_factory=dict)
    type: Literal["model_requested"] = "model_requested"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelResponded:
    """A model exchange ended; `seconds` is how long it took.

    Attributes:
        turn: the number of the turn, from 1.
        message: the model's message, with its calls.
        finish_reason: why the model stopped.
        usage: the tokens and the cost of the exchange.
        seconds: how long the exchange took.
        model: the model as the provider names it; None if it does not.
        provider: the name of the provider in the catalog, if it is known.
    """

    turn: int
    message: AssistantMessage
    finish_reason: FinishReason
    usage: Usage
    seconds: float
    model: str | None = None
    provider: str | None = None
    type: Literal["model_responded"] = "model_responded"
