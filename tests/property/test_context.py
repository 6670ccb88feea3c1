"""Any conversation is trimmed to the window and accepted by Mistral's own code."""

import json
import random
from collections.abc import Sequence
from functools import partial
from typing import Any, TypeAlias

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mistral_common.protocol.instruct.request import ChatCompletionRequest
from mistral_common.protocol.instruct.validator import ValidationMode, get_validator
from mistral_common.tokens.tokenizers.base import TokenizerVersion
from mistral_common.tokens.tokenizers.mistral import MistralTokenizer

from agentkit.chat import ModelRequest, ToolSpec
from agentkit.config.profile import ModelProfile, ProviderProfile
from agentkit.context.trim import FitStrategy, Fitted, fit
from agentkit.context.window import ContextSettings, Window
from agentkit.dialect.openai_chat.dialect import OpenAIChat
from agentkit.errors import UnsupportedError
from agentkit.event import ContextTrimmed, RunEvent
from agentkit.history import History
from agentkit.json_schema import JsonObject
from agentkit.message import (
    AssistantMessage,
    Message,
    SystemMessage,
    ToolCall,
    ToolResult,
    UserMessage,
)
from agentkit.model.token_estimate import max_message_tokens, max_text_tokens
from agentkit.model.tokens import build_counter
from agentkit.testing.scripted import ScriptedModel
from tests.property.strategies import histories, texts

Tokenizer: TypeAlias = MistralTokenizer[Any, Any, Any, Any, Any]
PROVIDER = ProviderProfile(name="mistral", title="Mistral")
MODEL = ModelProfile(family="mixtral-8x22b", id="open-mixtral-8x22b", rules="mistral")
SCHEMA: JsonObject = {"type": "object", "properties": {"path": {"type": "string"}}}
TOOLS = (ToolSpec(name="fs.read", description="Reads a file.", input_schema=SCHEMA),)
INSTRUCTIONS = "Answer from the files only."
WORDS = (
    "the", "weather", "Übergröße", "今天", "🎉", "12,345.678", "{'a': 1}", "[INST]", "def f(x):",
    "\n\n", "привет", "\"quoted\"", "file.txt", "and", "is", "error:", "https://a.example/b?c=d",
)  # fmt: skip
RESULT_WORDS = (0, 5, 60, 600, 3000)

strategies = st.builds(
    FitStrategy,
    fill=st.sampled_from([0.3, 0.6, 1.0]),
    result_characters=st.sampled_from([100, 600]),
    shorten_results=st.booleans(),
)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    """Load the tokenizer of Mixtral 8x22B with the checks of a server."""
    loaded = MistralTokenizer.v3()
    loaded._chat_completion_request_validator = get_validator(
        TokenizerVersion.v3, ValidationMode.serving
    )
    return loaded


def long_talk(chance: random.Random, *, words: int, most: int) -> History:
    """Return a conversation of at least `words` words, with at most `most` in a message."""
    messages: list[Message] = []
    said = 0
    while said < words:
        messages.append(UserMessage(_text(chance, chance.choice([3, 30]))))
        if chance.random() < 0.1:
            messages.append(SystemMessage("Be brief."))
        for _ in range(chance.choice([0, 1, 3, 8])):
            calls = [
                ToolCall(id=f"c{len(messages)}_{at}", name="fs.read", arguments='{"path": "a"}')
                for at in range(chance.choice([1, 1, 2, 3]))
            ]
            messages.append(AssistantMessage(tool_calls=calls))
            for call in chance.sample(calls, len(calls)):
                size = min(chance.choice(RESULT_WORDS), most)
                messages.append(ToolResult(call.id, _text(chance, size)))
                said += size
        if chance.random() < 0.8:
            messages.append(AssistantMessage(_text(chance, 40)))
        said += 60
    messages.append(UserMessage("And now?"))
    messages += _last_turn(chance, most=most)
    return History(messages)


def _last_turn(chance: random.Random, *, most: int) -> Sequence[Message]:
    """Return nothing, or a turn whose results may be as long as the other messages together."""
    if chance.random() < 0.5:
        return ()
    calls = [ToolCall(id=f"last{at}", name="fs.read") for at in range(2)]
    results = [ToolResult(call.id, _text(chance, most)) for call in calls]
    return (AssistantMessage(tool_calls=calls), *results)


def _text(chance: random.Random, words: int) -> str:
    return " ".join(chance.choices(WORDS, k=words))


def prompt_tokens(tokenizer: Tokenizer, request: ModelRequest) -> int:
    """Return the prompt's tokens, checked and counted by Mistral's own code."""
    encoded = OpenAIChat().encode(request, provider=PROVIDER, model=MODEL)
    body: ChatCompletionRequest[Any] = ChatCompletionRequest.model_validate(
        json.loads(encoded.wire.body)
    )
    return len(tokenizer.encode_chat_completion(body).tokens)


