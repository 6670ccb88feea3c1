"""Requests in the OpenAI format, encoded for each provider."""

import json
from dataclasses import replace
from typing import Any

import pytest

from agentkit.chat import ModelRequest, ModelSettings, ToolChoice, ToolSpec
from agentkit.config.profile import Accepts, ModelProfile, ProviderProfile
from agentkit.content import (
    AudioContent,
    EmbeddedResource,
    ImageContent,
    ReasoningContent,
    ResourceLink,
    TextContent,
)
from agentkit.dialect.base import DoneDelta, TextDelta
from agentkit.dialect.openai_chat.dialect import OpenAIChat
from agentkit.dialect.openai_chat.messages import Transcripts, encode_message, encode_tool
from agentkit.errors import UnsupportedError
from agentkit.history import History
from agentkit.message import AssistantMessage, SystemMessage, ToolCall, ToolResult, UserMessage
from agentkit.wire import WireHead

PROVIDER = ProviderProfile(name="provider", title="Provider")
PLAIN = ModelProfile(family="gpt", id="m-1")
MISTRAL = ModelProfile(family="mixtral-8x22b", id="mixtral", rules="mistral")
ADD = ToolSpec(name="add", description="Add.", input_schema={"type": "object"})
READ = ToolSpec(name="fs.read", description="Read.", input_schema={"type": "object"})
HI = History((UserMessage("hi"),))


def body_of(
    request: ModelRequest, accepts: Accepts | None = None, model: ModelProfile = PLAIN
) -> dict[str, Any]:
    """Return the JSON body that goes out."""
    provider = replace(PROVIDER, accepts=accepts or Accepts())
    body: dict[str, Any] = json.loads(
        OpenAIChat().encode(request, provider=provider, model=model).wire.body
    )
    return body


def test_the_default_body_is_minimal() -> None:
    """Providers refuse unknown fields."""
    body = body_of(ModelRequest(history=HI))

    assert body == {"model": "m-1", "messages": [{"role": "user", "content": "hi"}]}


def test_settings_are_sent_under_the_providers_names() -> None:
    """Providers have different names for the same settings."""
    settings = ModelSettings(
        temperature=0.5, top_p=0.9, max_tokens=7, seed=3, stop=("a",), parallel_tool_calls=False
    )
    accepts = Accepts(
        max_tokens_field="max_completion_tokens",
        seed_field="random_seed",
        model_field="model_id",
        extra_fields={"safe_prompt": False},
    )

    body = body_of(ModelRequest(history=HI, settings=settings, tools=(ADD,)), accepts)

    del body["messages"], body["tools"]
    assert body == {
        "safe_prompt": False,
        "model_id": "m-1",
        "parallel_tool_calls": False,
        "temperature": 0.5,
        "top_p": 0.9,
        "max_completion_tokens": 7,
        "random_seed": 3,
        "stop": ["a"],
    }


def test_an_unsupported_preference_is_left_out() -> None:
    """A seed and parallel calls are preferences; the answer is checked anyway."""
    settings = ModelSettings(seed=3, parallel_tool_calls=True)
    accepts = Accepts(seed_field=None, parallel_tool_calls=False)

    body = body_of(ModelRequest(history=HI, settings=settings, tools=(ADD,)), accepts)

    assert body.keys() == {"model", "messages", "tools"}


def test_unsupported_stop_texts_are_refused() -> None:
    """Without them the answer would be different."""
    settings = ModelSettings(stop=("END",))

    with pytest.raises(UnsupportedError, match="END"):
        body_of(ModelRequest(history=HI, settings=settings), Accepts(stop=False))


@pytest.mark.parametrize(
    ("usage", "stream", "fields"),
    [
        ("stream_options", True, {"stream": True, "stream_options": {"include_usage": True}}),
        ("stream_options", False, {}),
        ("usage_include", True, {"stream": True, "usage": {"include": True}}),
        ("usage_include", False, {"usage": {"include": True}}),
        ("always", True, {"stream": True}),
        ("never", True, {"stream": True}),
    ],
)
def test_usage_is_requested_in_the_providers_way(
    usage: Any,  # one of the profile's literals
    stream: bool,
    fields: dict[str, object],
) -> None:
    """Some send it always, some refuse the field."""
    body = body_of(ModelRequest(history=HI, stream=stream), Accepts(stream_usage=usage))

    del body["model"], body["messages"]
    assert body == fields


def test_fields_that_a_provider_refused_before_are_left_out() -> None:
    """A refusal changes the next request."""
    accepts = Accepts(omit=frozenset({"stream_options", "tool_choice", "never_there"}))
    request = ModelRequest(
        history=HI, tools=(ADD, READ), tool_choice=ToolChoice.parse("add"), stream=True
    )

    encoded = OpenAIChat().encode(request, provider=replace(PROVIDER, accepts=accepts), model=PLAIN)

    assert set(encoded.fields) == {"model", "messages", "tools", "stream"}
    assert [tool["function"]["name"] for tool in json.loads(encoded.wire.body)["tools"]] == ["add"]


