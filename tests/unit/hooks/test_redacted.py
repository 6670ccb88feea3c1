"""Secrets are redacted in requests and answers."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentkit import Agent, History, SystemMessage, TextReceived, UserMessage, tool
from agentkit.chat import ModelRequest, ModelResponse, Repair
from agentkit.config.profile import ModelProfile
from agentkit.content import (
    EmbeddedResource,
    ImageContent,
    ReasoningContent,
    ResourceLink,
    TextContent,
)
from agentkit.event import Emit, ModelRetried, ReasoningReceived, RunEvent
from agentkit.hooks import redacted
from agentkit.hooks.redactor import Redactor
from agentkit.hooks.rewrite_cache import RewriteCache
from agentkit.hooks.streaming_redactor import StreamingRedactor
from agentkit.message import AssistantMessage, Message, ToolCall, ToolResult
from agentkit.model.model import ModelConnection
from agentkit.redaction import compile_secrets
from agentkit.testing.scripted import ScriptedModel, tool_call
from agentkit.tools import StaticToolset
from tests.unit.tools.running import Listener

KEY = "sk-12345"
PHONE = re.compile(r"\b\d{3}-\d{4}\b")
REDACTOR = Redactor(compile_secrets([KEY, PHONE]), replacement="***")


def assistant(arguments: str) -> AssistantMessage:
    """Return a message with a call."""
    return AssistantMessage(
        f"with {KEY}", tool_calls=[ToolCall(id="1", name="f", arguments=arguments)]
    )


def user(*blocks: Any) -> UserMessage:
    """Return a message with these blocks."""
    return UserMessage(content=blocks)


IMAGE = ImageContent(data=KEY, mime_type="image/png")
MESSAGES: dict[str, tuple[Message, Message]] = {
    "system": (SystemMessage(f"Use {KEY}."), SystemMessage("Use ***.")),
    "user": (UserMessage("Call 555-1234!"), UserMessage("Call ***!")),
    "arguments": (
        assistant('{"key": "sk-12345", "n": [1, null, true]}'),
        AssistantMessage(
            "with ***",
            tool_calls=[
                ToolCall(id="1", name="f", arguments='{"key": "***", "n": [1, null, true]}')
            ],
        ),
    ),
    "a name in arguments": (
        assistant('{"sk-12345": 1}'),
        AssistantMessage(
            "with ***", tool_calls=[ToolCall(id="1", name="f", arguments='{"***": 1}')]
        ),
    ),
    "arguments that hide it": (
        assistant('{"key": "\\u0073k-12345"}'),
        AssistantMessage(
            "with ***", tool_calls=[ToolCall(id="1", name="f", arguments='{"key": "***"}')]
        ),
    ),
    "arguments that are not JSON": (
        assistant("{sk-12345"),
        AssistantMessage("with ***", tool_calls=[ToolCall(id="1", name="f", arguments="{***")]),
    ),
    "result": (
        ToolResult(
            call_id="1",
            content=(TextContent(KEY),),
            structured_content={"key": [KEY]},
        ),
        ToolResult(
            call_id="1",
            content=(TextContent("***"),),
            structured_content={"key": ["***"]},
        ),
    ),
    "over the border of two texts": (
        user(TextContent("the sk-1"), TextContent("2345 key"), IMAGE),
        user(TextContent("the *** key"), IMAGE),
    ),
    "in one of two texts": (
        user(TextContent(KEY), TextContent(" key")),
        user(TextContent("***"), TextContent(" key")),
    ),
    "other blocks": (
        user(
            ReasoningContent(KEY),
            EmbeddedResource(uri="a:sk-12345", text=KEY),
            EmbeddedResource(uri="a:b", blob="x"),
            ResourceLink(uri="a:sk-12345", name="n", title=KEY),
        ),
        user(
            ReasoningContent("***"),
            EmbeddedResource(uri="a:***", text="***"),
            EmbeddedResource(uri="a:b", blob="x"),
            ResourceLink(uri="a:***", name="n", title="***"),
        ),
    ),
}


@pytest.mark.parametrize(("message", "redacted_as"), MESSAGES.values(), ids=MESSAGES.keys())
def test_a_message_is_redacted_wherever_a_model_reads_it(
    message: Message, redacted_as: Message
) -> None:
    """A message without a secret stays the same object."""
    found = REDACTOR.message(message)

    assert found == redacted_as
    assert REDACTOR.message(found) is found


def test_a_number_may_be_a_secret() -> None:
    """It becomes text, since a number cannot be redacted."""
    redactor = Redactor(compile_secrets(re.compile("4111[0-9]+")), replacement="***")

    assert redactor.arguments('{"card": 4111111111, "n": 4}') == '{"card": "***", "n": 4}'


def test_arguments_stay_an_object_whatever_is_redacted() -> None:
    """A match may extend over quotation marks and braces."""
    over = Redactor(compile_secrets(re.compile('"password.*"')), replacement="***")
    inside = Redactor(compile_secrets(re.compile('"a": "b"')), replacement='"a": "*"')

    arguments = json.loads(over.arguments('{"password": "x", "y": 1}'))

    assert arguments == {"arguments": "{***: 1}"}
    assert inside.arguments('{"a": "b"}') == '{"a": "*"}'


def test_text_is_found_in_json_text_too() -> None:
    """A result is often JSON text."""
    redactor = Redactor(compile_secrets('pä"ss'), replacement="***")

    assert redactor.text(r'pä"ss, "p\u00e4\"ss", "pä\"ss"') == '***, "***", "***"'


BAD: dict[str, tuple[Any, dict[str, Any], str]] = {
    "no pattern": ([], {}, "at least one"),
    "empty text": ([""], {}, "empty text"),
    "a pattern of nothing": (re.compile("x*"), {}, "empty text"),
    "no room": (KEY, {"longest": 0}, "longest=0"),
}


@pytest.mark.parametrize(("secrets", "options", "message"), BAD.values(), ids=BAD.keys())
def test_an_invalid_redactor_is_rejected(
    secrets: Any, options: dict[str, Any], message: str
) -> None:
    """When it is built."""
    with pytest.raises(ValueError, match=message):
        redacted(ScriptedModel(), secrets, **options)


async def test_the_history_keeps_what_the_model_never_reads() -> None:
    """Instructions, prompts, arguments, results; the tool gets the arguments of the model."""
    got: list[str] = []

    @tool(read_only=True)
    def look(key: str) -> str:
        """Look."""
        got.append(key)
        return f"found {KEY}"

    model = ScriptedModel(AssistantMessage(tool_calls=[tool_call("look", key=KEY)]), f"Use {KEY}.")
    agent: Agent[None] = Agent(
        redacted(model, KEY), tools=[StaticToolset([look])], instructions=f"The key is {KEY}."
    )

    result = await agent.run(f"hi {KEY}")

    sent = model.requests[1]
    assert KEY not in sent.history.to_json() + sent.instructions
    assert [message.role for message in sent.history] == ["user", "assistant", "tool"]
    assert sent.history[0] is model.requests[0].history[0]
    assert got == [KEY]
    assert result.output == f"Use {KEY}."
    assert KEY in result.history.to_json()


class Streaming:
    """A model that emits its answer in deltas."""

    name = "streaming:model"
    profile = ModelProfile(family="streaming", id="model")

    def __init__(self, *events: RunEvent, response: ModelResponse) -> None:
        self._events = events
        self._response = response

    def open(self) -> "Streaming":
        """Open it."""
        return self

    async def __aenter__(self) -> ModelConnection:
        return self

    async def __aexit__(self, *details: object) -> None:
        pass

    async def chat(self, request: ModelRequest, *, emit: Emit) -> ModelResponse:  # noqa: ARG002
        """Answer."""
        for event in self._events:
            await emit(event)
        return self._response


async def test_answers_are_redacted_on_request() -> None:
    """Even if a secret is split over two deltas; arguments are not changed."""
    retried = ModelRetried(attempt=1, kind="server", error="500", wait_seconds=0)
    call = ToolCall(id="1", name="f", arguments=f'{{"key": "{KEY}"}}')
    message = AssistantMessage(
        content=(ReasoningContent(f"hm {KEY}"), TextContent(f"the {KEY} key")),
        tool_calls=(call,),
    )
    response = ModelResponse(
        message=message,
        finish_reason="stop",
        repairs=(Repair(kind="text_call", before=KEY, after="x"),),
    )
    model = Streaming(
        ReasoningReceived("hm sk-"),
        retried,
        TextReceived("the sk-1"),
        ReasoningReceived("12345"),
        TextReceived("2345 key"),
        response=response,
    )
    listener = Listener()
    request = ModelRequest(history=History([UserMessage("hi")]), stream=True)

    async with redacted(model, KEY, answers=True).open() as connection:
        answered = await connection.chat(request, emit=listener)

    content = (ReasoningContent("hm [redacted]"), TextContent("the [redacted] key"))
    assert answered == replace(
        response,
        message=AssistantMessage(content=content, tool_calls=(call,)),
        repairs=(Repair(kind="text_call", before="[redacted]", after="x"),),
    )
    assert listener.events == [
        retried,
        ReasoningReceived("hm [redacted]"),
        TextReceived("the [redacted] key"),
    ]


PATTERNS = ["abc", "aab", re.compile(r"\bab+c\b"), re.compile("a{2,4}"), re.compile("(?<=b)c(?!a)")]


@settings(max_examples=200)
@given(
    pieces=st.lists(st.text(alphabet="abc ", max_size=6), max_size=12),
    secrets=st.lists(st.sampled_from(PATTERNS), min_size=1, max_size=2),
)
def test_the_redacted_text_does_not_depend_on_the_cuts_of_the_stream(
    pieces: list[str], secrets: list[Any]
) -> None:
    """The deltas together equal the redacted complete text."""
    patterns = compile_secrets(secrets)
    held = StreamingRedactor(patterns, replacement="*", longest=30)

    shown = "".join([held.feed(piece) for piece in pieces] + [held.close()])

    assert shown == Redactor(patterns, replacement="*").text("".join(pieces))


@settings(max_examples=200)
@given(
    gaps=st.lists(st.text(alphabet="xs-1 ", max_size=40), min_size=1, max_size=8),
    cut=st.integers(min_value=1, max_value=9),
)
def test_long_text_is_emitted_while_it_arrives(gaps: list[str], cut: int) -> None:
    """Only as much is held back as a secret is long."""
    text = KEY.join(gaps)
    patterns = compile_secrets(KEY)
    held = StreamingRedactor(patterns, replacement="*", longest=len(KEY))
    shown, most_held = "", 0

    for start in range(0, len(text), cut):
        shown += held.feed(text[start : start + cut])
        come = Redactor(patterns, replacement="*").text(text[: start + cut])
        most_held = max(most_held, len(come) - len(shown))
    shown += held.close()

    assert shown == Redactor(patterns, replacement="*").text(text)
    assert most_held <= len(KEY)


def test_a_growing_match_is_held_back_to_its_end() -> None:
    """However long it becomes."""
    held = StreamingRedactor(compile_secrets(re.compile("s[0-9]+")), replacement="*", longest=3)

    assert [held.feed(piece) for piece in ("a s12", "345", "6789", " b and more")] == [
        "a ", "", "", "* b and m",
    ]  # fmt: skip
    assert held.close() == "ore"


def test_empty_matches_of_a_pattern_are_ignored() -> None:
    """Only matched text is replaced."""
    patterns = compile_secrets(re.compile("(?<=x)y*|zz"))
    held = StreamingRedactor(patterns, replacement="*", longest=2)

    assert held.feed("axbzzc") + held.close() == "axb*c"
    assert Redactor(patterns, replacement="*").text("axbzzc") == "axb*c"


def test_each_message_of_a_growing_conversation_is_rewritten_once() -> None:
    """Rewritten messages keep their identity, so their bytes stay cached."""
    rewritten: list[str] = []

    def change(message: Message) -> Message:
        assert isinstance(message, UserMessage)
        rewritten.append(message.text)
        return UserMessage(message.text.upper()) if message.text.islower() else message

    cache = RewriteCache(change)
    plain = History([UserMessage("A")])
    first = cache.rewrite(plain)
    longer = plain + [UserMessage("b")]
    second = cache.rewrite(longer)
    third = cache.rewrite(longer + [UserMessage("C")])
    other = cache.rewrite(History([UserMessage("d")]))

    assert first is plain
    assert [message.text for message in third] == ["A", "B", "C"]
    assert all(a is b for a, b in zip(second, third, strict=False))
    assert other == History([UserMessage("D")])
    assert rewritten == ["A", "b", "C", "d"]
    assert cache.rewrite(History()) == History()


def test_only_the_latest_conversations_are_cached() -> None:
    """Others are rewritten again."""
    rewritten: list[Message] = []

    def change(message: Message) -> Message:
        rewritten.append(message)
        return message

    cache = RewriteCache(change)
    histories = [History([UserMessage(str(number))]) for number in range(65)]
    for history in histories:
        cache.rewrite(history)
    cache.rewrite(histories[64])
    assert len(rewritten) == 65

    cache.rewrite(histories[0])
    assert len(rewritten) == 66
