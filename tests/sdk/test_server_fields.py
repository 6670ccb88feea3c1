"""The server side of each format knows every parameter that the vendor's own client can send."""

import pytest

from agentkit.dialect.anthropic_messages.server_body import CountBody, MessagesBody
from agentkit.dialect.openai_chat.server_body import ChatBody


def test_every_parameter_of_the_openai_client_is_known() -> None:
    """Whether it is carried, harmless or refused is decided field by field."""
    params = pytest.importorskip("openai.types.chat.completion_create_params")
    assert set(params.CompletionCreateParamsBase.__annotations__) <= set(ChatBody.model_fields)


def test_every_parameter_of_the_anthropic_client_is_known() -> None:
    """Of both requests: for an answer, and for a count of tokens."""
    params = pytest.importorskip("anthropic.types.message_create_params")
    counts = pytest.importorskip("anthropic.types.message_count_tokens_params")

    assert set(params.MessageCreateParamsBase.__annotations__) <= set(MessagesBody.model_fields)
    assert set(counts.MessageCountTokensParams.__annotations__) <= set(CountBody.model_fields)
