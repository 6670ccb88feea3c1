"""Our prompt text is what `mistral-common` makes of the same conversation, token by token."""

import json
import re
from functools import cache
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from mistral_common.protocol.instruct.request import ChatCompletionRequest
from mistral_common.tokens.tokenizers.mistral import MistralTokenizer

from agentkit.chat import ModelRequest, ToolSpec
from agentkit.config.profile import ModelProfile, ProviderProfile
from agentkit.dialect.mistral_prompt import safe_json, safe_text
from agentkit.dialect.openai_chat.dialect import OpenAIChat
from agentkit.history import History
from agentkit.message import (
    AssistantMessage,
    Message,
    SystemMessage,
    ToolCall,
    ToolResult,
    UserMessage,
)
from tests.complete_prompt import compile_history, prompt_parts, prompt_text

PROVIDER = ProviderProfile(name="provider", title="Provider", base_url="http://provider")
MIXTRAL = ModelProfile(family="mixtral-8x22b", id="mixtral", rules="mistral")

# No half characters, and not the sign that the tokenizer writes a space with.
CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="▁\x00")
PLAIN = st.text(CHARACTERS, max_size=12)
PROSE = st.one_of(
    PLAIN, st.sampled_from(["Zoë  x ", " 你好\n\tok", "e\u0301 👍🏽", "1.50", "\r\n", "{"])
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | PLAIN,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(PLAIN, inner, max_size=3),
    max_leaves=6,
)
ARGUMENTS = st.dictionaries(PLAIN, JSON, max_size=3).map(json.dumps) | st.just("") | PROSE
NAMES = st.from_regex(r"[a-zA-Z0-9_.-]{1,12}", fullmatch=True)
RESULTS = PROSE | JSON.map(lambda value: json.dumps(value, ensure_ascii=False))
TOOLS = st.lists(
    st.builds(
        ToolSpec,
        name=NAMES,
        description=PROSE,
        input_schema=st.dictionaries(
            st.sampled_from(["a", "b"]), st.just({"type": "string", "description": "Zoë [x]"})
        ).map(lambda properties: {"type": "object", "properties": properties}),
    ),
    max_size=3,
    unique_by=lambda tool: tool.name,
).map(tuple)
# Brackets everywhere, so that markers are made, broken and overlapped.
MARKERS = st.sampled_from(
    ["[INST]", "[/INST]", "[TOOL_CALLS]", "[control_7]", "<s>", "</s>", "<unk>", "[IMG]", "[", "<"]
)
BRACKETED = re.compile(r"\[[^\[\]<>]*\]|<[^\[\]<>]*>")
FORGED = st.lists(MARKERS | st.sampled_from(["INST]", "s>", "/", " ", '"', "\\", "x"])).map("".join)


@st.composite
def histories(draw: st.DrawFn, texts: st.SearchStrategy[str] = PROSE) -> History:
    """Build a conversation: any order of roles, every call answered."""
    messages: list[Message] = []
    for turn in range(draw(st.integers(0, 6))):
        match draw(st.sampled_from(["system", "user", "assistant", "calls"])):
            case "system":
                messages.append(SystemMessage(draw(texts)))
            case "user":
                messages.append(UserMessage(draw(texts)))
            case "assistant":
                messages.append(AssistantMessage(draw(texts)))
            case _:
                calls = [
                    ToolCall(
                        id=f"call_{turn}_{i}", name=draw(NAMES), arguments=draw(ARGUMENTS | texts)
                    )
                    for i in range(draw(st.integers(1, 3)))
                ]
                messages.append(AssistantMessage(draw(texts), tool_calls=calls))
                messages += [ToolResult(call.id, draw(RESULTS | texts)) for call in calls]
    return History(messages)


@cache
def tokenizer() -> MistralTokenizer[Any, Any, Any, Any, Any]:
    """Load the tokenizer once."""
    return MistralTokenizer.v3()


def pieces() -> Any:  # sentencepiece has no types
    """Return the vocabulary under the tokenizer."""
    instruct: Any = tokenizer().instruct_tokenizer
    return instruct.tokenizer._model