@pytest.mark.parametrize(
    ("choice", "takes", "names", "encoded"),
    [
        ("auto", {"auto"}, ["add", "fs_read_4074bc0257"], None),
        ("none", {"auto", "none"}, [], None),
        ("required", {"required", "any"}, ["add", "fs_read_4074bc0257"], "required"),
        ("required", {"any"}, ["add", "fs_read_4074bc0257"], "any"),
        ("required", {"auto"}, ["add", "fs_read_4074bc0257"], None),
        (
            "fs.read",
            {"named"},
            ["add", "fs_read_4074bc0257"],
            {"type": "function", "function": {"name": "fs_read_4074bc0257"}},
        ),
        ("fs.read", {"required"}, ["fs_read_4074bc0257"], "required"),
        ("fs.read", {"any"}, ["fs_read_4074bc0257"], "any"),
        ("fs.read", set(), ["fs_read_4074bc0257"], None),
    ],
)
def test_a_tool_choice_is_encoded_for_the_provider(
    choice: str,
    takes: Any,  # a set of the profile's literals
    names: list[str],
    encoded: object,
) -> None:
    """If a provider does not accept a name, the named tool is the only one offered."""
    request = ModelRequest(history=HI, tools=(ADD, READ), tool_choice=ToolChoice.parse(choice))

    body = body_of(request, Accepts(tool_choice=frozenset(takes)))

    assert [tool["function"]["name"] for tool in body.get("tools", [])] == names
    assert body.get("tool_choice") == encoded


@pytest.mark.parametrize(
    ("choice", "tools", "said"),
    [
        ("required", (), "no tool is offered"),
        ("sub", (ADD,), "'sub'; the tools offered are: 'add'"),
        ("sub", (), "are: none"),
    ],
)
def test_an_impossible_tool_choice_is_refused_before_sending(
    choice: str, tools: tuple[ToolSpec, ...], said: str
) -> None:
    """The provider's own refusal would be harder to read."""
    request = ModelRequest(history=HI, tools=tools, tool_choice=ToolChoice.parse(choice))

    with pytest.raises(UnsupportedError, match=said):
        body_of(request)


def test_changed_names_are_mapped_back() -> None:
    """The answer has the provider's name of the recorder."""
    encoded = OpenAIChat().encode(
        ModelRequest(history=HI, tools=(ADD, READ)), provider=PROVIDER, model=PLAIN
    )

    assert encoded.tool_names == {"fs_read_4074bc0257": "fs.read"}
    assert encoded.wire.path == "/chat/completions"


def test_a_model_without_special_rules_gets_the_history_as_it_is() -> None:
    """System messages stay in place, text stays with calls, ids are the provider's own."""
    history = History(
        (
            SystemMessage("early"),
            UserMessage("hi"),
            AssistantMessage(
                "I look.", tool_calls=[ToolCall(id="call_1", name="fs.read", arguments="{}")]
            ),
            ToolResult("call_1", "data"),
            AssistantMessage(content=(ReasoningContent("hm"),)),
            SystemMessage("late"),
        )
    )

    body = body_of(ModelRequest(history=history, instructions="Be kind."))

    call = {"name": "fs_read_4074bc0257", "arguments": "{}"}
    assert body["messages"] == [
        {"role": "system", "content": "Be kind."},
        {"role": "system", "content": "early"},
        {"role": "user", "content": "hi"},
        {
            "role": "assistant",
            "content": "I look.",
            "tool_calls": [{"id": "call_1", "type": "function", "function": call}],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "data"},
        {"role": "system", "content": "late"},
    ]


@pytest.mark.parametrize(
    ("arguments", "sent"),
    [
        ('{"a": 1}', '{"a": 1}'),
        ("", "{}"),
        ("{'a': True}", '{"a": true}'),
        ('"{\\"a\\": 1}"', '{"a": 1}'),
        ("not json", "{}"),
        ("[1]", "{}"),
        ('{"a": NaN}', "{}"),
    ],
)
def test_arguments_of_earlier_calls_are_sent_as_an_object(arguments: str, sent: str) -> None:
    """Servers parse them, and fail on invalid arguments that a model once wrote."""
    message = AssistantMessage(tool_calls=[ToolCall(id="1", name="add", arguments=arguments)])

    encoded = json.loads(encode_message(message))

    assert encoded["content"] is None
    assert encoded["tool_calls"][0]["function"]["arguments"] == sent


