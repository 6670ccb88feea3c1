"""Whatever history goes in, the conversation that comes out is accepted by Mistral's own checks."""

import json
import re
from typing import Any, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mistral_common.protocol.instruct.request import ChatCompletionRequest
from mistral_common.protocol.instruct.validator import ValidationMode, get_validator
from mistral_common.tokens.tokenizers.base import TokenizerVersion
from mistral_common.tokens.tokenizers.mistral import MistralTokenizer

from agentkit.chat import ModelRequest, ToolChoice, ToolSpec
from agentkit.config.profile import ModelProfile, ProviderProfile
from agentkit.dialect.mistral_rules import GO_ON, UNDERSTOOD
from agentkit.dialect.openai_chat.dialect import OpenAIChat
from agentkit.dialect.tool_names import wire_name
from agentkit.history import History
from agentkit.json_schema import JsonObject
from agentkit.message import AssistantMessage, ToolResult, UserMessage
from tests.complete_prompt import compile_history
from tests.property.strategies import histories, texts, tool_names

PROVIDER = ProviderProfile(name="mistral", title="Mistral")
MODEL = ModelProfile(family="mixtral-8x22b", id="open-mixtral-8x22b", rules="mistral")
SCHEMA: JsonObject = {"type": "object", "properties": {"x": {"type": "integer"}}}
Tokenizer: TypeAlias = MistralTokenizer[Any, Any, Any, Any, Any]
MAX_EXAMPLES = settings(max_examples=100, deadline=None)

tools = st.lists(tool_names, max_size=3, unique_by=wire_name).map(
    lambda names: tuple(ToolSpec(name=n, description="", input_schema=SCHEMA) for n in names)
)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    """Load the tokenizer of Mixtral 8x22B, checking as a server would."""
    loaded = MistralTokenizer.v3()
    loaded._chat_completion_request_validator = get_validator(
        TokenizerVersion.v3, ValidationMode.serving
    )
    return loaded


def sent(request: ModelRequest, dialect: OpenAIChat | None = None) -> dict[str, Any]:
    """Return the body that goes out."""
    encoded = (dialect or OpenAIChat()).encode(request, provider=PROVIDER, model=MODEL)
    body: dict[str, Any] = json.loads(encoded.wire.body)
    return body


@given(history=histories(), instructions=texts, tools=tools)
@MAX_EXAMPLES
def test_mistrals_own_checks_accept_every_conversation(
    tokenizer: Tokenizer, history: History, instructions: str, tools: tuple[ToolSpec, ...]
) -> None:
    """The validator forbids unknown fields; the tokenizer parses roles, calls and results."""
    body = sent(ModelRequest(history=history, instructions=instructions, tools=tools))

    request: ChatCompletionRequest[Any] = ChatCompletionRequest.model_validate(body)

    assert tokenizer.encode_chat_completion(request).tokens


@given(history=histories(), instructions=texts)
@MAX_EXAMPLES
def test_user_and_assistant_alternate_as_chat_templates_demand(
    history: History, instructions: str
) -> None:
    """The templates count user messages and assistant messages without calls."""
    messages = sent(ModelRequest(history=history, instructions=instructions))["messages"]

    spoken = [m["role"] for m in messages if m["role"] != "tool" and "tool_calls" not in m]

    if spoken[0] == "system":
        spoken.pop(0)
    assert spoken == [("user", "assistant")[i % 2] for i in range(len(spoken))]
    assert messages[-1]["role"] in ("user", "tool")


@given(history=histories())
@MAX_EXAMPLES
def test_every_id_fits_is_unique_and_is_answered_once(history: History) -> None:
    """Nine letters or digits, the same on call and result."""
    compiled = compile_history(ModelRequest(history=history))

    asked = [c.id for m in compiled if isinstance(m, AssistantMessage) for c in m.tool_calls]
    answered = [message.call_id for message in compiled if isinstance(message, ToolResult)]

    assert all(re.fullmatch(r"[a-zA-Z0-9]{9}", call_id) for call_id in asked)
    assert len(set(asked)) == len(asked)
    assert sorted(asked) == sorted(answered)


@given(history=histories())
@MAX_EXAMPLES
def test_nothing_the_user_or_a_tool_said_is_lost(history: History) -> None:
    """Only text next to calls, empty messages and reasoning are omitted."""
    compiled = compile_history(ModelRequest(history=history))

    said = "\n".join(m.text for m in compiled if isinstance(m, UserMessage | ToolResult))

    for message in history:
        if isinstance(message, UserMessage) and message.text.strip():
            assert all(block.text in said for block in message.content if block.type == "text")


@given(history=histories())
@MAX_EXAMPLES
def test_what_was_sent_once_is_sent_the_same_again(history: History) -> None:
    """A kept conversation gives the same bytes as one encoded anew, at every length."""
    keeping = OpenAIChat()
    grown = History()
    for message in history:
        grown += [message]
        if grown.open_calls:
            continue
        request = ModelRequest(history=grown)

        assert sent(request, keeping) == sent(request)


def test_the_fillers_are_what_the_guide_says() -> None:
    """They are part of what a user sees in a recording, so they do not change by accident."""
    assert (GO_ON, UNDERSTOOD) == ("Go on.", "OK.")


def test_a_forbidden_choice_sends_no_tools() -> None:
    """Some servers write the tools into the prompt whatever the choice says."""
    offered = (ToolSpec(name="add", description="", input_schema=SCHEMA),)

    body = sent(ModelRequest(history=History(), tools=offered, tool_choice=ToolChoice(mode="none")))

    assert body.keys() == {"model", "messages"}
