"""Requests in the Anthropic format."""

from dataclasses import replace
from typing import Any

import pytest

from agentkit.chat import ModelRequest, ModelSettings, ToolChoice, ToolSpec
from agentkit.config.profile import Accepts, ModelProfile, ProviderProfile
from agentkit.content import AudioContent
from agentkit.dialect.anthropic_messages.dialect import AnthropicMessages, list_models
from agentkit.dialect.tool_names import wire_name
from agentkit.errors import UnsupportedError
from agentkit.history import History
from agentkit.message import (
    AssistantMessage,
    SystemMessage,
    ToolCall,
    ToolResult,
    UserMessage,
)
from agentkit.wire import WireRequest
from tests.unit.dialect.answers import answer, body_of, document

PROVIDER = ProviderProfile(name="provider", title="Provider", base_url="http://provider")
MIXTRAL = ModelProfile(family="mixtral-8x22b", id="mixtral", rules="mistral")
OTHER = ModelProfile(family="other", id="other")
F = ToolSpec(name="f", description="Do.", input_schema={"type": "object"})
DOTTED = ToolSpec(name="fs.read", description="", input_schema={"type": "object"})
F_JSON = {"name": "f", "description": "Do.", "input_schema": {"type": "object"}}
DOTTED_JSON = {
    "name": wire_name("fs.read"),
    "description": "",
    "input_schema": {"type": "object"},
}
ASKED = ModelRequest(history=History([UserMessage("go")]))
GO = [{"role": "user", "content": [{"type": "text", "text": "go"}]}]
WITH_TOOLS = replace(ASKED, tools=(F, DOTTED))
CALLED = History(
    [
        UserMessage("go"),
        AssistantMessage(tool_calls=[ToolCall(id="c1", name="f")]),
        ToolResult("c1", "x"),
    ]
)


def encode(request: ModelRequest, **accepts: Any) -> dict[str, Any]:
    """Return the body sent for `request`."""
    provider = replace(PROVIDER, accepts=Accepts(**accepts))
    return body_of(AnthropicMessages().encode(request, provider=provider, model=OTHER))


def choice(request: ModelRequest, **accepts: Any) -> object:
    """Return the tool choice sent for `request`."""
    return encode(request, **accepts).get("tool_choice")


def test_the_smallest_request_has_a_token_limit() -> None:
    """The format requires one."""
    encoded = AnthropicMessages().encode(ASKED, provider=PROVIDER, model=OTHER)

    assert encoded.wire.path == "/messages"
    assert not encoded.wire.stream
    assert set(encoded.fields) == {"model", "messages", "max_tokens"}
    assert body_of(encoded) == {"model": "other", "messages": GO, "max_tokens": 4096}


def test_all_settings_are_sent_under_the_names_of_the_format() -> None:
    """The format has no field for a seed, which is only a preference."""
    request = replace(
        WITH_TOOLS,
        instructions="Be brief.",
        stream=True,
        settings=ModelSettings(
            temperature=0.5,
            top_p=0.9,
            max_tokens=7,
            seed=3,
            stop=("END",),
            parallel_tool_calls=False,
        ),
    )
    encoded = AnthropicMessages().encode(request, provider=PROVIDER, model=OTHER)

    assert encoded.wire.stream
    assert encoded.tool_names == {wire_name("fs.read"): "fs.read"}
    assert body_of(encoded) == {
        "model": "other",
        "system": "Be brief.",
        "messages": GO,
        "tools": [F_JSON, DOTTED_JSON],
        "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
        "max_tokens": 7,
        "temperature": 0.5,
        "top_p": 0.9,
        "stop_sequences": ["END"],
        "stream": True,
    }


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ("auto", None),
        ("required", {"type": "any"}),
        ("fs.read", {"type": "tool", "name": wire_name("fs.read")}),
    ],
)
def test_a_tool_choice_is_encoded_in_the_terms_of_the_format(asked: str, sent: object) -> None:
    """`auto` is the provider's default."""
    body = encode(replace(WITH_TOOLS, tool_choice=ToolChoice.parse(asked)))

    assert body.get("tool_choice") == sent
    assert body["tools"] == [F_JSON, DOTTED_JSON]


def test_a_provider_without_named_choices_is_offered_one_tool() -> None:
    """And a call is required."""
    body = encode(
        replace(WITH_TOOLS, tool_choice=ToolChoice.parse("f")), tool_choice=frozenset({"any"})
    )

    assert (body["tools"], body["tool_choice"]) == ([F_JSON], {"type": "any"})


def test_with_the_choice_none_a_conversation_without_calls_sends_no_tools() -> None:
    """A tool that is not sent cannot be called."""
    body = encode(replace(WITH_TOOLS, tool_choice=ToolChoice(mode="none")))

    assert "tools" not in body
    assert "tool_choice" not in body


def test_with_the_choice_none_a_conversation_with_calls_sends_tools_and_choice() -> None:
    """The provider has to know the tools of the calls it reads."""
    request = replace(WITH_TOOLS, history=CALLED, tool_choice=ToolChoice(mode="none"))

    body = encode(request)

    assert (body["tools"], body["tool_choice"]) == ([F_JSON, DOTTED_JSON], {"type": "none"})
    assert "tools" not in encode(request, tool_choice=frozenset({"auto"}))
    assert "tools" not in encode(request, omit=frozenset({"tool_choice"}))
    assert "tools" not in encode(replace(request, tools=()))


