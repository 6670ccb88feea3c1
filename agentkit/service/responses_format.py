"""Serve the OpenAI responses format.

In:  requests, pieces of answers, errors.
Out: values and events of the format, by `agentkit.dialect.openai_responses`.
"""

from collections.abc import Collection, Iterator, Mapping

from agentkit.dialect.event_stream import StreamEvent, comment
from agentkit.dialect.openai_chat.server_errors import encode_chat_error
from agentkit.dialect.openai_responses.server_request import read_responses_request
from agentkit.dialect.openai_responses.server_response import (
    ResponseEvents,
    ResponsesHead,
    encode_response,
)
from agentkit.dialect.received_request import ReceivedRequest
from agentkit.json_schema import JsonValue
from agentkit.service.answer import Piece, ReasoningPiece, ServedAnswer, TextPiece
from agentkit.service.http_errors import ServiceError
from agentkit.service.wire_format import AnswerHead, StreamEncoder


class ResponsesStream:
    """Encodes one streamed answer as events of its items."""

    def __init__(self, head: ResponsesHead) -> None:
        self._events = ResponseEvents(head)

    def begin(self) -> Iterator[StreamEvent]:
        """See `StreamEncoder`."""
        return self._events.begin()

    def piece(self, piece: Piece) -> Iterator[StreamEvent]:
        """See `StreamEncoder`; the format has no place for notes, so they keep it alive."""
        match piece:
            case TextPiece(text=text):
                yield from self._events.add("message", text)
            case ReasoningPiece(text=text):
                yield from self._events.add("reasoning", text)
            case _:
                yield self.ping()

    def end(self, answer: ServedAnswer) -> Iterator[StreamEvent]:
        """See `StreamEncoder`."""
        return self._events.end(answer.response)

    def ping(self) -> StreamEvent:
        """See `StreamEncoder`."""
        return comment("ping")

    def error(self, error: ServiceError) -> StreamEvent:
        """See `StreamEncoder`."""
        return self._events.fail(str(error), status=error.status)


class ResponsesFormat:
    """The OpenAI responses format; see `WireFormat`."""

    schema_path: tuple[str, ...] = ("text", "format")

    def read(
        self, body: Mapping[str, JsonValue], *, ignore_fields: Collection[str]
    ) -> ReceivedRequest:
        """See `WireFormat`."""
        return read_responses_request(body, ignore_fields=ignore_fields)

    def complete(
        self, answer: ServedAnswer, head: AnswerHead, request: ReceivedRequest
    ) -> JsonValue:
        """See `WireFormat`."""
        return encode_response(answer.response, _head(head, request))

    def encoder(self, head: AnswerHead, request: ReceivedRequest) -> StreamEncoder:
        """See `WireFormat`."""
        return ResponsesStream(_head(head, request))

    def error(self, error: ServiceError) -> JsonValue:
        """See `WireFormat`."""
        return encode_chat_error(
            str(error), status=error.status, code=error.code, param=error.param
        )


RESPONSES_FORMAT: ResponsesFormat = ResponsesFormat()


def _head(head: AnswerHead, request: ReceivedRequest) -> ResponsesHead:
    return ResponsesHead(
        id=head.id, model=head.model, created=head.created, echoed_fields=request.echoed_fields
    )
