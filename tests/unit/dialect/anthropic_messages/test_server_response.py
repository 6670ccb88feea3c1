"""Responses in the Anthropic messages format, as a server writes them and our client reads them."""

from collections.abc import Iterator

import pytest

from agentkit.chat import FinishReason, ModelRequest, ModelResponse, ToolSpec
from agentkit.config.profile import ModelProfile, ProviderProfile
from agentkit.content import ReasoningContent, TextContent
from agentkit.dialect.anthropic_messages.dialect import AnthropicMessages
from agentkit.dialect.anthropic_messages.server_response import (
    MessageHead,
    block_delta,
    block_start,
    block_stop,
    encode_blocks,
    encode_ending,
    encode_messages_response,
    message_end,
    message_start,
    ping,
)
from agentkit.dialect.event_stream import StreamEvent, encode_event
from agentkit.history import History
from agentkit.message import AssistantMessage, ToolCall, UserMessage
from agentkit.usage import Usage
from tests.unit.dialect.answers import DOCUMENT, STREAM, build_response, document, read

HEAD = MessageHead(response_id="msg_1", model="m")
USAGE = Usage(input_tokens=9, output_tokens=5, cache_read_tokens=4, cache_write_tokens=2)
CALLS = (
    ToolCall(id="toolu_1", name="add", arguments='{"a": 1}'),
    ToolCall(id="toolu_2", name="add", arguments='{"a": 2}'),
)
TEXT = TextContent("Two. é")
THOUGHT = ReasoningContent("1 + 1")
REQUEST = ModelRequest(
    history=History([UserMessage(content=(TextContent("go"),))]),
    tools=(ToolSpec(name="add", description="", input_schema={"type": "object"}),),
)
MESSAGES = {
    "text": AssistantMessage(content=(TEXT,)),
    "reasoning": AssistantMessage(content=(THOUGHT, TEXT)),
    "calls": AssistantMessage(tool_calls=CALLS),
    "both": AssistantMessage(content=(TEXT,), tool_calls=CALLS),
}


def response(message: AssistantMessage, reason: FinishReason | None = None) -> ModelResponse:
    """Return a response of our own."""
    ended: FinishReason = "tool_calls" if message.tool_calls else "stop"
    return ModelResponse(message=message, finish_reason=reason or ended, usage=USAGE)


def stream_of(response: ModelResponse, head: MessageHead) -> Iterator[StreamEvent]:
    """Yield a response as its server streams it: start, blocks, end."""
    ending = encode_ending(response.finish_reason)
    blocks = encode_blocks(response.message)
    yield message_start(head, response.usage)
    for index, (block, delta) in enumerate(blocks):
        yield block_start(index, block)
        yield block_delta(index, delta)
        yield block_stop(index)
    yield from message_end(ending, response.usage)


@pytest.mark.parametrize("is_streamed", [False, True], ids=["complete", "streamed"])
@pytest.mark.parametrize("message", MESSAGES.values(), ids=MESSAGES.keys())
def test_agentkits_client_reads_back_what_the_server_writes(
    message: AssistantMessage, is_streamed: bool
) -> None:
    """The same message, reason, usage and ids, complete and as a stream."""
    sent = response(message)
    dialect = AnthropicMessages()
    encoded = dialect.encode(
        REQUEST,
        provider=ProviderProfile(name="ours", title="Ours"),
        model=ModelProfile(family="claude", id="m"),
    )
    if is_streamed:
        events = stream_of(sent, HEAD)
        decoder, data = dialect.decoder(STREAM), b"".join(map(encode_event, events))
    else:
        decoder, data = dialect.decoder(DOCUMENT), document(encode_messages_response(sent, HEAD))

    received = build_response(REQUEST, encoded, read(decoder, [data]))

    assert received.message.text == message.text
    assert received.message.reasoning == message.reasoning
    assert [(call.id, call.arguments) for call in received.message.tool_calls] == [
        (call.id, call.arguments) for call in message.tool_calls
    ]
    assert (received.finish_reason, received.usage) == (sent.finish_reason, USAGE)
    assert (received.response_id, received.model) == ("msg_1", "m")
    assert received.repairs == ()


def test_a_complete_response_has_the_fields_of_the_format() -> None:
    """And those that its server adds."""
    head = MessageHead(response_id="r", model="m", extra_fields={"agentkit": 1})

    assert encode_messages_response(response(MESSAGES["both"]), head) == {
        "id": "r",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "agentkit": 1,
        "content": [
            {"type": "text", "text": "Two. é"},
            {"type": "tool_use", "id": "toolu_1", "name": "add", "input": {"a": 1}},
            {"type": "tool_use", "id": "toolu_2", "name": "add", "input": {"a": 2}},
        ],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 3,
            "output_tokens": 5,
            "cache_creation_input_tokens": 2,
            "cache_read_input_tokens": 4,
        },
    }


def test_a_stream_opens_fills_and_closes_each_block() -> None:
    """Names and types agree; a block starts empty and its deltas fill it."""
    events = list(stream_of(response(MESSAGES["both"]), HEAD))
    block = ["content_block_start", "content_block_delta", "content_block_stop"]

    values = [event.data for event in events if isinstance(event.data, dict)]
    assert [event.name for event in events] == [
        "message_start",
        *block,
        *block,
        *block,
        "message_delta",
        "message_stop",
    ]
    assert [value["type"] for value in values] == [event.name for event in events]
    assert [value["content_block"] for value in values if "content_block" in value] == [
        {"type": "text", "text": ""},
        {"type": "tool_use", "id": "toolu_1", "name": "add", "input": {}},
        {"type": "tool_use", "id": "toolu_2", "name": "add", "input": {}},
    ]
    assert encode_event(ping()) == b'event: ping\ndata: {"type":"ping"}\n\n'


@pytest.mark.parametrize(
    ("reason", "stop_sequence", "expected"),
    [
        ("stop", None, ("end_turn", None)),
        ("stop", "END", ("stop_sequence", "END")),
        ("length", "END", ("max_tokens", None)),
        ("content_filter", None, ("refusal", None)),
    ],
)
def test_the_finish_reason_is_encoded_in_the_terms_of_the_format(
    reason: FinishReason, stop_sequence: str | None, expected: tuple[str, str | None]
) -> None:
    """With the stop text, if one ended the answer."""
    body = encode_messages_response(
        response(MESSAGES["text"], reason), HEAD, stop_sequence=stop_sequence
    )

    assert (body["stop_reason"], body["stop_sequence"]) == expected


@pytest.mark.parametrize("arguments", ["", '{"a":', "[1]", "7"])
def test_arguments_that_are_not_an_object_cannot_be_written(arguments: str) -> None:
    """The format has a place for an object alone."""
    call = ToolCall(id="toolu_1", name="add", arguments=arguments)
    sent = response(AssistantMessage(tool_calls=(call,)))

    with pytest.raises(ValueError, match=r"JSON object|Expecting"):
        encode_messages_response(sent, HEAD)
    with pytest.raises(ValueError, match=r"JSON object|Expecting"):
        next(stream_of(sent, HEAD))


def test_a_failed_response_cannot_be_encoded() -> None:
    """A client would take it for an answer."""
    failed = response(MESSAGES["text"], "error")

    with pytest.raises(ValueError, match="send an error instead"):
        encode_messages_response(failed, HEAD)
    with pytest.raises(ValueError, match="send an error instead"):
        next(stream_of(failed, HEAD))
