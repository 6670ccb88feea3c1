"""Middleware for models and tools: wrappers of the same type as what they wrap."""

from agentkit.hooks.cached import cached
from agentkit.hooks.guardrails import Blocked, GuardrailError, guarded
from agentkit.hooks.model_middleware import (
    CallNext,
    ModelMiddleware,
    emit_response,
    without_text,
    wrapped_model,
)
from agentkit.hooks.redacted import redacted
from agentkit.hooks.tool_middleware import wrapped_tools
from agentkit.tools.tool_run import ToolMiddleware

__all__ = [
    "Blocked",
    "CallNext",
    "GuardrailError",
    "ModelMiddleware",
    "ToolMiddleware",
    "cached",
    "emit_response",
    "guarded",
    "redacted",
    "without_text",
    "wrapped_model",
    "wrapped_tools",
]
