"""Requests in the Anthropic messages format, as a server reads them."""

from typing import Any

import pytest

from agentkit.chat import ModelRequest, ModelSettings, ToolChoice, ToolSpec
from agentkit.config.profile import Accepts, ModelProfile, ProviderProfile
from agentkit.content import ImageContent, ReasoningContent, TextContent
from agentkit.dialect.anthropic_messages.dialect import AnthropicMessages
from agentkit.dialect.anthropic_messages.server_body import MessagesBody
from agentkit.dialect.anthropic_messages.server_request import (
    CARRIED_FIELDS,
    HARMLESS_FIELDS,
    NEUTRAL_VALUES,
    read_messages_request,
)
from agentkit.dialect.received_request import InvalidRequestError, ReceivedRequest, load_body
from agentkit.history import History
from agentkit.message import AssistantMessage, SystemMessage, ToolCall, ToolResult, UserMessage

ADD = ToolSpec(name="add", description="Add.", input_schema={"type": "object"})
OFFER = {"name": "add", "description": "Add.", "input_schema": {"type": "object"}}
CALL = ToolCall(id="toolu_1", name="add", arguments='{"a": 1}')
ASKED = {"role": "user", "content": "hi"}


def turn(role: str, *blocks: dict[str, Any]) -> dict[str, Any]:
    """Return one turn."""
    return {"role": role, "content": [*blocks]}


def text(words: str) -> dict[str, Any]:
    """Return a block of text."""
    return {"type": "text", "text": words}


def use(call_id: str = "toolu_1") -> dict[str, Any]:
    """Return the block of a call."""
    return {"type": "tool_use", "id": call_id, "name": "add", "input": {"a": 1}}


def result(call_id: str = "toolu_1", **more: Any) -> dict[str, Any]:
    """Return the block of a result."""
    return {"type": "tool_result", "tool_use_id": call_id, "content": "2", **more}


def read(*turns: dict[str, Any], **fields: Any) -> ReceivedRequest:
    """Return what a request says."""
    body = {"model": "m", "max_tokens": 9, "messages": [*(turns or (ASKED,))], **fields}
    return read_messages_request(body)


def refuse(*turns: dict[str, Any], **fields: Any) -> InvalidRequestError:
    """Return why a request is refused."""
    with pytest.raises(InvalidRequestError) as refused:
        read(*turns, **fields)
    return refused.value


def test_the_smallest_request_is_read() -> None:
    """With a token limit."""
    assert read() == ReceivedRequest(
        model="m",
        messages=(UserMessage(content=(TextContent("hi"),)),),
        settings=ModelSettings(max_tokens=9),
        include_usage=True,
    )


def test_turns_become_messages() -> None:
    """Results come before the text of the same user turn; redacted reasoning is dropped."""
    image = {"type": "base64", "media_type": "image/png", "data": "AAA="}
    request = read(
        turn("user", text("look"), {"type": "image", "source": image}),
        turn(
            "assistant",
            {"type": "thinking", "thinking": "1+1", "signature": "s"},
            {"type": "redacted_thinking", "data": "x"},
            text("well"),
            use(),
        ),
        turn("user", result(is_error=True), text("and now?")),
        turn("assistant", use("toolu_2")),
        turn("user", result("toolu_2", content=[text("2")])),
        system=[text("be brief"), text("be kind")],
    )

    two = (TextContent("2"),)
    assert request.messages == (
        SystemMessage("be brief\n\nbe kind"),
        UserMessage(
            content=(TextContent("look"), ImageContent(data="AAA=", mime_type="image/png"))
        ),
        AssistantMessage(
            content=(ReasoningContent("1+1"), TextContent("well")), tool_calls=(CALL,)
        ),
        ToolResult(call_id="toolu_1", content=two, is_error=True),
        UserMessage(content=(TextContent("and now?"),)),
        AssistantMessage(
            tool_calls=(ToolCall(id="toolu_2", name="add", arguments='{"a": 1}'),),
        ),
        ToolResult(call_id="toolu_2", content=two),
    )


@pytest.mark.parametrize(
    ("choice", "expected", "parallel"),
    [
        ({"type": "auto"}, ToolChoice(), None),
        ({"type": "any"}, ToolChoice(mode="required"), None),
        ({"type": "none"}, ToolChoice(mode="none"), None),
        ({"type": "tool", "name": "add"}, ToolChoice(mode="required", name="add"), None),
        ({"type": "auto", "disable_parallel_tool_use": True}, ToolChoice(), False),
    ],
)
def test_the_tool_choice_decides_also_about_parallel_calls(
    choice: dict[str, Any], expected: ToolChoice, parallel: bool | None
) -> None:
    """In this format both are in one field."""
    request = read(tools=[OFFER], tool_choice=choice)

    assert (request.tools, request.tool_choice) == ((ADD,), expected)
    assert request.settings.parallel_tool_calls is parallel


def test_settings_are_read() -> None:
    """And the schema of a structured output."""
    schema = {"type": "json_schema", "schema": {"type": "array"}}
    request = read(
        stop_sequences=["END"],
        temperature=1,
        top_p=0.5,
        stream=True,
        metadata={"user_id": "u"},
        output_config={"format": schema, "effort": "low"},
    )

    assert request.settings == ModelSettings(temperature=1, top_p=0.5, max_tokens=9, stop=("END",))
    assert (request.stream, request.response_format) == (True, {"type": "array"})
    assert request.other_fields == {"metadata": {"user_id": "u"}}


