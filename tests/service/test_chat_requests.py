"""OpenAI's own client judges the fate of each field of a request, and the failures of providers."""

from typing import Any

import pytest

from agentkit.chat import ModelSettings
from tests.service.chat_client import WEATHER, complete, said
from tests.service.rule_model import RuleModel

openai = pytest.importorskip("openai")


SETTINGS: dict[str, tuple[dict[str, Any], ModelSettings]] = {
    "temperature": ({"temperature": 0.5}, ModelSettings(temperature=0.5)),
    "top_p": ({"top_p": 0.25}, ModelSettings(top_p=0.25)),
    "seed": ({"seed": 7}, ModelSettings(seed=7)),
    "stop": ({"stop": "END"}, ModelSettings(stop=("END",))),
    "stops": ({"stop": ["A", "B"]}, ModelSettings(stop=("A", "B"))),
    "max_tokens": ({"max_tokens": 9}, ModelSettings(max_tokens=9)),
    "max_completion_tokens": ({"max_completion_tokens": 8}, ModelSettings(max_tokens=8)),
    "parallel_tool_calls": (
        {"parallel_tool_calls": False, "tools": [WEATHER]},
        ModelSettings(parallel_tool_calls=False),
    ),
}


@pytest.mark.parametrize("name", SETTINGS)
async def test_a_setting_reaches_the_model(client: Any, model: RuleModel, name: str) -> None:
    """As a value of ours."""
    fields, expected = SETTINGS[name]

    await complete(client, messages=said("hi"), **fields)

    assert model.requests[-1].settings == expected


HARMLESS: dict[str, Any] = {
    "metadata": {"a": "b"},
    "prediction": {"type": "content", "content": "x"},
    "prompt_cache_key": "k",
    "prompt_cache_retention": "24h",
    "safety_identifier": "s",
    "service_tier": "auto",
    "store": False,
    "user": "u",
    "n": 1,
    "logprobs": False,
    "frequency_penalty": 0,
    "presence_penalty": 0,
    "logit_bias": {},
    "modalities": ["text"],
    "verbosity": "medium",
}


@pytest.mark.parametrize("field", HARMLESS)
async def test_a_field_that_changes_nothing_is_accepted(client: Any, field: str) -> None:
    """A label, a cache, or a neutral value."""
    found = await complete(client, messages=said("hi"), **{field: HARMLESS[field]})

    assert found["text"] == "You said: hi"


REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "n": ({"n": 2}, "n", "unsupported_value"),
    "logprobs": ({"logprobs": True}, "logprobs", "unsupported_value"),
    "audio": ({"audio": {"voice": "ash", "format": "wav"}}, "audio", "unsupported_value"),
    "modalities": ({"modalities": ["text", "audio"]}, "modalities", "unsupported_value"),
    "penalty": ({"frequency_penalty": 0.5}, "frequency_penalty", "unsupported_value"),
    "web search": ({"web_search_options": {}}, "web_search_options", "unsupported_value"),
    "reasoning effort": ({"reasoning_effort": "high"}, "reasoning_effort", "unsupported_value"),
    "unknown field": ({"extra_body": {"top_a": 1}}, "top_a", "unknown_parameter"),
    "temperature": ({"temperature": 3}, "temperature", "invalid_value"),
    "no message": ({"messages": []}, "messages", "invalid_value"),
    "a role": ({"messages": [{"role": "king", "content": "x"}]}, "messages[0]", "invalid_value"),
    "an image elsewhere": (
        {
            "messages": said(
                [{"type": "image_url", "image_url": {"url": "http://169.254.169.254/"}}]
            )
        },
        "messages[0].content[0].image_url.url",
        "unsupported_value",
    ),
    "a call without result": (
        {
            "messages": [
                *said("x"),
                {
                    "role": "assistant",
                    "tool_calls": [
                        {
                            "id": "c",
                            "type": "function",
                            "function": {"name": "f", "arguments": "{}"},
                        }
                    ],
                },
            ]
        },
        "messages",
        "invalid_value",
    ),
    "a tool of the agent": (
        {"tools": [{"type": "function", "function": {"name": "add", "parameters": {}}}]},
        "tools[0]",
        "invalid_value",
    ),
    "a schema": (
        {
            "tools": [
                {"type": "function", "function": {"name": "f", "parameters": {"type": "what"}}}
            ]
        },
        "tools[0]",
        "invalid_value",
    ),
    "a format": (
        {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "x", "schema": {"type": "array"}},
            }
        },
        "response_format",
        "invalid_value",
    ),
    "too many messages": ({"messages": said("x") * 51}, "messages", "too_many_messages"),
}


@pytest.mark.parametrize("stream", [False, True], ids=["complete", "streamed"])
@pytest.mark.parametrize("name", REFUSED)
async def test_what_cannot_be_done_is_refused_by_name(client: Any, name: str, stream: bool) -> None:
    """Before the first byte, so with a status, also for a stream."""
    fields, param, code = REFUSED[name]
    request = {"model": "helper", "messages": said("hi"), **fields}

    with pytest.raises(openai.BadRequestError) as refused:
        await client.chat.completions.create(**request, stream=stream)

    assert (refused.value.param, refused.value.code) == (param, code)


async def test_a_field_on_the_agents_list_is_dropped(client: Any) -> None:
    """Open WebUI sends it; another agent refuses it."""
    extra = {"min_p": 0.1}

    found = await complete(client, messages=said("hi"), extra_body=extra)

    assert found["text"] == "You said: hi"
    with pytest.raises(openai.BadRequestError, match="min_p"):
        await complete(client, model="plain", messages=said("hi"), extra_body=extra)
