"""The server side of each format knows every parameter of the vendor's own client."""

import pytest

from agentkit.dialect.anthropic_messages.server_body import CountBody, MessagesBody
from agentkit.dialect.openai_chat.server_body import ChatBody


def test_every_parameter_of_the_openai_client_is_known() -> None:
    """Each one is carried, ignored or rejected."""
    params = pytest.importorskip("openai.types.chat.completion_create_params")
    assert set(params.CompletionCreateParamsBase.__annotations__) <= set(ChatBody.model_fields)


def test_every_parameter_of_the_anthropic_client_is_known() -> None:
    """Of messages and of token counts."""
    params = pytest.importorskip("anthropic.types.message_create_params")
    counts = pytest.importorskip("anthropic.types.message_count_tokens_params")

    assert set(params.MessageCreateParamsBase.__annotations__) <= set(MessagesBody.model_fields)
    assert set(counts.MessageCountTokensParams.__annotations__) <= set(CountBody.model_fields)
