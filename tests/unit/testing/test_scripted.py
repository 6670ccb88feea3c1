"""Models and transports that answer from a script."""

import json

import pytest

from agentkit.chat import ModelRequest, ModelResponse
from agentkit.content import ImageContent, ReasoningContent, TextContent
from agentkit.errors import ProviderError, TransportError
from agentkit.event import ReasoningReceived, RunEvent, TextReceived, ignore
from agentkit.history import History
from agentkit.message import AssistantMessage, ToolCall, ToolResult, UserMessage
from agentkit.testing import ScriptedExchange, ScriptedModel, ScriptedTransport, tool_call
from agentkit.wire import WireRequest

REQUEST = ModelRequest(history=History((UserMessage("hi"),)))
STREAMED = ModelRequest(history=History((UserMessage("hi"),)), stream=True)


async def test_a_scripted_model_gives_its_answers_in_order_and_keeps_the_requests() -> None:
    """Text, messages and complete responses."""
    complete = ModelResponse(message=AssistantMessage("cut"), finish_reason="length")
    call = tool_call("add", a=1)
    model = ScriptedModel("hello", AssistantMessage(tool_calls=[call]), complete)

    async with model.open() as connection:
        got = [await connection.chat(REQUEST, emit=ignore) for _ in range(3)]

    assert [one.message for one in got] == [
        AssistantMessage("hello"),
        AssistantMessage(tool_calls=[ToolCall(id="call00001", name="add", arguments='{"a": 1}')]),
        AssistantMessage("cut"),
    ]
    assert [one.finish_reason for one in got] == ["stop", "tool_calls", "length"]
    assert model.requests == [REQUEST] * 3
    assert model.answers_left == 0
    assert model.name == "scripted:model"


async def test_a_scripted_model_takes_calls_and_functions_of_the_request() -> None:
    """One call, several, and what the function returns."""
    model = ScriptedModel(
        tool_call("a"), [tool_call("b"), tool_call("c")], lambda request: request.history[0].text
    )

    async with model.open() as connection:
        got = [await connection.chat(REQUEST, emit=ignore) for _ in range(3)]

    assert [[call.name for call in one.message.tool_calls] for one in got] == [
        ["a"],
        ["b", "c"],
        [],
    ]
    assert [one.finish_reason for one in got] == ["tool_calls", "tool_calls", "stop"]
    assert got[2].message.text == "hi"


async def test_calls_are_numbered_on_from_the_conversation() -> None:
    """An id of one's own is kept, and not given again."""
    own = ToolCall(id="call00003", name="b")
    before = AssistantMessage(tool_calls=[tool_call("a")])
    history = REQUEST.history + [before, ToolResult("call00001", "1")]
    model = ScriptedModel([tool_call("b"), own, tool_call("b")])

    async with model.open() as connection:
        got = await connection.chat(ModelRequest(history=history), emit=ignore)

    ids = [call.id for call in got.message.tool_calls]
    assert ids == ["call00002", "call00003", "call00004"]


async def test_a_script_of_something_else_is_an_error() -> None:
    """It says what it found."""
    async with ScriptedModel(3).open() as connection:  # type: ignore[arg-type]  # the mistake
        with pytest.raises(TypeError, match="A script holds a 'int'"):
            await connection.chat(REQUEST, emit=ignore)


async def test_a_scripted_model_raises_the_exceptions_of_its_script() -> None:
    """The next answer is still there afterwards."""
    error = ProviderError("busy", kind="rate_limit")
    model = ScriptedModel(error, "fine")

    async with model.open() as connection:
        with pytest.raises(ProviderError) as raised:
            await connection.chat(REQUEST, emit=ignore)
        response = await connection.chat(REQUEST, emit=ignore)

    assert raised.value is error
    assert response.message.text == "fine"


async def test_a_script_that_is_used_up_fails_the_test() -> None:
    """Asking once too often is a bug of the code under test."""
    async with ScriptedModel().open() as connection:
        with pytest.raises(AssertionError, match="called 1 times"):
            await connection.chat(REQUEST, emit=ignore)


async def test_a_scripted_model_shows_text_and_reasoning_only_while_streaming() -> None:
    """Other blocks have no event."""
    message = AssistantMessage(
        content=(
            ReasoningContent("hm"),
            TextContent("hi"),
            ImageContent(data="", mime_type="image/png"),
        )
    )
    seen: list[RunEvent] = []

    async def keep(event: RunEvent) -> None:
        seen.append(event)

    async with ScriptedModel(message, message).open() as connection:
        await connection.chat(REQUEST, emit=keep)
        assert seen == []
        await connection.chat(STREAMED, emit=keep)

    assert seen == [ReasoningReceived("hm"), TextReceived("hi")]


async def test_a_scripted_transport_gives_heads_and_chunks_as_written() -> None:
    """JSON bodies and streams of events."""
    transport = ScriptedTransport(
        ScriptedExchange.of_json({"ok": True}, status=201),
        ScriptedExchange.of_events("data: a\n\n", b"data: b\n\n"),
    )
    request = WireRequest(path="/x", body=b"{}")

    async with transport.exchange(request) as first, transport.exchange(request) as second:
        assert transport.open_answers == 2
        complete = [chunk async for chunk in first.chunks]
        events = [chunk async for chunk in second.chunks]

    assert (first.head.status, json.loads(complete[0])) == (201, {"ok": True})
    assert second.head.is_event_stream
    assert events == [b"data: a\n\n", b"data: b\n\n"]
    assert transport.requests == [request, request]
    assert transport.open_answers == 0


async def test_a_scripted_transport_raises_before_and_inside_an_answer() -> None:
    """The answer is closed in both cases."""
    error = TransportError("gone", kind="connection")
    transport = ScriptedTransport(
        ScriptedExchange(error=error), ScriptedExchange(chunks=(b"half", error))
    )
    request = WireRequest(path="/x")

    with pytest.raises(TransportError):
        async with transport.exchange(request):
            pass
    with pytest.raises(TransportError):
        async with transport.exchange(request) as answer:
            assert await anext(aiter(answer.chunks)) == b"half"
            await anext(aiter(answer.chunks))

    assert transport.open_answers == 0


async def test_a_used_up_transport_fails_the_test_and_closing_is_remembered() -> None:
    """Closing is asserted on by tests of what opens transports."""
    transport = ScriptedTransport()

    with pytest.raises(AssertionError, match="POST /x is request 1"):
        async with transport.exchange(WireRequest(path="/x")):
            pass
    await transport.aclose()

    assert transport.is_closed


def test_a_call_without_arguments_has_an_empty_object() -> None:
    """Never null."""
    assert tool_call("now") == ToolCall(id="call00001", name="now", arguments="{}")
