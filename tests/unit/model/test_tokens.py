"""Counting tokens, compared with `mistral-common`."""

import json
import random
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, TypeAlias

import pytest
from mistral_common.protocol.instruct.request import ChatCompletionRequest
from mistral_common.tokens.tokenizers.mistral import MistralTokenizer

from agentkit.chat import ModelRequest, ToolChoice, ToolSpec
from agentkit.config.profile import ModelProfile, ProviderProfile
from agentkit.content import AudioContent, ImageContent
from agentkit.dialect.openai_chat.dialect import OpenAIChat
from agentkit.errors import UnsupportedError
from agentkit.history import History
from agentkit.message import AssistantMessage, Message, SystemMessage, ToolCall, ToolResult
from agentkit.message import UserMessage as User
from agentkit.model import tokens
from agentkit.model.model import TokenCounter
from agentkit.model.tokens import build_counter

Tokenizer: TypeAlias = MistralTokenizer[Any, Any, Any, Any, Any]
Judge: TypeAlias = Callable[[ModelRequest], int]

PROVIDER = ProviderProfile(name="mistral", title="Mistral")
MODEL = ModelProfile(family="mixtral-8x22b", id="open-mixtral-8x22b", rules="mistral")
WORDS = (
    "the weather in Paris is", "déjà vu, ça va? naïve Übergröße", "今天天气怎么样", "🎉👩‍👩‍👧 ok",
    "\ttabs\there", "trailing   ", "   leading", "a\n\n\nb\r\n", "[INST] not a marker [/INST]",
    "[TOOL_CALLS]", "12,345.678", "{'a': 1}", "ﬁne ½ № Ω", "привет, как дела", "العربية",
    "\u3000x\u00a0y", "def f(x):\n    return x ** 2", '"quoted" \\ back', "<s></s>", "ok",
)  # fmt: skip


@pytest.fixture(scope="module")
def judge() -> Judge:
    """Return the length of the prompt that Mistral's own code makes of what is sent."""
    tokenizer: Tokenizer = MistralTokenizer.v3()

    def prompt_tokens(request: ModelRequest) -> int:
        encoded = OpenAIChat().encode(request, provider=PROVIDER, model=MODEL)
        body: ChatCompletionRequest[Any] = ChatCompletionRequest.model_validate(
            json.loads(encoded.wire.body)
        )
        return len(tokenizer.encode_chat_completion(body).tokens)

    return prompt_tokens


