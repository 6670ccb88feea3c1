"""Errors for the caller, each with what can be done about it.

In:  what went wrong, as a message, with facts as attributes.
Out: one family under `AgentKitError`, safe to log and to pickle.

No message holds a secret, a request body or a tool argument's full text.
"""

from typing import Literal, TypeAlias

from agentkit.usage import Usage

__all__ = [
    "AgentKitDeprecationWarning",
    "AgentKitError",
    "ConfigError",
    "ErrorKind",
    "HistoryError",
    "JournalError",
    "MissingExtraError",
    "ProtocolError",
    "ProviderError",
    "Retry",
    "RunLost",
    "StatusError",
    "ToolDefinitionError",
    "ToolError",
    "ToolsetError",
    "TransportError",
    "UnsupportedError",
    "UsageError",
]

ErrorKind: TypeAlias = Literal[
    "auth",
    "insufficient_credits",
    "rate_limit",
    "invalid_request",
    "tools_unsupported",
    "content_filter",
    "server",
    "connection",
    "timeout",
    "bad_response",
    "empty_response",
    "stream_interrupted",
    "truncated",
    "tool_generation_failed",
]
"""What kind of failure a provider or the way to it had."""

Retry: TypeAlias = Literal["same", "change", "never"]
"""Whether to send again: as it is, only after changing the request, or not at all."""


class AgentKitError(Exception):
    """Base of every error that agentkit raises for its caller."""


class AgentKitDeprecationWarning(DeprecationWarning):
    """A public name that is used will be removed; the message names its replacement."""


class ConfigError(AgentKitError):
    """The configuration is missing something or wrong: a key, a model name, a file, an option."""


class UsageError(AgentKitError, RuntimeError):
    """The calling code is wrong: a method at the wrong time, or a function of the wrong type."""


def wrong_return(function: object, value: object, *, role: str, expected: str) -> UsageError:
    """Return an error for a value that a function of the caller must not return.

    Args:
        function: the caller's function; its name is in the message.
        value: what it returned; its type is in the message, or the value if it is None or text.
        role: what the function is for, e.g. "approval rule".
        expected: what it should return.
    """
    name = getattr(function, "__qualname__", None) or type(function).__qualname__
    shown = f"a value of type {type(value).__name__!r}"
    if value is None or isinstance(value, str | bool):
        shown = f"{value!r:.80}"
    return UsageError(f"The {role} {name!r} returned {shown}; it must return {expected}.")


class ToolDefinitionError(ConfigError):
    """A tool or toolset cannot be offered: its name, schema or signature is not usable."""


class HistoryError(AgentKitError):
    """A message does not fit the conversation, or a stored conversation cannot be read."""


class UnsupportedError(AgentKitError):
    """The chosen model or provider cannot do what the request asks for."""


class MissingExtraError(ConfigError):
    """A feature needs an optional dependency that is not installed."""


class JournalError(AgentKitError):
    """A journal cannot be used: damaged, in use by another process, of another run or full.

    It passes through tools, hooks and task groups: a run that cannot record must not go on.
    """


class RunLost(BaseException):
    """Another process took this run over; nothing that this one still does counts.

    It is not an `Exception`, so that no handler of a tool or hook goes on with the run.
    """


class ToolsetError(AgentKitError):
    """Tools that come from elsewhere cannot be had: their server did not start or went away."""


class ToolError(AgentKitError):
    """Raised by a tool to answer its call with an error in the tool's own words."""


class ProviderError(AgentKitError):
    """A model exchange failed.

    Attributes:
        kind: what kind of failure it was.
        retry: `same`, `change` or `never`; what sending again would need.
        status: the HTTP status, or the one named in the body; None if no answer came.
        provider: the provider's name in the catalog.
        model: the model id that was asked for.
        request_id: the provider's own id for the request, if one arrived.
        attempts: how often the exchange was attempted; 0 if that is not known.
        retry_after_seconds: how long the provider asked to wait, 0 or more.
        usage: what the failed answer used, as far as the provider reported it.
    """

    def __init__(
        self,
        message: str,
        *,
        kind: ErrorKind = "server",
        retry: Retry = "never",
        status: int | None = None,
        request_id: str | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(message)
        self.kind: ErrorKind = kind
        self.retry: Retry = retry
        self.status = status
        self.request_id = request_id
        self.retry_after_seconds = retry_after_seconds
        self.attempts = 0
        self.provider: str | None = None
        self.model: str | None = None
        self.usage: Usage = Usage()

    @property
    def retryable(self) -> bool:
        """Return whether sending the same request again is safe and may succeed."""
        return self.retry == "same"


class TransportError(ProviderError):
    """The provider could not be reached, or its answer did not arrive completely."""


class StatusError(ProviderError):
    """The provider answered with an error, in the status line or inside the body."""


class ProtocolError(ProviderError):
    """The provider broke its own format: not JSON, no choices, no end, nothing in it."""
