"""Responses in the OpenAI chat format, as a server writes them and our client reads them."""

from collections.abc import Iterator

import pytest

from agentkit.chat import FinishReason, ModelRequest, ModelResponse, ToolSpec
from agentkit.config.profile import ModelProfile, ProviderProfile
from agentkit.content import ReasoningContent, TextContent
from agentkit.dialect.event_stream import StreamEvent, encode_event
from agentkit.dialect.openai_chat.dialect import OpenAIChat
from agentkit.dialect.openai_chat.server_response import (
    DONE,
    ChatHead,
    arguments_delta,
    call_delta,
    encode_chat_response,
    encode_chunk,
    encode_usage,
    encode_usage_chunk,
    finish_reason,
    reasoning_delta,
    text_delta,
)
from agentkit.history import History
from agentkit.json_schema import JsonValue
from agentkit.message import AssistantMessage, ToolCall, UserMessage
from agentkit.usage import Usage
from tests.unit.dialect.answers import DOCUMENT, STREAM, build_response, document, read

HEAD = ChatHead(response_id="chatcmpl-1", model="m", created=7)
USAGE = Usage(input_tokens=9, output_tokens=5, cache_read_tokens=4, reasoning_tokens=2)
CALLS = (
    ToolCall(id="call_1", name="add", arguments='{"a": 1}'),
    ToolCall(id="call_2", name="add", arguments='{"a": 2}'),
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


def stream_of(
    response: ModelResponse, head: ChatHead, *, include_usage: bool = False
) -> Iterator[StreamEvent]:
    """Yield a response as its server streams it: role, text, calls, end."""
    reason = finish_reason(response.finish_reason)
    message = response.message
    deltas: list[JsonValue] = [{"role": "assistant", "content": ""}]
    if message.reasoning:
        deltas.append(reasoning_delta(message.reasoning))
    if message.text:
        deltas.append(text_delta(message.text))
    for index, call in enumerate(message.tool_calls):
        deltas += [call_delta(index, call), arguments_delta(index, call.arguments)]
    for delta in deltas:
        yield StreamEvent(data=encode_chunk(head, delta))
    yield StreamEvent(data=encode_chunk(head, {}, reason=reason))
    if include_usage:
        yield StreamEvent(data=encode_usage_chunk(head, response.usage))
    yield DONE


@pytest.mark.parametrize("is_streamed", [False, True], ids=["complete", "streamed"])
@pytest.mark.parametrize("message", MESSAGES.values(), ids=MESSAGES.keys())
def test_agentkits_client_reads_back_what_the_server_writes(
    message: AssistantMessage, is_streamed: bool
) -> None:
    """The same message, reason, usage and ids, complete and as a stream."""
    sent = response(message)
    dialect = OpenAIChat()
    encoded = dialect.encode(
        REQUEST,
        provider=ProviderProfile(name="ours", title="Ours"),
        model=ModelProfile(family="gpt", id="m"),
    )
    if is_streamed:
        events = stream_of(sent, HEAD, include_usage=True)
        decoder, data = dialect.decoder(STREAM), b"".join(map(encode_event, events))
    else:
        decoder, data = dialect.decoder(DOCUMENT), document(encode_chat_response(sent, HEAD))

    received = build_response(REQUEST, encoded, read(decoder, [data]))

    assert received.message == message
    assert (received.finish_reason, received.usage) == (sent.finish_reason, USAGE)
    assert (received.response_id, received.model) == ("chatcmpl-1", "m")
    assert received.repairs == ()


def test_a_complete_response_has_the_fields_of_the_format() -> None:
    """And those that its server adds."""
    head = ChatHead(response_id="r", model="m", created=7, extra_fields={"agentkit": 1})

    assert encode_chat_response(response(MESSAGES["both"]), head) == {
        "id": "r",
        "object": "chat.completion",
        "created": 7,
        "model": "m",
        "agentkit": 1,
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": "Two. é",
                    "tool_calls": [
                        {
                            "id": call.id,
                            "type": "function",
                            "function": {"name": "add", "arguments": call.arguments},
                        }
                        for call in CALLS
                    ],
                },
                "finish_reason": "tool_calls",
            }
        ],
        "usage": {
            "prompt_tokens": 9,
            "completion_tokens": 5,
            "total_tokens": 14,
            "prompt_tokens_details": {"cached_tokens": 4},
            "completion_tokens_details": {"reasoning_tokens": 2},
        },
    }


def test_a_stream_ends_with_its_usage_only_if_requested() -> None:
    """In a chunk of its own, without choices."""
    sent = response(MESSAGES["text"])

    *_, last, done = stream_of(sent, HEAD)
    *_, usage, again = stream_of(sent, HEAD, include_usage=True)

    assert done == again == DONE
    assert isinstance(last.data, dict)
    assert "usage" not in last.data
    assert isinstance(usage.data, dict)
    assert (usage.data["choices"], usage.data["usage"]) == ([], encode_usage(USAGE))


@pytest.mark.parametrize("reason", ["stop", "length", "content_filter"])
def test_the_finish_reason_is_encoded_in_the_terms_of_the_format(reason: FinishReason) -> None:
    """They are agentkit's terms too."""
    body = encode_chat_response(response(MESSAGES["text"], reason), HEAD)

    assert isinstance(body["choices"], list)
    assert isinstance(body["choices"][0], dict)
    assert body["choices"][0]["finish_reason"] == reason


def test_a_failed_response_cannot_be_encoded() -> None:
    """A client would take it for an answer."""
    failed = response(MESSAGES["text"], "error")

    with pytest.raises(ValueError, match="send an error instead"):
        encode_chat_response(failed, HEAD)
    with pytest.raises(ValueError, match="send an error instead"):
        next(stream_of(failed, HEAD))