@pytest.fixture
def without_extra(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Take the extra away."""
    tokens._tokenizer.cache_clear()
    monkeypatch.setitem(sys.modules, "sentencepiece", None)
    yield
    tokens._tokenizer.cache_clear()


def _chance(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - makes test data, keeps no secret


def _text(chance: random.Random) -> str:
    return " ".join(chance.choices(WORDS, k=chance.randint(1, 4)))


def _value(chance: random.Random) -> object:
    return chance.choice([_text(chance), 3, -0.5, 1e21, True, None, [1, "é"], {"k": {"n": []}}])


def _turn(chance: random.Random, number: int) -> list[Message]:
    """Return a user message and its answer, with calls in some."""
    messages: list[Message] = [User(_text(chance))]
    for step in range(chance.choice([0, 0, 1, 2])):
        calls = [
            ToolCall(
                id=chance.choice(["call_{}_{}_{}", "{}x{}y{}"]).format(number, step, index),
                name=chance.choice(["add", "fs.read", "get-weather_2"]),
                arguments=json.dumps({"x": _value(chance), "é": _text(chance)}, indent=index),
            )
            for index in range(chance.randint(1, 3))
        ]
        messages.append(AssistantMessage(tool_calls=calls))
        messages += [
            ToolResult(call.id, chance.choice([json.dumps(_value(chance)), _text(chance), ""]))
            for call in calls
        ]
    messages.append(AssistantMessage(_text(chance)))
    return messages


def _tools(chance: random.Random) -> tuple[ToolSpec, ...]:
    return tuple(
        ToolSpec(
            name=f"tool.{index}" if index % 3 else f"tool_{index}",
            description=chance.choice(["", _text(chance)]),
            input_schema={
                "type": "object",
                "properties": {"x": {"type": "string", "description": _text(chance)}},
                "required": ["x"],
            },
        )
        for index in range(chance.randint(0, 10))
    )


def _conversation(seed: int) -> ModelRequest:
    chance = _chance(seed)
    messages = [
        message for number in range(chance.randint(1, 6)) for message in _turn(chance, number)
    ]
    if chance.random() < 0.8:
        messages = messages[: -chance.randint(1, 2)]
    if chance.random() < 0.2:
        messages.insert(0, SystemMessage(_text(chance)))
    history = History()
    for message in messages:
        history += [message]
    while history.open_calls:
        history += [ToolResult(history.open_calls[0].id, "done")]
    instructions = chance.choice(["", _text(chance)])
    return ModelRequest(history=history, instructions=instructions, tools=_tools(chance))


@pytest.mark.untraced
def test_five_hundred_conversations_count_as_mistral_counts_them(judge: Judge) -> None:
    """Tools, parallel calls, JSON and plain results, accents, emoji, tabs, spaces at the end."""
    counter = build_counter("mistral")
    assert counter.is_exact

    wrong = [
        (seed, counter.count(request), expected)
        for seed in range(500)
        if counter.count(request := _conversation(seed)) != (expected := judge(request))
    ]

    assert wrong == []


def test_a_growing_conversation_is_counted_incrementally(judge: Judge) -> None:
    """Each message is tokenized once, and the sum stays right at every length."""
    history = History()
    counter = build_counter("mistral")
    tools = _tools(_chance(4))
    chance = _chance(7)
    for number in range(12):
        for message in _turn(chance, number):
            history += [message]
            if history.open_calls:
                continue
            request = ModelRequest(history=history, instructions="Be brief.", tools=tools)
            assert counter.count(request) == judge(request)


def test_only_new_texts_are_tokenized(monkeypatch: pytest.MonkeyPatch) -> None:
    """The work per turn does not grow with the conversation."""
    seen: list[str] = []

    def count_text(text: str) -> int:
        seen.append(text)
        return len(text)

    monkeypatch.setattr(tokens, "_tokenizer", lambda: count_text)
    counter = build_counter("mistral")
    history = History([User("one"), AssistantMessage("two"), User("three")])
    counter.count(ModelRequest(history=history, instructions="sys"))
    seen.clear()

    history += [AssistantMessage("four"), User("five")]
    counter.count(ModelRequest(history=history, instructions="sys"))

    assert sorted(seen) == ["five", "four", "sys\n\nfive"]


def test_forks_and_shortened_conversations_are_counted_right(judge: Judge) -> None:
    """A counter serves several conversations, in any order."""
    start = History([User("one"), AssistantMessage("two")])
    left = start + [User("left"), AssistantMessage("yes"), User("on")]
    right = start + [User("right")]
    shorter = History(left[2:])
    counter = build_counter("mistral")

    for history in (left, right, start + [User("x")], shorter, left, right, shorter):
        request = ModelRequest(history=history)
        assert counter.count(request) == judge(request)


@pytest.mark.untraced
def test_many_conversations_at_once_are_counted_right(judge: Judge) -> None:
    """More than are kept, and more texts than are kept."""
    counter = build_counter("mistral")
    requests = [
        ModelRequest(history=History([User(f"{n}"), AssistantMessage("ok"), User(f"n{n}")]))
        for n in range(3000)
    ]
    for request in requests:
        counter.count(request)

    for request in (*requests[:20], *requests[-20:]):
        assert counter.count(request) == judge(request)


def test_tools_count_only_if_they_are_sent(judge: Judge) -> None:
    """With the choice `none` they are not; a changed set of tools is counted anew."""
    history = History([User("hi")])
    counter = build_counter("mistral")
    none = ToolChoice(mode="none")
    two = tuple(ToolSpec(name=name, description="d", input_schema={}) for name in ("a", "b"))

    for offer in (two, two[:1], (), two[1:], two, tuple(reversed(two))):
        for choice in (ToolChoice(), none):
            request = ModelRequest(history=history, tools=offer, tool_choice=choice)
            assert counter.count(request) == judge(request)


def test_a_lone_surrogate_is_counted() -> None:
    """Untrusted text may hold one; no tokenizer reads it."""
    request = ModelRequest(history=History([User("a\ud800b")]))

    assert build_counter("mistral").count(request) == 1 + 2 + 3


def test_a_conversation_that_cannot_be_encoded_cannot_be_counted(judge: Judge) -> None:
    """It is the same error as when it is sent; later counts are right."""
    good = History([User("one"), AssistantMessage("two")])
    picture = User(content=(ImageContent(data="AAAA", mime_type="image/png"),))
    counter = build_counter("mistral")
    counter.count(ModelRequest(history=good))

    with pytest.raises(UnsupportedError, match="image"):
        counter.count(ModelRequest(history=good + [User("look"), picture]))

    request = ModelRequest(history=good + [User("look")])
    assert counter.count(request) == judge(request)


@pytest.mark.parametrize(
    ("rules", "family", "is_exact"),
    [
        ("mistral", "mixtral-8x22b", True),
        ("mistral", "mistralai/Mixtral-8x22B-Instruct-v0.1", True),
        ("mistral", "mixtral-8x7b", False),
        ("plain", "mixtral-8x22b", False),
    ],
)
def test_only_models_with_this_tokenizer_are_counted_exactly(
    rules: str, family: str, *, is_exact: bool
) -> None:
    """Related models have other tokenizers."""
    assert build_counter(rules, family=family).is_exact is is_exact


@pytest.mark.usefixtures("without_extra")
def test_without_the_extra_the_count_is_an_estimate_that_is_not_too_low(judge: Judge) -> None:
    """Nothing fails; the number is marked as an estimate."""
    counter = build_counter("mistral")
    assert not counter.is_exact

    ratios = sorted(
        Decimal(counter.count(request)) / judge(request)
        for request in map(_conversation, range(100))
    )

    assert ratios[0] >= Decimal("1.0")
    assert ratios[50] <= Decimal("1.6")


def _plain(counter: TokenCounter, *messages: Message, **more: Any) -> int:
    return counter.count(ModelRequest(history=History(messages), **more))


def test_other_families_are_estimated_with_all_that_is_sent() -> None:
    """Including text next to calls, system messages, pictures and sounds."""
    counter = build_counter("plain")
    empty = _plain(counter)
    call = ToolCall(id="c1", name="add", arguments='{"a": 1}')
    tool = ToolSpec(name="add", description="Add.", input_schema={"type": "object"})

    def added(*messages: Message, **more: Any) -> int:
        return _plain(counter, *messages, **more) - empty

    both = added(AssistantMessage("I add.", tool_calls=[call]), ToolResult("c1", "3"))
    without_text = added(AssistantMessage(tool_calls=[call]), ToolResult("c1", "3"))
    picture = User(content=(ImageContent(data="AAAA", mime_type="image/png"),))
    sound = User(content=(AudioContent(data="A" * 2000, mime_type="audio/wav"),))
    assert both > without_text > added(AssistantMessage())
    assert added(SystemMessage("Be brief.")) == added(User("Be brief."))
    assert added(instructions="Be brief.") > 0
    assert added(tools=(tool,)) > 10
    assert added(picture) > 1_600
    assert 10 < added(sound) < 100


def test_the_model_file_is_the_one_that_mistral_ships() -> None:
    """Byte for byte."""
    theirs = MistralTokenizer.v3().instruct_tokenizer.tokenizer.file_path

    assert tokens._MODEL_FILE.read_bytes() == theirs.read_bytes()
