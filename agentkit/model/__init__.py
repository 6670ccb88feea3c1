"""Models one can call; requests, responses, and the settings of a model."""

from agentkit.chat import (
    FailedExchange,
    FinishReason,
    ModelExchange,
    ModelRequest,
    ModelResponse,
    Repair,
    ToolSpec,
)
from agentkit.config.profile import ModelProfile
from agentkit.event import Emit
from agentkit.model.model import Model, ModelConnection, SupportsRetry, TokenCounter
from agentkit.model.rate_limit import RateLimit
from agentkit.model.route import CircuitBreakerSettings, CircuitState, RouteModel, RouteOrder
from agentkit.transport.http_settings import HttpSettings
from agentkit.transport.retry import RetrySettings

__all__ = [
    "CircuitBreakerSettings",
    "CircuitState",
    "Emit",
    "FailedExchange",
    "FinishReason",
    "HttpSettings",
    "Model",
    "ModelConnection",
    "ModelExchange",
    "ModelProfile",
    "ModelRequest",
    "ModelResponse",
    "RateLimit",
    "Repair",
    "RetrySettings",
    "RouteModel",
    "RouteOrder",
    "SupportsRetry",
    "TokenCounter",
    "ToolSpec",
]
