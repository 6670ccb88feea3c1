"""Token counts equal the length of the prompt that Mistral's own code makes."""

import json
from typing import Any, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mistral_common.protocol.instruct.request import ChatCompletionRequest
from mistral_common.tokens.tokenizers.mistral import MistralTokenizer

from agentkit.chat import ModelRequest
from agentkit.config.profile import ModelProfile, ProviderProfile
from agentkit.dialect.openai_chat.dialect import OpenAIChat
from agentkit.history import History
from agentkit.model.tokens import build_counter
from tests.property.strategies import histories, texts

Tokenizer: TypeAlias = MistralTokenizer[Any, Any, Any, Any, Any]
PROVIDER = ProviderProfile(name="mistral", title="Mistral")
MODEL = ModelProfile(family="mixtral-8x22b", id="open-mixtral-8x22b", rules="mistral")


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    """Load the tokenizer of Mixtral 8x22B."""
    return MistralTokenizer.v3()


def prompt_tokens(tokenizer: Tokenizer, request: ModelRequest) -> int:
    """Return the number of tokens by Mistral's own code."""
    encoded = OpenAIChat().encode(request, provider=PROVIDER, model=MODEL)
    body: ChatCompletionRequest[Any] = ChatCompletionRequest.model_validate(
        json.loads(encoded.wire.body)
    )
    return len(tokenizer.encode_chat_completion(body).tokens)


@given(history=histories(), instructions=texts)
@settings(max_examples=100, deadline=None)
def test_any_conversation_is_counted_like_mistral_counts_it(
    tokenizer: Tokenizer, history: History, instructions: str
) -> None:
    """With odd ids, empty messages, invalid arguments and markers in the text."""
    request = ModelRequest(history=history, instructions=instructions)

    assert build_counter("mistral").count(request) == prompt_tokens(tokenizer, request)


@given(history=histories(), order=st.randoms(use_true_random=False))
@settings(max_examples=50, deadline=None)
def test_counting_parts_of_a_conversation_in_any_order_gives_the_same_counts(
    history: History, order: Any
) -> None:
    """Cached counts do not affect other counts."""
    beginnings = [History(history[:length]) for length in range(len(history) + 1)]
    requests = [ModelRequest(history=part) for part in beginnings if not part.open_calls]
    fresh = [build_counter("mistral").count(request) for request in requests]
    counter = build_counter("mistral")
    places = list(range(len(requests))) * 2
    order.shuffle(places)

    counted = [(place, counter.count(requests[place])) for place in places]

    assert counted == [(place, fresh[place]) for place in places]
