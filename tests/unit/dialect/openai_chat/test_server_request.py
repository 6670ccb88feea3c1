"""Requests in the OpenAI chat format, as a server reads them."""

from dataclasses import replace
from typing import Any

import pytest

from agentkit.chat import ModelRequest, ModelSettings, ToolChoice, ToolSpec
from agentkit.config.profile import Accepts, ModelProfile, ProviderProfile
from agentkit.content import AudioContent, ImageContent, ReasoningContent, TextContent
from agentkit.dialect.openai_chat.dialect import OpenAIChat
from agentkit.dialect.openai_chat.server_body import ChatBody
from agentkit.dialect.openai_chat.server_request import (
    CARRIED_FIELDS,
    HARMLESS_FIELDS,
    NEUTRAL_VALUES,
    read_chat_request,
)
from agentkit.dialect.received_request import InvalidRequestError, ReceivedRequest, load_body
from agentkit.history import History
from agentkit.message import AssistantMessage, SystemMessage, ToolCall, ToolResult, UserMessage

ADD = ToolSpec(
    name="add",
    description="Add.",
    input_schema={"type": "object", "properties": {"a": {"type": "integer"}}},
)
OFFER = {
    "type": "function",
    "function": {"name": "add", "description": "Add.", "parameters": ADD.input_schema},
}
CALL = ToolCall(id="call_1", name="add", arguments='{"a": 1}')
CALL_BODY = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "add", "arguments": '{"a": 1}'},
}
USER = {"role": "user", "content": "hi"}
CALLING = {"role": "assistant", "content": None, "tool_calls": [CALL_BODY]}
RESULT = {"role": "tool", "tool_call_id": "call_1", "content": "2"}


def read(*messages: dict[str, Any], **fields: Any) -> ReceivedRequest:
    """Return what a request says."""
    return read_chat_request({"model": "m", "messages": [*(messages or (USER,))], **fields})


def refuse(*messages: dict[str, Any], **fields: Any) -> InvalidRequestError:
    """Return why a request is refused."""
    with pytest.raises(InvalidRequestError) as refused:
        read(*messages, **fields)
    return refused.value


def test_the_smallest_request_is_read() -> None:
    """Everything else has the format's default."""
    assert read() == ReceivedRequest(
        model="m", messages=(UserMessage(content=(TextContent("hi"),)),)
    )


def test_each_role_becomes_a_message() -> None:
    """A developer's message is a system message; text in parts is one text."""
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    request = read(
        {"role": "system", "content": "be brief"},
        {"role": "developer", "content": parts},
        {"role": "user", "content": parts, "name": "ann"},
        CALLING,
        {**RESULT, "content": parts},
        {"role": "assistant", "content": "Two.", "reasoning_content": "1+1", "refusal": None},
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": None, "refusal": "No."},
    )

    assert request.messages == (
        SystemMessage("be brief"),
        SystemMessage("ab"),
        UserMessage(content=(TextContent("a"), TextContent("b"))),
        AssistantMessage(tool_calls=(CALL,)),
        ToolResult(call_id="call_1", content=(TextContent("ab"),)),
        AssistantMessage(content=(ReasoningContent("1+1"), TextContent("Two."))),
        UserMessage(content=(TextContent("x"),)),
        AssistantMessage(content=(TextContent("No."),)),
    )


def test_an_image_and_a_sound_become_blocks() -> None:
    """As they arrived, in base64."""
    request = read(
        {
            "role": "user",
            "content": [
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAA="}},
                {"type": "input_audio", "input_audio": {"data": "BBB=", "format": "wav"}},
            ],
        }
    )

    assert request.messages[0] == UserMessage(
        content=(
            ImageContent(data="AAA=", mime_type="image/png"),
            AudioContent(data="BBB=", mime_type="audio/wav"),
        )
    )


@pytest.mark.parametrize("url", ["http://169.254.169.254/latest", "file:///etc/passwd", ""])
def test_an_image_that_would_have_to_be_fetched_is_refused(url: str) -> None:
    """A server that fetches for its clients opens its own network to them."""
    error = refuse({"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]})

    assert error.param == "messages[0].content[0].image_url.url"
    assert error.code == "unsupported_value"


def test_settings_tools_and_tool_choice_are_read() -> None:
    """The newer name of the token limit takes precedence over the older one."""
    request = read(
        tools=[OFFER],
        tool_choice={"type": "function", "function": {"name": "add"}},
        parallel_tool_calls=False,
        stream=True,
        stream_options={"include_usage": True},
        max_tokens=5,
        max_completion_tokens=7,
        stop="END",
        temperature=0,
        top_p=0.5,
        seed=3,
        user="ann",
        n=1,
    )

    assert (request.tools, request.stream, request.include_usage) == ((ADD,), True, True)
    assert request.tool_choice == ToolChoice(mode="required", name="add")
    assert request.settings == ModelSettings(
        temperature=0, top_p=0.5, max_tokens=7, seed=3, stop=("END",), parallel_tool_calls=False
    )
    assert request.other_fields == {"user": "ann", "n": 1}


@pytest.mark.parametrize(
    ("wanted", "schema"),
    [
        ({"type": "text"}, None),
        ({"type": "json_object"}, {"type": "object"}),
        (
            {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "array"}}},
            {"type": "array"},
        ),
    ],
)
def test_the_response_format_is_a_schema(wanted: Any, schema: Any) -> None:
    """Or none, for text."""
    assert read(response_format=wanted).response_format == schema


