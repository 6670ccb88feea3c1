"""What a recording of exchanges holds, as values.

In:  requests and what came back, or what went wrong.
Out: `RecordedExchange`s; `RecordingError` when a recording cannot serve.

Nothing here knows files, matching or secrets.
"""

from typing import Literal, TypeAlias

from agentkit.errors import AgentKitError, ErrorKind, Retry, TransportError
from agentkit.value import dataclass
from agentkit.wire import WireHead, WireRequest

BodyEnd: TypeAlias = Literal["whole", "left", "silent"]
"""How far an answer's body was read."""

VERSION = 1
"""The version of the file form that is written."""


class RecordingError(AgentKitError):
    """A recording cannot be read, has no answer for a request, or was not played to its end.

    It is no `ProviderError`: nothing may retry it, or go on with another provider.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedFault:
    """A `TransportError`, as facts."""

    message: str
    kind: ErrorKind
    retry: Retry
    status: int | None = None
    request_id: str | None = None
    retry_after_seconds: float | None = None

    @classmethod
    def of(cls, error: TransportError) -> "RecordedFault":
        """Return the facts of `error`."""
        return cls(
            message=str(error),
            kind=error.kind,
            retry=error.retry,
            status=error.status,
            request_id=error.request_id,
            retry_after_seconds=error.retry_after_seconds,
        )

    def error(self) -> TransportError:
        """Return a new error with these facts."""
        return TransportError(
            self.message,
            kind=self.kind,
            retry=self.retry,
            status=self.status,
            request_id=self.request_id,
            retry_after_seconds=self.retry_after_seconds,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedResponse:
    """What came back.

    Attributes:
        chunks: the body's bytes, cut as they arrived.
        end: `whole`, read to its end or fault; `left`, nobody read on; `silent`, somebody waited
            for more and gave up.
        fault: what broke the body off after its chunks, if anything did.
    """

    head: WireHead
    chunks: tuple[bytes, ...] = ()
    end: BodyEnd = "whole"
    fault: RecordedFault | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedExchange:
    """One request and what became of it.

    Attributes:
        provider: which of several providers it went to, as the caller named it.
        outcome: the answer, or the fault where no answer began.
    """

    provider: str
    request: WireRequest
    outcome: RecordedResponse | RecordedFault
