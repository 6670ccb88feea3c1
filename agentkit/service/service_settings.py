"""What may be set for a service.

In:  keyword arguments.
Out: `ServiceOptions`, their type; `ServiceSettings`, the values that count.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol, TypedDict

from agentkit.agent.agent import Agent
from agentkit.durable import QueueLength
from agentkit.value import dataclass


class MetricsSource(Protocol):
    """Metrics in a text form, e.g. `agentkit.telemetry.prometheus.PrometheusMetrics`."""

    def watch_agents(self, agents: Iterable[Agent[Any, Any]]) -> None:
        """Take the agents of the service, whose state may be part of the metrics."""

    def set_queue(self, lengths: Sequence[QueueLength]) -> None:
        """Take the length of the queue of stored runs, before each `render`."""

    def render(self) -> tuple[bytes, str]:
        """Return the text and its content type."""


class ServiceOptions(TypedDict, total=False):
    """Options of a service.

    Attributes:
        allowed_hosts: names under which it may be called, as `name` or `name:port`. Without
            tokens, only loopback; with tokens and no names here, any.
        allowed_origins: origins of web pages that may call it, as `https://name[:port]`, in
            addition to its own.
        max_body_bytes: longest request; 20 MB.
        max_messages: longest conversation of a request; 2,000.
        max_streams: how many runs may be under way for all callers together; 500.
        first_byte_seconds: when the status of a streamed answer is sent at the latest; 5.
        ping_seconds: pause between two pings of a quiet stream; 10.
        mcp: the agents are offered to MCP clients at `/mcp` (extra `mcp`).
        metrics: what `GET /metrics` returns; without it there is no such address.
        has_page: whether the chat page is at `/`; true.
    """

    allowed_hosts: Iterable[str]
    allowed_origins: Iterable[str]
    max_body_bytes: int
    max_messages: int
    max_streams: int
    first_byte_seconds: float
    ping_seconds: float
    mcp: bool
    metrics: MetricsSource
    has_page: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSettings:
    """The options of a service with their defaults; see `ServiceOptions`."""

    allowed_hosts: Iterable[str] = ()
    allowed_origins: Iterable[str] = ()
    max_body_bytes: int = 20_000_000
    max_messages: int = 2_000
    max_streams: int = 500
    first_byte_seconds: float = 5.0
    ping_seconds: float = 10.0
    mcp: bool = False
    metrics: MetricsSource | None = None
    has_page: bool = True


def read_service_options(options: ServiceOptions) -> ServiceSettings:
    """Return the options of a service, with the defaults of those that were not given.

    Raises:
        TypeError: there is no option of this name.
    """
    if unknown := sorted(options.keys() - ServiceOptions.__annotations__.keys()):
        raise TypeError(
            f"A service has no option {unknown[0]!r}; it has "
            f"{', '.join(sorted(ServiceOptions.__annotations__))}."
        )
    return ServiceSettings(**options)