@pytest.mark.parametrize(
    ("asked", "parallel", "sent"),
    [
        ("required", False, {"type": "any", "disable_parallel_tool_use": True}),
        ("f", False, {"type": "tool", "name": "f", "disable_parallel_tool_use": True}),
        ("auto", True, {"type": "auto", "disable_parallel_tool_use": False}),
    ],
)
def test_parallel_calls_are_part_of_the_tool_choice(
    asked: str, parallel: bool, sent: object
) -> None:
    """The format has no field of its own for them."""
    request = replace(
        WITH_TOOLS,
        tool_choice=ToolChoice.parse(asked),
        settings=ModelSettings(parallel_tool_calls=parallel),
    )

    assert choice(request) == sent
    assert "disable_parallel_tool_use" not in str(choice(request, parallel_tool_calls=False))
    assert choice(request, omit=frozenset({"tool_choice"})) is None


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (replace(ASKED, tool_choice=ToolChoice(mode="required")), "no tool is offered"),
        (replace(WITH_TOOLS, tool_choice=ToolChoice.parse("g")), "names 'g'"),
        (
            replace(
                ASKED,
                history=History(
                    [UserMessage(content=(AudioContent(data="A", mime_type="audio/wav"),))]
                ),
            ),
            "audio",
        ),
    ],
    ids=["no tools", "no such tool", "sound"],
)
def test_an_impossible_request_is_an_error(request_: ModelRequest, said: str) -> None:
    """Before anything is sent, at the first attempt and at later ones."""
    dialect = AnthropicMessages()
    for _ in range(2):
        with pytest.raises(UnsupportedError, match=said):
            dialect.encode(request_, provider=PROVIDER, model=OTHER)


def test_unsupported_stop_texts_are_an_error() -> None:
    """Without them the answer would be different."""
    with pytest.raises(UnsupportedError, match="no stop texts"):
        encode(replace(ASKED, settings=ModelSettings(stop=("x",))), stop=False)


def test_the_profile_adds_fields_and_leaves_fields_out() -> None:
    """Its token limit is used if the caller sets none; so is its name for the model."""
    body = encode(
        replace(ASKED, settings=ModelSettings(temperature=1)),
        extra_fields={"max_tokens": 99, "metadata": {"user_id": "x"}},
        model_field="model_id",
        omit=frozenset({"temperature"}),
    )

    assert body == {
        "max_tokens": 99,
        "metadata": {"user_id": "x"},
        "model_id": "other",
        "messages": GO,
    }


def test_a_small_window_gets_a_small_limit() -> None:
    """Half of it is for the conversation."""
    model = replace(OTHER, context_window_tokens=1000)
    encoded = AnthropicMessages().encode(ASKED, provider=PROVIDER, model=model)

    assert body_of(encoded)["max_tokens"] == 500


def test_the_rules_of_the_model_family_hold_in_this_format() -> None:
    """System messages come first, ids have nine characters."""
    history = History([SystemMessage("Be kind."), *CALLED])
    request = replace(WITH_TOOLS, history=history, instructions="Be brief.")

    body = body_of(AnthropicMessages().encode(request, provider=PROVIDER, model=MIXTRAL))

    assert body["system"] == "Be brief.\n\nBe kind."
    call, result = body["messages"][1]["content"][0], body["messages"][2]["content"][0]
    assert len(call["id"]) == 9
    assert call["id"] == result["tool_use_id"]


def test_a_continued_conversation_is_sent_like_a_new_one() -> None:
    """The cache gives the same bytes."""
    dialect = AnthropicMessages()
    history = CALLED
    for _ in range(3):
        request = replace(WITH_TOOLS, history=history)
        kept = dialect.encode(request, provider=PROVIDER, model=OTHER)
        assert kept == AnthropicMessages().encode(request, provider=PROVIDER, model=OTHER)
        history += [AssistantMessage("So."), UserMessage("And?")]


def test_a_complete_turn_is_sent_and_read() -> None:
    """The answer has agentkit's name of the tool again, and fits the next turn."""
    dialect = AnthropicMessages()
    encoded = dialect.encode(WITH_TOOLS, provider=PROVIDER, model=OTHER)
    call = {
        "type": "tool_use",
        "id": "toolu_1",
        "name": wire_name("fs.read"),
        "input": {"path": "a"},
    }
    data = document({"content": [call], "stop_reason": "tool_use"})

    response = answer(dialect, WITH_TOOLS, encoded, data)
    history = WITH_TOOLS.history + [response.message, ToolResult("toolu_1", "text of a")]
    body = body_of(
        dialect.encode(replace(WITH_TOOLS, history=history), provider=PROVIDER, model=OTHER)
    )

    assert response.message.tool_calls[0].name == "fs.read"
    assert body["messages"][1:] == [
        {"role": "assistant", "content": [call]},
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "text of a"}],
        },
    ]


def test_tokens_are_counted_for_the_same_conversation() -> None:
    """Only what counting accepts is sent: no limit, no settings, no fields of the provider."""
    provider = replace(PROVIDER, accepts=Accepts(extra_fields={"max_tokens": 99}))
    request = replace(
        WITH_TOOLS,
        instructions="Be brief.",
        stream=True,
        tool_choice=ToolChoice(mode="required"),
        settings=ModelSettings(temperature=0),
    )

    wire = AnthropicMessages().encode_count(request, provider=provider, model=OTHER)

    assert (wire.path, wire.method, wire.stream) == ("/messages/count_tokens", "POST", False)
    sent = encode(request)
    assert wire.body.startswith(b'{"model":"other","system":"Be brief.",')
    assert set(sent) - {"max_tokens", "temperature", "stream"} == {
        "model",
        "system",
        "messages",
        "tools",
        "tool_choice",
    }


def test_the_models_of_a_provider_can_be_listed() -> None:
    """By a request without a body."""
    assert list_models() == WireRequest(path="/models", method="GET")
