"""OpenAI's own client judges the fate of each field of a request in the responses format."""

from typing import Any

import pytest

from agentkit.chat import ModelSettings
from agentkit.message import ToolResult
from tests.service.chat_client import PNG
from tests.service.responses_client import WEATHER, complete
from tests.service.rule_model import RuleModel

openai = pytest.importorskip("openai")


SETTINGS: dict[str, tuple[dict[str, Any], ModelSettings]] = {
    "temperature": ({"temperature": 0.5}, ModelSettings(temperature=0.5)),
    "top_p": ({"top_p": 0.25}, ModelSettings(top_p=0.25)),
    "max_output_tokens": ({"max_output_tokens": 9}, ModelSettings(max_tokens=9)),
    "parallel_tool_calls": (
        {"parallel_tool_calls": False, "tools": [WEATHER]},
        ModelSettings(parallel_tool_calls=False),
    ),
}


@pytest.mark.parametrize("name", SETTINGS)
async def test_a_setting_reaches_the_model(client: Any, model: RuleModel, name: str) -> None:
    """As a value of ours."""
    fields, expected = SETTINGS[name]

    await complete(client, input="hi", **fields)

    assert model.requests[-1].settings == expected


@pytest.mark.parametrize(
    ("choice", "offered", "mode"),
    [
        ("auto", True, "auto"),
        ("none", False, "auto"),
        ("required", True, "required"),
        ({"type": "function", "name": "weather"}, True, "required"),
    ],
    ids=["auto", "none", "required", "named"],
)
async def test_the_choice_is_about_the_clients_tools(
    client: Any, model: RuleModel, choice: Any, offered: bool, mode: str
) -> None:
    """With `none` they are not offered; the agent's own tools are."""
    await complete(client, input="hi", tools=[WEATHER], tool_choice=choice)

    names = [tool.name for tool in model.requests[-1].tools]
    assert names == ["add", "pay", "wait", *(["weather"] if offered else [])]
    assert model.requests[-1].tool_choice.mode == mode


HARMLESS: dict[str, Any] = {
    "background": False,
    "background_options": {"completion_window": "soonest"},
    "context_management": [],
    "image": {"context_compression": "auto"},
    "include": ["reasoning.encrypted_content"],
    "prompt_cache_key": "k",
    "prompt_cache_options": {"mode": "implicit"},
    "prompt_cache_retention": "24h",
    "reasoning": {},
    "safety_identifier": "s",
    "service_tier": "auto",
    "stream_options": {"include_obfuscation": False},
    "top_logprobs": 0,
    "truncation": "disabled",
    "user": "u",
}


@pytest.mark.parametrize("field", HARMLESS)
async def test_a_field_that_changes_nothing_is_accepted(client: Any, field: str) -> None:
    """A label, a cache, or a neutral value."""
    found = await complete(client, input="hi", **{field: HARMLESS[field]})

    assert found["text"] == "You said: hi"


def item(kind: str, **fields: Any) -> dict[str, Any]:
    """Return one item of an input."""
    return {"input": [{"role": "user", "content": "x"}, {"type": kind, **fields}]}


