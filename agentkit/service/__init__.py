"""Agents over HTTP: the OpenAI and Anthropic formats, for any client of them."""

from agentkit.service.access_tokens import AccessToken, Authenticator, Tokens
from agentkit.service.http_errors import ServiceError
from agentkit.service.served import Caller, ServedAgent, TokenLimits
from agentkit.service.service import DatabaseTokens, Service, build_service
from agentkit.service.service_settings import MetricsSource, ServiceOptions
from agentkit.service.uvicorn_server import ServingPort, open_port

__all__ = [
    "AccessToken",
    "Authenticator",
    "Caller",
    "DatabaseTokens",
    "MetricsSource",
    "ServedAgent",
    "Service",
    "ServiceError",
    "ServiceOptions",
    "ServingPort",
    "TokenLimits",
    "Tokens",
    "build_service",
    "open_port",
]
