"""What stands around models and tools: wrappers of the same type as what they wrap."""

from agentkit.hooks.cached import cached
from agentkit.hooks.guardrails import Refusal, RefusedError, guarded
from agentkit.hooks.model_middleware import (
    AroundModel,
    Ask,
    show_whole,
    watched_model,
    without_text,
)
from agentkit.hooks.redacted import redacted
from agentkit.hooks.tool_middleware import AroundTool, watched_tools

__all__ = [
    "AroundModel",
    "AroundTool",
    "Ask",
    "Refusal",
    "RefusedError",
    "cached",
    "guarded",
    "redacted",
    "show_whole",
    "watched_model",
    "watched_tools",
    "without_text",
]
