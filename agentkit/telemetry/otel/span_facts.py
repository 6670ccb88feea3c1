"""Which names and numbers of an event a span notes; never a text of the conversation.

In:  events, usage.
Out: attributes of spans and of the events of spans.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from opentelemetry.util.types import AttributeValue

from agentkit.event import (
    AnswerRepaired,
    ApprovalDecided,
    ConnectionAwaited,
    ContextTrimmed,
    ModelFailedOver,
    ModelRetried,
    OutputRejected,
    RequestDelayed,
    RequestDowngraded,
    RunEvent,
    ToolCallAbandoned,
    ToolCallRejected,
)
from agentkit.telemetry.otel import semconv
from agentkit.usage import Usage

_FACTS: Mapping[type, Callable[[Any], dict[str, AttributeValue]]] = {
    AnswerRepaired: lambda event: {"kind": event.repair.kind},
    ApprovalDecided: lambda event: {"call_id": event.call_id, "verdict": event.verdict},
    ContextTrimmed: lambda event: {
        "dropped_messages": event.dropped_messages,
        "tokens": event.tokens_after,
    },
    ModelFailedOver: lambda event: {"model": event.failure.model, "kind": event.failure.kind},
    ModelRetried: lambda event: {
        "attempt": event.attempt,
        "kind": event.kind,
        "seconds": event.wait_seconds,
    },
    OutputRejected: lambda event: {"attempt": event.attempt},
    ConnectionAwaited: lambda event: {"max_connections": event.max_connections},
    RequestDelayed: lambda event: {"seconds": event.wait_seconds},
    RequestDowngraded: lambda _: {},
    ToolCallAbandoned: lambda event: {"call_id": event.call.id, "tool": event.call.name},
    ToolCallRejected: lambda event: {"call_id": event.call.id},
}


NOTED_EVENTS: Collection[type] = _FACTS.keys()
"""Kinds of events that a span notes."""


def facts_of(event: RunEvent) -> Mapping[str, AttributeValue]:
    """Return what a span notes of an event, one of `NOTED_EVENTS`."""
    return _FACTS[type(event)](event)


def usage_attributes(usage: Usage) -> dict[str, AttributeValue]:
    """Return the tokens and the money of an exchange or a run."""
    attributes: dict[str, AttributeValue] = {
        semconv.INPUT_TOKENS: usage.input_tokens,
        semconv.OUTPUT_TOKENS: usage.output_tokens,
    }
    if usage.cache_read_tokens:
        attributes[semconv.CACHE_READ_TOKENS] = usage.cache_read_tokens
    if usage.cache_write_tokens:
        attributes[semconv.CACHE_WRITE_TOKENS] = usage.cache_write_tokens
    if usage.reasoning_tokens:
        attributes[semconv.REASONING_TOKENS] = usage.reasoning_tokens
    if usage.cost_usd is not None:
        attributes[semconv.COST] = float(usage.cost_usd)
    return attributes
