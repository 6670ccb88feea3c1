"""An HTTP request and the head of its response as values, without secrets.

In:  a request that a dialect encoded; the status and headers that a transport received.
Out: `WireRequest`, `WireHead`; the transport adds API keys, which are in neither.
"""

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import field

from agentkit.value import record


@record
class WireRequest:
    """One request to a provider.

    Attributes:
        path: relative to the provider's base URL, with a leading slash.
        body: the JSON body; empty for GET.
        headers: in addition to those of the provider's profile.
        stream: the response is read as server-sent events.
    """

    path: str
    body: bytes = b""
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)
    stream: bool = False

    def with_headers(self, more: Mapping[str, str]) -> "WireRequest":
        """Return the request with more headers."""
        return WireRequest(  # `dataclasses.replace` takes three times as long
            path=self.path,
            body=self.body,
            method=self.method,
            headers={**self.headers, **more},
            stream=self.stream,
        )


@record
class WireHead:
    """The status and headers of a response; header names are lower case."""

    status: int = field(kw_only=False)
    headers: Mapping[str, str] = field(default_factory=dict, kw_only=False)

    @property
    def is_success(self) -> bool:
        """Return whether the status is 2xx."""
        return 200 <= self.status < 300

    @property
    def is_event_stream(self) -> bool:
        """Return whether the body is a stream of server-sent events."""
        return self.headers.get("content-type", "").lower().startswith("text/event-stream")

    @property
    def request_id(self) -> str | None:
        """Return the provider's own id for the request, if it sent one."""
        for name in ("x-request-id", "x-generation-id", "request-id", "cf-ray"):
            if name in self.headers:
                return self.headers[name]
        return None


TRACE_HEADERS: ContextVar[Mapping[str, str] | None] = ContextVar(
    "agentkit_trace_headers", default=None
)
"""Headers with the trace context of the model call under way; set by `agentkit.telemetry`."""
