"""Serve the OpenAI chat format.

In:  requests, pieces of answers, errors.
Out: values and events of the format, by `agentkit.dialect.openai_chat`.
"""

from collections.abc import Collection, Iterator, Mapping

from agentkit.dialect.event_stream import StreamEvent, comment
from agentkit.dialect.openai_chat.server_errors import encode_chat_error
from agentkit.dialect.openai_chat.server_request import read_chat_request
from agentkit.dialect.openai_chat.server_response import (
    DONE,
    ChatHead,
    arguments_delta,
    call_delta,
    encode_chat_response,
    encode_chunk,
    encode_usage_chunk,
    finish_reason,
    reasoning_delta,
    text_delta,
)
from agentkit.dialect.received_request import ReceivedRequest
from agentkit.json_schema import JsonValue
from agentkit.service.answer import Piece, ReasoningPiece, ServedAnswer, TextPiece
from agentkit.service.http_errors import ServiceError
from agentkit.service.wire_format import AnswerHead, StreamEncoder


class ChatStream:
    """Encodes one streamed answer as chunks."""

    def __init__(self, head: ChatHead, *, include_usage: bool) -> None:
        self._head = head
        self._include_usage = include_usage

    def begin(self) -> Iterator[StreamEvent]:
        """See `StreamEncoder`."""
        yield self._chunk({"role": "assistant", "content": ""})

    def piece(self, piece: Piece) -> Iterator[StreamEvent]:
        """See `StreamEncoder`; a note is a field of a chunk with an empty delta.

        A chunk without choices would break clients that read `choices[0]`.
        """
        match piece:
            case TextPiece(text=text):
                yield self._chunk(text_delta(text))
            case ReasoningPiece(text=text):
                yield self._chunk(reasoning_delta(text))
            case _:
                note: JsonValue = dict(piece.fields)
                yield StreamEvent(data={**encode_chunk(self._head, {}), "agentkit": note})

    def end(self, answer: ServedAnswer) -> Iterator[StreamEvent]:
        """See `StreamEncoder`."""
        response = answer.response
        for index, call in enumerate(response.message.tool_calls):
            yield self._chunk(call_delta(index, call))
            yield self._chunk(arguments_delta(index, call.arguments))
        reason = finish_reason(response.finish_reason)
        yield StreamEvent(data=encode_chunk(self._head, {}, reason=reason))
        if self._include_usage:
            yield StreamEvent(data=encode_usage_chunk(self._head, response.usage))
        yield DONE

    def ping(self) -> StreamEvent:
        """See `StreamEncoder`."""
        return comment("ping")

    def error(self, error: ServiceError) -> StreamEvent:
        """See `StreamEncoder`."""
        return StreamEvent(data=CHAT_FORMAT.error(error))

    def _chunk(self, delta: JsonValue) -> StreamEvent:
        return StreamEvent(data=encode_chunk(self._head, delta))


class ChatFormat:
    """The OpenAI chat format; see `WireFormat`."""

    schema_path: tuple[str, ...] = ("response_format",)

    def read(
        self, body: Mapping[str, JsonValue], *, ignore_fields: Collection[str]
    ) -> ReceivedRequest:
        """See `WireFormat`."""
        return read_chat_request(body, ignore_fields=ignore_fields)

    def complete(
        self,
        answer: ServedAnswer,
        head: AnswerHead,
        request: ReceivedRequest,  # noqa: ARG002  # of the protocol
    ) -> JsonValue:
        """See `WireFormat`."""
        return encode_chat_response(answer.response, _head(head))

    def encoder(self, head: AnswerHead, request: ReceivedRequest) -> StreamEncoder:
        """See `WireFormat`."""
        return ChatStream(_head(head), include_usage=request.include_usage)

    def error(self, error: ServiceError) -> JsonValue:
        """See `WireFormat`."""
        return encode_chat_error(
            str(error), status=error.status, code=error.code, param=error.param
        )


CHAT_FORMAT: ChatFormat = ChatFormat()


def _head(head: AnswerHead) -> ChatHead:
    return ChatHead(response_id=f"chatcmpl-{head.id}", model=head.model, created=head.created)
