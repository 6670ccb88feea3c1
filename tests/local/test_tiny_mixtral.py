"""The generated model has the expected properties."""

from pathlib import Path

import httpx
import pytest

from tests.local.exchange import QUESTION, SCHEMA, function

TOOLS = [function("get_weather", SCHEMA), function("add", {"type": "object", "properties": {}})]
CALL = {
    "id": "aaaaaaaa1",
    "type": "function",
    "function": {"name": "get_weather", "arguments": '{"city": "Łódź"}'},
}
CONVERSATIONS = {
    "question": [QUESTION],
    "with a system text": [{"role": "system", "content": "Be brief."}, QUESTION],
    "call and result": [
        QUESTION,
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "aaaaaaaa1", "content": 'It is "warm".\n'},
    ],
    "two calls, then another question": [
        QUESTION,
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [CALL, {**CALL, "id": "aaaaaaaa2"}],
        },
        {"role": "tool", "tool_call_id": "aaaaaaaa1", "content": "warm"},
        {"role": "tool", "tool_call_id": "aaaaaaaa2", "content": "cold"},
        {"role": "assistant", "content": "It depends."},
        {"role": "user", "content": "On what?"},
    ],
}


def test_it_has_a_few_megabytes_and_is_the_same_each_time(weights: Path, tmp_path: Path) -> None:
    """Nothing in it is random, and it contains no date."""
    from_now = pytest.importorskip("tests.local.tiny_mixtral")
    from_now.write_model(tmp_path / "again.gguf")

    assert (tmp_path / "again.gguf").read_bytes() == weights.read_bytes()
    assert 5e6 < weights.stat().st_size < 8e6


@pytest.mark.parametrize("tools", [TOOLS, None], ids=["with tools", "without tools"])
@pytest.mark.parametrize("messages", CONVERSATIONS.values(), ids=CONVERSATIONS.keys())
def test_the_server_reads_a_conversation_as_the_tokens_that_mistral_common_writes(
    client: httpx.Client, messages: list[dict[str, object]], tools: list[dict[str, object]] | None
) -> None:
    """Template, special tokens and word pieces are those of Mixtral 8x22B Instruct."""
    request = pytest.importorskip("mistral_common.protocol.instruct.request")
    mistral = pytest.importorskip("mistral_common.tokens.tokenizers.mistral")
    chat = request.ChatCompletionRequest.from_openai(messages=messages, tools=tools)
    expected = mistral.MistralTokenizer.v3().encode_chat_completion(chat).tokens

    root = client.base_url.join("/")
    body = {"messages": messages, "tools": tools or []}
    prompt = client.post(root.join("/apply-template"), json=body).json()["prompt"]
    text = {"content": prompt, "add_special": True, "parse_special": True}
    tokens = client.post(root.join("/tokenize"), json=text).json()["tokens"]

    assert tokens == expected
