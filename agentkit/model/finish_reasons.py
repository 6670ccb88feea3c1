"""Read why a model stopped, in the words of any provider.

In:  the finish reasons of one answer, in the order they arrived.
Out: our reason, and whether the provider says that the answer ends with a call.
"""

from collections.abc import Mapping, Sequence

from agentkit.chat import FinishReason

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

_CALL_REASONS = frozenset({"tool_calls", "tool_call", "function_call", "tool_use"})
"""Finish reasons that promise a call."""


def read_reason(reasons: Sequence[str]) -> FinishReason:
    """Return ours for the provider's words; a limit that was reached counts above all."""
    found: FinishReason = "stop"
    for reason in reasons:
        known = _FINISH_REASONS.get(reason.lower())
        if known == "length":
            return known
        found = known or found
    return found


def promises_call(reasons: Sequence[str]) -> bool:
    """Return whether the provider says that the answer ends with a tool call."""
    return any(reason.lower() in _CALL_REASONS for reason in reasons)