def check_kept(fitted: Fitted, history: History) -> None:
    """Check that only allowed parts were removed, and that the order is unchanged."""
    sent = fitted.request.history
    assert not sent.open_calls
    asked = {
        call.id for each in sent if isinstance(each, AssistantMessage) for call in each.tool_calls
    }
    assert asked == {each.call_id for each in sent if isinstance(each, ToolResult)}
    dropped = {id(message) for message in fitted.dropped}
    stayed = [message for message in history if id(message) not in dropped]
    assert len(stayed) == len(sent)
    changed = [(old, new) for old, new in zip(stayed, sent, strict=True) if old is not new]
    assert len(changed) == fitted.shortened_results
    for old, new in changed:
        assert isinstance(old, ToolResult)
        assert isinstance(new, ToolResult)
        assert (old.call_id, old.is_error) == (new.call_id, new.is_error)
        assert len(new.text) < len(old.text)
    users = [message for message in history if isinstance(message, UserMessage)]
    assert not any(isinstance(message, SystemMessage) for message in fitted.dropped)
    assert all(message is not users[-1] for message in fitted.dropped)


@pytest.mark.parametrize(
    ("window", "examples"), [(2_000, 60), (8_000, 25), (64_000, 6)], ids=["2k", "8k", "64k"]
)
def test_a_long_conversation_fits_any_window(
    tokenizer: Tokenizer, window: int, examples: int
) -> None:
    """As counted by Mistral's own code, which also accepts the prompt."""

    @given(seed=st.integers(0, 2**32), strategy=strategies, times=st.sampled_from([0.5, 1, 3]))
    @settings(max_examples=examples, deadline=None)
    def check(seed: int, strategy: FitStrategy, times: float) -> None:
        chance = random.Random(seed)  # noqa: S311 - makes test data, keeps no secret
        most = 10**6 if strategy.shorten_results else window // 16
        history = long_talk(chance, words=int(window * times / 3), most=min(most, window))
        request = ModelRequest(history=history, instructions=INSTRUCTIONS, tools=TOOLS)
        room = window - window // 4

        fitted = fit(
            request,
            counter=build_counter("mistral"),
            window_tokens=window,
            answer_tokens=window // 4,
            strategy=strategy,
        )

        assert fitted.tokens == prompt_tokens(tokenizer, fitted.request) <= room
        assert fitted.is_cut == (fitted.tokens_before > room)
        assert fitted.request.instructions == INSTRUCTIONS
        check_kept(fitted, history)

    check()


@given(history=histories(max_messages=20), instructions=texts, room=st.integers(1, 400))
@settings(max_examples=80, deadline=None)
def test_any_conversation_fits_unless_its_fixed_part_does_not(
    tokenizer: Tokenizer, history: History, instructions: str, room: int
) -> None:
    """Odd ids, empty messages, invalid arguments, roles in any order."""
    request = ModelRequest(history=history, instructions=instructions)
    try:
        fitted = fit(
            request,
            counter=build_counter("mistral"),
            window_tokens=room + 9,
            answer_tokens=9,
            strategy=FitStrategy(),
        )
    except UnsupportedError:
        least = ModelRequest(history=History(_fixed_part(history)), instructions=instructions)
        assert prompt_tokens(tokenizer, least) > room
    else:
        assert fitted.tokens == prompt_tokens(tokenizer, fitted.request) <= room


def _fixed_part(history: History) -> list[Message]:
    """Return the part that stays: system messages, the last user message, the turn after it."""
    users = [at for at, each in enumerate(history) if isinstance(each, UserMessage)]
    last = users[-1] if users else -1
    turns = [at for at, each in enumerate(history) if isinstance(each, AssistantMessage)]
    start = turns[-1] if turns and turns[-1] > last else len(history)
    return [
        message
        for at, message in enumerate(history)
        if isinstance(message, SystemMessage) or at == last or at >= start
    ]


@given(seed=st.integers(0, 2**32), window=st.sampled_from([1500, 4000]))
@settings(max_examples=15, deadline=None)
def test_a_growing_conversation_always_fits_and_is_rarely_trimmed(
    tokenizer: Tokenizer, seed: int, window: int
) -> None:
    """Each request begins with the messages of the previous one, but for a few trims."""
    chance = random.Random(seed)  # noqa: S311 - makes test data, keeps no secret
    conversation = long_talk(chance, words=window * 2, most=60)
    events: list[RunEvent] = []

    async def keep(event: RunEvent) -> None:
        events.append(event)

    async def grow() -> None:
        fitter = Window(MODEL, ContextSettings(window_tokens=window))
        model = ScriptedModel()
        history, before = History(), History()
        for message in conversation:
            history += [message]
            if history.open_calls:
                continue
            cuts = len(events)
            request = ModelRequest(history=history, instructions=INSTRUCTIONS)
            sent = await fitter.fit(request, ask=partial(model.chat, emit=keep), emit=keep)
            if len(events) == cuts:
                assert all(old is new for old, new in zip(before, sent.history, strict=False))
            before = sent.history
        assert prompt_tokens(tokenizer, sent) <= window - window // 4

    anyio.run(grow)
    tokens = build_counter("mistral").count(ModelRequest(history=conversation))
    assert len(events) <= tokens / (window * 0.75 * 0.2) + 1
    assert all(
        isinstance(event, ContextTrimmed) and event.tokens_after <= window * 0.75
        for event in events
    )


@given(history=histories(), instructions=texts, rules=st.sampled_from(["mistral", "plain"]))
@settings(max_examples=100, deadline=None)
def test_no_count_exceeds_the_upper_bound(history: History, instructions: str, rules: str) -> None:
    """So a conversation below the bound need not be counted."""
    request = ModelRequest(history=history, instructions=instructions)

    most = max_message_tokens(history) + max_text_tokens(instructions)

    assert build_counter(rules).count(request) <= most