REFUSED: dict[str, tuple[dict[str, Any], str | None, str]] = {
    "background": ({"background": True}, "background", "unsupported_value"),
    "conversation": ({"conversation": "conv_1"}, "conversation", "unsupported_value"),
    "include": (
        {"include": ["message.output_text.logprobs"]}, "include", "unsupported_value",
    ),
    "tool calls": ({"max_tool_calls": 3}, "max_tool_calls", "unsupported_value"),
    "prompt": ({"prompt": {"id": "p"}}, "prompt", "unsupported_value"),
    "reasoning": ({"reasoning": {"effort": "high"}}, "reasoning", "unsupported_value"),
    "logprobs": ({"top_logprobs": 2}, "top_logprobs", "unsupported_value"),
    "truncation": ({"truncation": "auto"}, "truncation", "unsupported_value"),
    "unknown field": ({"extra_body": {"seed": 1}}, "seed", "unknown_parameter"),
    "temperature": ({"temperature": 3}, "temperature", "invalid_value"),
    "no input": ({"input": []}, "input", "invalid_value"),
    "a role": ({"input": [{"role": "king", "content": "x"}]}, "input[0].role", "invalid_value"),
    "an item": (item("item_reference", id="msg_1"), "input[1]", "invalid_value"),
    "a file": (
        {"input": [{"role": "user", "content": [{"type": "input_file", "file_id": "f"}]}]},
        "input[0].content[0]",
        "invalid_value",
    ),
    "an image elsewhere": (
        {
            "input": [
                {
                    "role": "user",
                    "content": [{"type": "input_image", "image_url": "http://169.254.169.254/"}],
                }
            ]
        },
        "input[0].content[0].image_url",
        "unsupported_value",
    ),
    "an image without a URL": (
        {"input": [{"role": "user", "content": [{"type": "input_image"}]}]},
        "input[0].content[0]",
        "unsupported_value",
    ),
    "a call without result": (
        item("function_call", call_id="c", name="f", arguments="{}"), "input", "invalid_value",
    ),
    "a result without call": (
        item("function_call_output", call_id="c", output="x"), None, "invalid_conversation",
    ),
    "a tool of OpenAI": ({"tools": [{"type": "web_search"}]}, "tools[0].type", "invalid_value"),
    "a tool of the agent": (
        {"tools": [{"type": "function", "name": "add", "parameters": {}}]},
        "tools[0]",
        "invalid_value",
    ),
    "a tool's name": (
        {"tools": [{"type": "function", "name": "a b"}]}, "tools[0].name", "invalid_value",
    ),
    "two tools": ({"tools": [WEATHER, WEATHER]}, "tools[1].name", "invalid_value"),
    "a choice without tools": ({"tool_choice": "required"}, "tool_choice", "invalid_value"),
    "another choice": (
        {"tools": [WEATHER], "tool_choice": {"type": "function", "name": "f"}},
        "tool_choice",
        "invalid_value",
    ),
    "a format": (
        {"text": {"format": {"type": "json_schema", "name": "x", "schema": {"type": "array"}}}},
        "text.format",
        "invalid_value",
    ),
    "verbosity": ({"text": {"verbosity": "low"}}, "text.verbosity", "invalid_value"),
    "too many messages": (
        {"input": [{"role": "user", "content": "x"}] * 51}, "input", "too_many_messages",
    ),
}  # fmt: skip


@pytest.mark.parametrize("stream", [False, True], ids=["complete", "streamed"])
@pytest.mark.parametrize("name", REFUSED)
async def test_what_cannot_be_done_is_refused_by_name(client: Any, name: str, stream: bool) -> None:
    """Before the first byte, so with a status, also for a stream."""
    fields, param, code = REFUSED[name]
    request = {"model": "helper", "input": "hi", **fields}

    with pytest.raises(openai.BadRequestError) as refused:
        await client.responses.create(**request, stream=stream)

    assert (refused.value.param, refused.value.code) == (param, code)


async def test_an_open_call_of_a_stored_response_needs_its_result(client: Any) -> None:
    """Also if something else is said."""
    first = await client.responses.create(model="helper", input="call weather", tools=[WEATHER])

    others: list[Any] = [[], "never mind"]
    for said in others:
        with pytest.raises(openai.BadRequestError) as refused:
            await complete(client, input=said, previous_response_id=first.id)
        assert "call00000" in refused.value.message


@pytest.mark.parametrize(
    ("kind", "error"),
    [("rate_limit", openai.RateLimitError), ("server", openai.InternalServerError)],
)
async def test_a_failure_of_the_provider_has_its_status(client: Any, kind: str, error: Any) -> None:
    """As in the chat format."""
    with pytest.raises(error):
        await complete(client, input=f"fail {kind}")


async def test_an_unknown_agent_is_not_found(client: Any) -> None:
    """With the code that clients know."""
    with pytest.raises(openai.NotFoundError) as missing:
        await complete(client, model="other", input="hi")

    assert (missing.value.code, missing.value.param) == ("model_not_found", "model")


async def test_a_field_on_the_agents_list_is_dropped(client: Any) -> None:
    """Another agent refuses it."""
    extra = {"min_p": 0.1}

    assert (await complete(client, input="hi", extra_body=extra))["text"] == "You said: hi"
    with pytest.raises(openai.BadRequestError, match="min_p"):
        await complete(client, model="plain", input="hi", extra_body=extra)


def result_of(model: RuleModel) -> ToolResult:
    """Return the result that the model read last."""
    last = model.requests[-1].history[-1]
    assert isinstance(last, ToolResult)
    return last


async def test_an_image_of_a_tools_result_reaches_the_model(client: Any, model: RuleModel) -> None:
    """The client's tool may return one."""
    first = await client.responses.create(model="helper", input="call weather", tools=[WEATHER])
    output = [{"type": "input_image", "image_url": PNG}, {"type": "input_text", "text": "map"}]
    result = {"type": "function_call_output", "call_id": "call00000", "output": output}

    await complete(client, input=[result], previous_response_id=first.id)

    kinds = [type(block).__name__ for block in result_of(model).content]
    assert kinds == ["ImageContent", "TextContent"]