@pytest.mark.parametrize(
    ("turns", "place", "words"),
    [
        ([turn("assistant", text("x"))], "messages", "first message must use"),
        ([turn("user", text(" "))], "messages.0", "non-whitespace"),
        ([turn("user", use())], "messages.0", "only be in `assistant`"),
        ([ASKED, turn("assistant", result())], "messages.1", "only be in `user`"),
        ([ASKED, turn("assistant", use())], "messages", "without `tool_result` blocks after"),
        ([ASKED, turn("assistant", use()), ASKED], "messages.1", "immediately after: toolu_1"),
        ([ASKED, turn("user", result())], "messages.1", "unexpected `tool_use_id`"),
        (
            [ASKED, turn("assistant", use()), turn("user", result(), result())],
            "messages.2",
            "single result",
        ),
        (
            [ASKED, turn("assistant", use()), turn("user", text("x"), result())],
            "messages.2",
            "must come first",
        ),
        (
            [ASKED, turn("assistant", use(), use()), turn("user", result())],
            "messages",
            "must be unique",
        ),
        ([turn("user", text(""))], "messages.0.content.0.text", "at least 1 character"),
        ([], "messages.0.content", "at least 1"),
    ],
)
def test_a_conversation_that_is_inconsistent_is_refused(
    turns: list[dict[str, Any]], place: str, words: str
) -> None:
    """The error names the position."""
    error = refuse(*(turns or [{"role": "user", "content": ""}]))

    assert error.dotted_param == place
    assert words in error.reason


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"tools": [OFFER, OFFER]}, "tools"),
        ({"tools": [{**OFFER, "name": "a b"}]}, "tools.0.name"),
        ({"tools": [{"type": "bash_20250124", "name": "bash"}]}, "tools.0.type"),
        ({"tool_choice": {"type": "any"}}, "tool_choice"),
        ({"tools": [OFFER], "tool_choice": {"type": "tool", "name": "g"}}, "tool_choice"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": "9"}, "max_tokens"),
        ({"temperature": 1.1}, "temperature"),
        ({"seed": 1}, "seed"),
        ({"top_k": 3}, "top_k"),
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, "thinking"),
    ],
)
def test_a_field_that_is_wrong_or_not_supported_is_named(
    fields: dict[str, Any], place: str
) -> None:
    """Nothing is converted, and nothing that changes the answer is dropped in silence."""
    assert refuse(**fields).dotted_param == place


def test_an_image_that_would_have_to_be_fetched_is_refused() -> None:
    """A server that fetches for its clients opens its own network to them."""
    source = {"type": "url", "url": "http://169.254.169.254/"}

    error = refuse(turn("user", {"type": "image", "source": source}))

    assert error.dotted_param == "messages.0.content.0.source.type"


def test_a_counting_request_has_neither_limit_nor_stream() -> None:
    """It has the fields of the conversation alone."""
    body: dict[str, Any] = {"model": "m", "messages": [ASKED]}

    request = read_messages_request(body, is_count=True)

    assert (request.settings, request.stream) == (ModelSettings(), False)
    with pytest.raises(InvalidRequestError, match="max_tokens"):
        read_messages_request(body)
    with pytest.raises(InvalidRequestError, match="stream"):
        read_messages_request({**body, "stream": True}, is_count=True)


def test_every_field_of_the_format_is_read_ignored_or_refused() -> None:
    """Refused unless it has a neutral value."""
    fates = [*CARRIED_FIELDS, *HARMLESS_FIELDS, *NEUTRAL_VALUES]

    assert len(fates) == len(set(fates))
    assert set(fates) == set(MessagesBody.model_fields)


def test_a_request_of_agentkits_client_is_read_back() -> None:
    """The client's side of the format and the server's agree."""
    history = History(
        [
            UserMessage(
                content=(
                    TextContent("What is 1 + 1?"),
                    ImageContent(data="AAA=", mime_type="image/png"),
                )
            ),
            AssistantMessage(content=(TextContent("well"),), tool_calls=(CALL,)),
            ToolResult(call_id="toolu_1", content=(TextContent("2"),), is_error=True),
            UserMessage(content=(TextContent("And?"),)),
        ]
    )
    sent = ModelRequest(
        history=history,
        instructions="be brief",
        tools=(ADD,),
        tool_choice=ToolChoice(mode="required", name="add"),
        settings=ModelSettings(temperature=0.5, max_tokens=9, stop=("END",)),
        stream=True,
    )
    provider = ProviderProfile(name="ours", title="Ours", accepts=Accepts())

    encoded = AnthropicMessages().encode(
        sent, provider=provider, model=ModelProfile(family="claude", id="m")
    )
    received = read_messages_request(load_body(encoded.wire.body))

    assert received.messages == (SystemMessage("be brief"), *history)
    assert (received.tools, received.tool_choice) == (sent.tools, sent.tool_choice)
    assert (received.settings, received.stream) == (sent.settings, True)