def test_images_and_audio_of_a_user_are_sent_as_parts() -> None:
    """Text alone stays a text: not every provider takes a list."""
    message = UserMessage(
        content=(
            TextContent("see"),
            ImageContent(data="QUJD", mime_type="image/png"),
            AudioContent(data="REVG", mime_type="audio/wav"),
            ReasoningContent("hm"),
            ResourceLink(uri="file:///a", name="a"),
            EmbeddedResource(uri="file:///b", blob="AAAA"),
        )
    )

    assert json.loads(encode_message(message))["content"] == [
        {"type": "text", "text": "see"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}},
        {"type": "input_audio", "input_audio": {"data": "REVG", "format": "wav"}},
        {"type": "text", "text": "[a](file:///a)"},
        {"type": "text", "text": "[resource file:///b]"},
    ]


@pytest.mark.parametrize("block", [ImageContent(data="QUJD", mime_type="image/png")])
def test_a_text_model_refuses_an_image_of_the_user_before_sending(block: ImageContent) -> None:
    """To leave it out would answer another question."""
    history = History((UserMessage(content=(block,)),))

    with pytest.raises(UnsupportedError, match="image"):
        body_of(ModelRequest(history=history), model=MISTRAL)


def test_a_tool_result_is_sent_as_text() -> None:
    """Structured content alone is written as JSON; images are named."""
    structured = ToolResult(call_id="1", structured_content={"a": [1]})
    shown = ToolResult(
        call_id="2",
        content=(
            TextContent("see"),
            ImageContent(data="", mime_type="image/png"),
            AudioContent(data="", mime_type="audio/wav"),
            EmbeddedResource(uri="file:///b", text="words"),
        ),
    )

    assert json.loads(encode_message(structured))["content"] == '{"a":[1]}'
    assert (
        json.loads(encode_message(shown))["content"]
        == "see\n[image, image/png]\n[audio, audio/wav]\nwords"
    )


def test_a_lone_surrogate_does_not_stop_a_run() -> None:
    """Tools read files with anything in them; UTF-8 cannot encode one."""
    encoded = json.loads(encode_message(UserMessage("a\ud800b\ud83d\ude00")))

    assert encoded["content"] == "a\ufffdb😀"


def test_tools_are_encoded_once_for_many_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same tools are the same bytes; other tools are encoded anew."""
    encoded: list[str] = []

    def count(tool: ToolSpec) -> bytes:
        encoded.append(tool.name)
        return encode_tool(tool)

    monkeypatch.setattr("agentkit.dialect.openai_chat.dialect.encode_tool", count)
    dialect = OpenAIChat()

    for tools in [(ADD, READ), (ADD, READ), (READ, ADD), (ADD,)]:
        dialect.encode(ModelRequest(history=HI, tools=tools), provider=PROVIDER, model=PLAIN)

    assert encoded == ["add", "fs.read", "fs.read", "add", "add"]


@pytest.mark.parametrize("model", [PLAIN, MISTRAL], ids=["plain", "mistral"])
def test_a_message_is_encoded_only_once(
    monkeypatch: pytest.MonkeyPatch, model: ModelProfile
) -> None:
    """Only the copying of bytes grows with each turn."""
    counted: list[object] = []

    def count(message: Any, **options: bool) -> bytes:  # any message
        counted.append(message)
        return encode_message(message, **options)

    monkeypatch.setattr("agentkit.dialect.openai_chat.messages.encode_message", count)
    dialect, history = OpenAIChat(), HI
    for turn in range(50):
        call = ToolCall(id=f"call_{turn}", name="add")
        history += [AssistantMessage(tool_calls=[call]), ToolResult(call.id, "1")]
        dialect.encode(ModelRequest(history=history), provider=PROVIDER, model=model)

    assert len(counted) <= len(history) + 1


def test_parallel_conversations_do_not_mix() -> None:
    """One dialect serves many runs at once, and branches of one conversation."""
    transcripts = Transcripts()
    first = HI + [AssistantMessage("one"), UserMessage("more")]
    branch = HI + [AssistantMessage("two")]
    other = History((UserMessage("hi"),))

    sent = [
        b"".join(transcripts.encode(ModelRequest(history=history), rules="plain"))
        for history in (first, branch, other, first, HI, branch)
    ]

    fresh = [
        b"".join(Transcripts().encode(ModelRequest(history=history), rules="plain"))
        for history in (first, branch, other, first, HI, branch)
    ]
    assert sent == fresh


def test_the_answer_is_read_by_this_dialects_decoder() -> None:
    """The same object encodes and reads."""
    decoder = OpenAIChat().decoder(WireHead(status=200))
    decoder.feed(b'{"choices": [{"message": {"content": "Hi"}}]}')

    assert list(decoder.close()) == [TextDelta(text="Hi"), DoneDelta()]


def test_the_cache_is_bounded() -> None:
    """A model that stays open for a thousand conversations does not keep them all."""
    transcripts = Transcripts(max_kept_bytes=1000)

    for number in range(100):
        history = History((UserMessage(f"{number:0100d}"),))
        transcripts.encode(ModelRequest(history=history), rules="plain")

    assert transcripts.kept_bytes <= 1000
    assert transcripts.encode(ModelRequest(history=History()), rules="plain") == []