@cache
def control_pieces() -> frozenset[str]:
    """Return all that is a token by itself and stands for no text."""
    model = pieces()
    tokens = range(model.vocab_size())
    return frozenset(
        model.id_to_piece(i) for i in tokens if model.is_control(i) or model.is_unknown(i)
    )


def text_of(tokens: list[int]) -> str:
    """Write tokens as text: a piece's space sign is a space, a byte piece is its byte."""
    model = pieces()
    return b"".join(
        bytes([int(model.id_to_piece(token)[3:5], 16)])
        if model.is_byte(token)
        else model.id_to_piece(token).replace("▁", " ").encode()
        for token in tokens
    ).decode()


def theirs(request: ModelRequest) -> list[int]:
    """Return the tokens that a Mistral provider makes of what the OpenAI format sends it."""
    body = json.loads(OpenAIChat().encode(request, provider=PROVIDER, model=MIXTRAL).wire.body)
    chat = ChatCompletionRequest.from_openai(body["messages"], tools=body.get("tools"))
    return list(tokenizer().encode_chat_completion(chat).tokens)


def has_marker(text: str) -> bool:
    """Return whether some text of ours had to be changed."""
    return safe_text(text) != text


@settings(max_examples=100, deadline=None)
@given(history=histories(), tools=TOOLS, instructions=PROSE)
def test_the_prompt_is_what_the_tokenizer_makes_of_the_conversation(
    history: History, tools: tuple[ToolSpec, ...], instructions: str
) -> None:
    """A provider that takes messages and one that takes raw text show the model the same."""
    request = ModelRequest(history=history, tools=tools, instructions=instructions)

    ours = prompt_text(compile_history(request), tools)

    assert ours == text_of(theirs(request))


@settings(max_examples=60, deadline=None)
@given(history=histories(), tools=TOOLS)
def test_the_parts_are_the_tokens(history: History, tools: tuple[ToolSpec, ...]) -> None:
    """A marker is one token, and each text is tokenized by itself: so tokens can be counted."""
    request = ModelRequest(history=history, tools=tools)
    model = pieces()

    tokens: list[int] = []
    for part in prompt_parts(compile_history(request), tools):
        if part.kind == "marker":
            tokens.append(model.piece_to_id(part.text))
        else:
            tokens += model.encode(part.text)

    assert tokens == theirs(request)


@settings(max_examples=100, deadline=None)
@given(history=histories(FORGED), tools=TOOLS, instructions=FORGED)
def test_no_text_forges_a_marker(
    history: History, tools: tuple[ToolSpec, ...], instructions: str
) -> None:
    """The markers of the prompt are those of its parts, whatever users and tools write."""
    request = ModelRequest(history=history, tools=tools, instructions=instructions)
    messages = compile_history(request)

    text = prompt_text(messages, tools)

    found = [piece for piece in BRACKETED.findall(text) if piece in control_pieces()]
    assert found == [p.text for p in prompt_parts(messages, tools) if p.kind == "marker"]


@given(value=st.recursive(FORGED, lambda v: st.lists(v) | st.dictionaries(FORGED, v)))
def test_json_keeps_its_value_without_markers(value: object) -> None:
    """In JSON the marker is escaped, so nothing of it is lost."""
    text = safe_json(json.dumps(value, ensure_ascii=False))

    assert json.loads(text) == value
    assert not has_marker(text)


@given(text=FORGED)
def test_plain_text_is_only_given_spaces(text: str) -> None:
    """What is changed in plain text is spaces, and a second pass changes nothing."""
    safe = safe_text(text)

    assert safe.replace(" ", "") == text.replace(" ", "")
    assert safe_text(safe) == safe


def test_every_control_piece_of_the_vocabulary_is_broken() -> None:
    """No marker of the tokenizer is unknown here."""
    assert len(control_pieces()) > 700
    assert [piece for piece in control_pieces() if not has_marker(piece)] == []
    assert all(BRACKETED.fullmatch(piece) for piece in control_pieces())
