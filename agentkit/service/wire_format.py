"""What the generation of answers needs of a wire format.

In:  nothing.
Out: `WireFormat` and `StreamEncoder`, which `chat_format`, `responses_format` and
     `messages_format` implement.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Protocol

from agentkit.dialect.event_stream import StreamEvent
from agentkit.dialect.received_request import Path, ReceivedRequest
from agentkit.json_schema import JsonValue
from agentkit.service.answer import Piece, ServedAnswer
from agentkit.service.http_errors import ServiceError
from agentkit.value import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerHead:
    """What an answer begins with.

    Attributes:
        id: random, without the prefix of a format.
        model: the name that the client used.
        created: seconds since 1970.
    """

    id: str
    model: str
    created: int


class StreamEncoder(Protocol):
    """Encodes one streamed answer."""

    def begin(self) -> Iterable[StreamEvent]:
        """Return what is sent before all else."""

    def piece(self, piece: Piece) -> Iterable[StreamEvent]:
        """Return the events of a piece."""

    def end(self, answer: ServedAnswer) -> Iterable[StreamEvent]:
        """Return what is left when the answer is complete: the calls, the reason, the usage."""

    def ping(self) -> StreamEvent:
        """Return an event that keeps the connection alive."""

    def error(self, error: ServiceError) -> StreamEvent:
        """Return the last event of an answer that failed."""


class WireFormat(Protocol):
    """Reads requests and encodes answers."""

    @property
    def schema_path(self) -> Path:
        """Return the parameter with the schema that an answer has to fit."""

    def read(
        self, body: Mapping[str, JsonValue], *, ignore_fields: Collection[str]
    ) -> ReceivedRequest:
        """Read a request.

        Raises:
            InvalidRequestError: it does not follow the format, or is not supported.
        """

    def complete(
        self, answer: ServedAnswer, head: AnswerHead, request: ReceivedRequest
    ) -> JsonValue:
        """Return a complete answer."""

    def encoder(self, head: AnswerHead, request: ReceivedRequest) -> StreamEncoder:
        """Return the encoder of a streamed answer."""

    def error(self, error: ServiceError) -> JsonValue:
        """Return the body of an error."""
