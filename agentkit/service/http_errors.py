"""Errors of the service, with their HTTP status.

In:  exceptions of agentkit.
Out: `ServiceError`s, whose message may be shown to a client.
"""

from collections.abc import Mapping

from agentkit.dialect.received_request import InvalidRequestError
from agentkit.durable.run_errors import (
    DecisionError,
    RunExistsError,
    RunNotFoundError,
    RunStatusError,
)
from agentkit.errors import (
    AgentKitError,
    ConfigError,
    ErrorKind,
    HistoryError,
    ProviderError,
    UnsupportedError,
)
from agentkit.log import Log
from agentkit.output.output_type import OutputError
from agentkit.session import (
    ImportFormatError,
    SessionConflictError,
    SessionError,
    SessionExistsError,
    SessionNotFoundError,
)
from agentkit.store.base import StoreError

log: Log = Log("agentkit.service")

_STATUS_OF_KIND: Mapping[ErrorKind, int] = {
    "rate_limit": 429,
    "invalid_request": 400,
    "tools_unsupported": 400,
    "content_filter": 400,
    "timeout": 504,
}
"""The rest is a failure of the provider or of this server's account there: 502."""

_STATUS: tuple[tuple[type[AgentKitError], int, str], ...] = (
    (UnsupportedError, 400, "unsupported_value"),
    (HistoryError, 400, "invalid_conversation"),
    (OutputError, 502, "invalid_output"),
    (RunNotFoundError, 404, "not_found"),
    (SessionNotFoundError, 404, "not_found"),
    (ImportFormatError, 400, "invalid_value"),
    (SessionConflictError, 409, "conflict"),
    (SessionExistsError, 409, "conflict"),
    (SessionError, 400, "invalid_value"),
    (RunExistsError, 409, "conflict"),
    (RunStatusError, 409, "conflict"),
    (DecisionError, 409, "conflict"),
    (StoreError, 503, "unavailable"),
)


class ServiceError(AgentKitError):
    """A request that gets an error status.

    Attributes:
        status: the HTTP status.
        code: what is wrong, for a program.
        param: the parameter that is wrong, if one is.
        headers: further headers of the response.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        code: str | None = None,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.param = param
        self.headers: dict[str, str] = dict(headers or {})


def not_found(what: str) -> ServiceError:
    """Return the error for something that is not there, or belongs to another tenant."""
    return ServiceError(f"There is no {what}.", status=404, code="not_found")


def as_service_error(error: Exception) -> ServiceError:
    """Return what a client is told of an exception; what only concerns the operator is logged."""
    match error:
        case ServiceError():
            return error
        case InvalidRequestError():
            return ServiceError(str(error), code=error.code, param=error.param)
        case ProviderError():
            return _of_provider(error)
        case ConfigError():
            log.warning("agent_not_usable", exc_info=error)
            return ServiceError("The agent is not configured correctly.", status=500)
        case AgentKitError():
            for kind, status, code in _STATUS:
                if isinstance(error, kind):
                    headers = {"retry-after": "5"} if status == 503 else None
                    return ServiceError(str(error), status=status, code=code, headers=headers)
        case _:
            pass
    log.warning("request_failed", exc_info=error)
    return ServiceError("The server failed; its log has the reason.", status=500)


def _of_provider(error: ProviderError) -> ServiceError:
    status = _STATUS_OF_KIND.get(error.kind, 502)
    facts = {"kind": error.kind, "status": error.status, "provider": error.provider}
    # The text of a provider's error may quote the request.
    shown = {"error": str(error)} if log.is_debug() else {"provider_request_id": error.request_id}
    log.warning("provider_failed", **facts, **shown)
    headers = {}
    if status == 429:
        headers["retry-after"] = str(max(1, round(error.retry_after_seconds or 1)))
    return ServiceError(str(error), status=status, code=error.kind, headers=headers)