@pytest.mark.parametrize(
    ("messages", "param", "words"),
    [
        ([USER, RESULT], "messages[1].tool_call_id", "answers no call"),
        ([USER, CALLING, RESULT, RESULT], "messages[3].tool_call_id", "answers no call"),
        ([USER, CALLING], "messages", "'call_1' have no tool message before message 2"),
        ([USER, CALLING, USER], "messages", "'call_1' have no tool message before message 2"),
        (
            [USER, CALLING, RESULT, CALLING, RESULT],
            "messages[3].tool_calls[0].id",
            "is used twice",
        ),
        ([{"role": "function", "content": "x", "name": "f"}], "messages[0]", "role"),
        ([{**USER, "extra": 1}], "messages[0].extra", "Extra inputs"),
    ],
)
def test_a_conversation_that_is_inconsistent_is_refused(
    messages: list[dict[str, Any]], param: str, words: str
) -> None:
    """The error names the position."""
    error = refuse(*messages)

    assert error.param == param
    assert words in error.reason


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tools": [{**OFFER, "type": "web_search"}]}, "tools[0].type"),
        ({"tools": [OFFER, OFFER]}, "tools[1].function.name"),
        (
            {"tools": [{"type": "function", "function": {"name": "a b"}}]},
            "tools[0].function.name",
        ),
        ({"tool_choice": "required"}, "tool_choice"),
        (
            {
                "tools": [OFFER],
                "tool_choice": {"type": "function", "function": {"name": "subtract"}},
            },
            "tool_choice",
        ),
        ({"tool_choice": "any", "tools": [OFFER]}, "tool_choice"),
        ({"stream": "true"}, "stream"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"temperature": 2.1}, "temperature"),
        ({"min_p": 0.1}, "min_p"),
        ({"n": 2}, "n"),
        ({"logprobs": True}, "logprobs"),
        ({"presence_penalty": 0.5}, "presence_penalty"),
        ({"functions": [{"name": "f"}]}, "functions"),
        ({"reasoning_effort": "high"}, "reasoning_effort"),
    ],
)
def test_a_field_that_is_wrong_or_not_supported_is_named(
    fields: dict[str, Any], param: str
) -> None:
    """Nothing is converted, and nothing that changes the answer is dropped in silence."""
    assert refuse(**fields).param == param


def test_a_conversation_without_a_message_is_refused() -> None:
    """There is nothing to answer."""
    with pytest.raises(InvalidRequestError) as refused:
        read_chat_request({"model": "m", "messages": []})

    assert refused.value.param == "messages"


def test_fields_of_some_clients_may_be_ignored() -> None:
    """By name; a null counts as missing."""
    body: dict[str, Any] = {"model": "m", "messages": [USER], "min_p": 0.1, "seed": None}

    assert read_chat_request(body, ignore_fields=["min_p"]) == read()


def test_every_field_of_the_format_is_read_ignored_or_refused() -> None:
    """Refused unless it has a neutral value."""
    fates = [*CARRIED_FIELDS, *HARMLESS_FIELDS, *NEUTRAL_VALUES]

    assert len(fates) == len(set(fates))
    assert set(fates) == set(ChatBody.model_fields)


def test_a_request_of_agentkits_client_is_read_back() -> None:
    """The client's side of the format and the server's agree."""
    history = History(
        [
            SystemMessage("be brief"),
            UserMessage(
                content=(
                    TextContent("What is 1 + 1?"),
                    ImageContent(data="AAA=", mime_type="image/png"),
                )
            ),
            AssistantMessage(tool_calls=(CALL,)),
            ToolResult(call_id="call_1", content=(TextContent("2"),)),
            AssistantMessage(content=(TextContent("Two."),)),
            UserMessage(content=(TextContent("And?"),)),
        ]
    )
    sent = ModelRequest(
        history=history,
        tools=(ADD,),
        tool_choice=ToolChoice(mode="required", name="add"),
        settings=ModelSettings(
            temperature=0.5, max_tokens=9, stop=("END",), parallel_tool_calls=False
        ),
        stream=True,
        response_format={"type": "array"},
    )
    provider = ProviderProfile(
        name="ours",
        title="Ours",
        accepts=replace(Accepts(), response_format=frozenset({"json_schema"})),
    )

    encoded = OpenAIChat().encode(sent, provider=provider, model=ModelProfile(family="gpt", id="m"))
    received = read_chat_request(load_body(encoded.wire.body))

    assert received.messages == tuple(history)
    assert (received.tools, received.tool_choice) == (sent.tools, sent.tool_choice)
    assert (received.settings, received.stream) == (sent.settings, True)
    assert received.response_format == {"type": "array"}
