"""Serve the Anthropic messages format.

In:  requests, pieces of answers, errors.
Out: values and events of the format, by `agentkit.dialect.anthropic_messages`.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Literal

from agentkit.dialect.anthropic_messages.server_errors import (
    encode_error_event,
    encode_messages_error,
)
from agentkit.dialect.anthropic_messages.server_request import read_messages_request
from agentkit.dialect.anthropic_messages.server_response import (
    MessageHead,
    block_delta,
    block_start,
    block_stop,
    encode_call,
    encode_ending,
    encode_messages_response,
    input_delta,
    message_end,
    message_start,
    ping,
    text_delta,
    thinking_delta,
)
from agentkit.dialect.event_stream import StreamEvent
from agentkit.dialect.received_request import ReceivedRequest
from agentkit.json_schema import JsonValue
from agentkit.service.answer import Piece, ReasoningPiece, ServedAnswer, TextPiece
from agentkit.service.http_errors import ServiceError
from agentkit.service.wire_format import AnswerHead, StreamEncoder
from agentkit.usage import Usage


class MessagesStream:
    """Encodes one streamed answer as blocks, one after the other."""

    def __init__(self, head: MessageHead) -> None:
        self._head = head
        self._index = 0
        self._open: Literal["text", "thinking"] | None = None

    def begin(self) -> Iterator[StreamEvent]:
        """See `StreamEncoder`; the tokens are known at the end only."""
        yield message_start(self._head, Usage())

    def piece(self, piece: Piece) -> Iterator[StreamEvent]:
        """See `StreamEncoder`; the format has no place for notes, so they keep it alive."""
        match piece:
            case TextPiece(text=text):
                yield from self._open_block("text")
                yield block_delta(self._index, text_delta(text))
            case ReasoningPiece(text=text):
                yield from self._open_block("thinking")
                yield block_delta(self._index, thinking_delta(text))
            case _:
                yield ping()

    def end(self, answer: ServedAnswer) -> Iterator[StreamEvent]:
        """See `StreamEncoder`."""
        yield from self._close_block()
        response = answer.response
        for call in response.message.tool_calls:
            yield block_start(self._index, encode_call(call))
            yield block_delta(self._index, input_delta(call.arguments))
            yield block_stop(self._index)
            self._index += 1
        yield from message_end(encode_ending(response.finish_reason), response.usage)

    def ping(self) -> StreamEvent:
        """See `StreamEncoder`."""
        return ping()

    def error(self, error: ServiceError) -> StreamEvent:
        """See `StreamEncoder`."""
        return encode_error_event(str(error), status=error.status)

    def _open_block(self, kind: Literal["text", "thinking"]) -> Iterator[StreamEvent]:
        if self._open == kind:
            return
        yield from self._close_block()
        self._open = kind
        empty: dict[str, JsonValue] = {"type": kind, kind: ""}
        if kind == "thinking":
            empty["signature"] = ""
        yield block_start(self._index, empty)

    def _close_block(self) -> Iterator[StreamEvent]:
        if self._open is not None:
            yield block_stop(self._index)
            self._index += 1
            self._open = None


class MessagesFormat:
    """The Anthropic messages format; see `WireFormat`."""

    schema_path: tuple[str, ...] = ("output_config", "format")

    def read(
        self, body: Mapping[str, JsonValue], *, ignore_fields: Collection[str]
    ) -> ReceivedRequest:
        """See `WireFormat`."""
        return read_messages_request(body, ignore_fields=ignore_fields)

    def complete(
        self,
        answer: ServedAnswer,
        head: AnswerHead,
        request: ReceivedRequest,  # noqa: ARG002  # of the protocol
    ) -> JsonValue:
        """See `WireFormat`."""
        return encode_messages_response(answer.response, _head(head))

    def encoder(self, head: AnswerHead, request: ReceivedRequest) -> StreamEncoder:  # noqa: ARG002  # of the protocol
        """See `WireFormat`."""
        return MessagesStream(_head(head))

    def error(self, error: ServiceError) -> JsonValue:
        """See `WireFormat`."""
        message = str(error)
        if error.param is not None:
            message = message.replace(error.param, dotted(error.param), 1)
        return encode_messages_error(message, status=error.status)


MESSAGES_FORMAT: MessagesFormat = MessagesFormat()


def dotted(param: str) -> str:
    """Return a parameter as this format writes it: `messages.0.content`."""
    return param.replace("[", ".").replace("]", "")


def _head(head: AnswerHead) -> MessageHead:
    return MessageHead(response_id=f"msg_{head.id}", model=head.model)
