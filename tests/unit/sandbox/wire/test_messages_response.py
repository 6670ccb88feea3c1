"""Responses in the Anthropic format, complete and streamed."""

from typing import Any

import pytest

from agentkit.message import ToolCall
from agentkit.sandbox.planner.plan_request import PlanRequest
from agentkit.sandbox.wire.chat_response import ResponseContext
from agentkit.sandbox.wire.completion import Completion, CompletionRequest
from agentkit.sandbox.wire.encoded_response import EncodedResponse
from agentkit.sandbox.wire.messages_response import encode_count, encode_messages
from agentkit.sandbox.wire.provider_format import ResponseQuirks

CALL = ToolCall(id="toolu_1", name="f", arguments='{"city": "Oslo"}')
CUT = ToolCall(id="toolu_2", name="f", arguments='{"ci')


def _completion(text: str = "", *calls: ToolCall, **more: Any) -> Completion:
    fields = {"finish_reason": "tool_calls" if calls else "stop", **more}
    return Completion(text=text, calls=calls, prompt_tokens=5, completion_tokens=7, **fields)


def _encode(
    completion: Completion, *, is_stream: bool, gives: ResponseQuirks | None = None
) -> EncodedResponse:
    asked = CompletionRequest(
        model="m", plan=PlanRequest(question="x"), sent="x", is_stream=is_stream
    )
    answering = ResponseContext(
        request=asked,
        quirks=gives or ResponseQuirks(headers={"request-id": "{id}"}),
        response_id="1",
        created=0,
    )
    return encode_messages(completion, answering)


def _body(completion: Completion) -> Any:
    return _encode(completion, is_stream=False).body


def test_text_and_calls_are_blocks() -> None:
    """Under a head with the counts."""
    body = _body(_completion("well", CALL))

    assert body["content"] == [
        {"type": "text", "text": "well"},
        {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"city": "Oslo"}},
    ]
    assert (body["usage"]["input_tokens"], body["usage"]["output_tokens"]) == (5, 7)
    assert _encode(_completion("x"), is_stream=False).headers == {"request-id": "chatcmpl-1"}
    assert encode_count(_completion("x")).body == {
        "input_tokens": 5,
        "sandbox": {"is_language_model": False},
    }


@pytest.mark.parametrize(
    ("completion", "reason", "stop"),
    [
        (_completion("x"), "end_turn", None),
        (_completion("", CALL), "tool_use", None),
        (_completion("x", finish_reason="length"), "max_tokens", None),
        (_completion("x", stop_sequence="END"), "stop_sequence", "END"),
    ],
)
def test_the_reason_for_the_end_is_reported(
    completion: Completion, reason: str, stop: str | None
) -> None:
    """In the format's terms."""
    body = _body(completion)

    assert (body["stop_reason"], body["stop_sequence"]) == (reason, stop)


def test_half_an_input_has_no_place_in_a_body_answer() -> None:
    """A stream ends in the middle of it."""
    cut = _completion("", CALL, CUT, finish_reason="length")
    events: Any = _encode(cut, is_stream=True).events
    sent = "".join(e.data.get("delta", {}).get("partial_json", "") for e in events)

    assert [block["id"] for block in _body(cut)["content"]] == ["toolu_1"]
    assert sent == CALL.arguments + CUT.arguments


@pytest.mark.parametrize("calls", ["fragments", "characters"])
def test_a_stream_has_its_events_in_order(calls: Any) -> None:
    """Each block is opened, filled and closed; names and types agree."""
    encoded = _encode(
        _completion("well", CALL), is_stream=True, gives=ResponseQuirks(call_chunks=calls)
    )
    events: Any = encoded.events
    order = [e.name for e in events if e.name != "content_block_delta"]
    pieces = [
        e.data["delta"]["partial_json"]
        for e in events
        if e.name == "content_block_delta" and e.data["index"] == 1
    ]

    block = ["content_block_start", "content_block_stop"]
    assert order == ["message_start", "ping", *block, *block, "message_delta", "message_stop"]
    assert all(e.data["type"] == e.name for e in events)
    assert "".join(pieces) == CALL.arguments
    assert (len(pieces) == len(CALL.arguments)) == (calls == "characters")
    assert events[-2].data["usage"] == {"output_tokens": 7}
