"""An HTTP exchange as values, without secrets.

In:  what a dialect wants sent, what a transport saw arrive.
Out: `WireRequest`, `WireHead`; keys are added by the transport and are in neither.
"""

from collections.abc import Mapping
from dataclasses import field

from agentkit.value import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class WireRequest:
    """One request to a host.

    Attributes:
        path: below the host's base URL, with a leading slash.
        body: the JSON body; empty for GET.
        headers: beyond those of the host's profile.
        stream: the answer is read as server-sent events.
    """

    path: str
    body: bytes = b""
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)
    stream: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WireHead:
    """The head of an answer; header names are lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_success(self) -> bool:
        """Say whether the status is of the 2xx family."""
        return 200 <= self.status < 300

    @property
    def is_event_stream(self) -> bool:
        """Say whether the body is a stream of server-sent events."""
        return self.headers.get("content-type", "").lower().startswith("text/event-stream")

    @property
    def request_id(self) -> str | None:
        """Return the host's own id for the request, if it sent one."""
        for name in ("x-request-id", "x-generation-id", "request-id", "cf-ray"):
            if name in self.headers:
                return self.headers[name]
        return None
