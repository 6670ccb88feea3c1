"""A recording of exchanges, as values.

In:  requests, their responses and faults.
Out: `RecordedExchange`s; `RecordingError` if a recording cannot be used.

Files, matching and secrets have their own modules.
"""

from typing import Literal, TypeAlias

from agentkit.errors import AgentKitError, ErrorKind, Retry, TransportError
from agentkit.value import dataclass
from agentkit.wire import WireHead, WireRequest

BodyEnd: TypeAlias = Literal["complete", "abandoned", "stalled"]
"""How far an answer's body was read."""

VERSION = 2
"""The version of the file format that is written; version 1 is read too."""


class RecordingError(AgentKitError):
    """A recording cannot be read, has no response for a request, or was not replayed completely.

    Not a `ProviderError`, so that no retry and no other provider can hide it.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedFault:
    """A `TransportError`, as a value."""

    message: str
    kind: ErrorKind
    retry: Retry
    status: int | None = None
    request_id: str | None = None
    retry_after_seconds: float | None = None

    @classmethod
    def of(cls, error: TransportError) -> "RecordedFault":
        """Return the value of `error`."""
        return cls(
            message=str(error),
            kind=error.kind,
            retry=error.retry,
            status=error.status,
            request_id=error.request_id,
            retry_after_seconds=error.retry_after_seconds,
        )

    def error(self) -> TransportError:
        """Return a new error with these values."""
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
    """A recorded response.

    Attributes:
        chunks: the body's bytes, in the chunks in which they arrived.
        end: `complete`, read to its end or fault; `abandoned`, not read further; `stalled`, the
            reader waited for more and gave up.
        fault: what interrupted the body after its chunks, if anything.
    """

    head: WireHead
    chunks: tuple[bytes, ...] = ()
    end: BodyEnd = "complete"
    fault: RecordedFault | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedExchange:
    """One request and its outcome.

    Attributes:
        provider: which of several providers it went to, as the caller named it.
        outcome: the response, or the fault if no response began.
    """

    provider: str
    request: WireRequest
    outcome: RecordedResponse | RecordedFault
