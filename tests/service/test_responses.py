"""OpenAI's own client, which validates strictly, judges the responses of the service."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from agentkit import Agent
from agentkit.service import build_service
from tests.service.chat_client import PNG, open_client
from tests.service.responses_client import (
    BOTH,
    FORMAT,
    WEATHER,
    assembled,
    complete,
    streamed,
)
from tests.service.rule_model import RuleModel

openai = pytest.importorskip("openai")


ANSWERS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "text": ("hello there", {}, {"text": "You said: hello there", "kinds": ["message"]}),
    "emoji": ("héllo 🙂 \u2028 x", {}, {"text": "You said: héllo 🙂 \u2028 x"}),
    "reasoning": (
        "think", {}, {"text": "Done.", "reasoning": "Hm, hm.", "kinds": ["reasoning", "message"]},
    ),
    "limit": (
        "long", {}, {"text": "It is lon", "status": "incomplete", "limit": "max_output_tokens"},
    ),
    "filter": (
        "filtered", {}, {"text": "I ", "status": "incomplete", "limit": "content_filter"},
    ),
    "own tool": (
        "call add", {}, {"text": "Let me see.\n\nThe result is 3.", "kinds": ["message"]},
    ),
    "denied tool": (
        "call pay",
        {},
        {
            "text": "Let me see.\n\nThe result is The call of 'pay' was refused and was not run. "
            "The reason given: This call needs the approval of a person, and no one can be asked "
            "here..",
        },
    ),
    "client's tool": (
        "call weather",
        {"tools": [WEATHER]},
        {
            "text": "Let me see.",
            "calls": [("call00000", "weather", '{"city": "Oslo"}')],
            "kinds": ["message", "function_call"],
        },
    ),
    "own and client's tool": (
        "call add weather",
        {"tools": [WEATHER]},
        {"calls": [("call00001", "weather", '{"city": "Oslo"}')]},
    ),
    "two calls of the client's tool": (
        "call weather weather",
        {"tools": [WEATHER]},
        {
            "calls": [
                ("call00000", "weather", '{"city": "Oslo"}'),
                ("call00001", "weather", '{"city": "Oslo"}'),
            ],
            "kinds": ["message", "function_call", "function_call"],
        },
    ),
    "structured": ("json", {"text": FORMAT}, {"text": '{"city": "Oslo"}'}),
    "any object": (
        "json", {"text": {"format": {"type": "json_object"}}}, {"text": '{"city": "Oslo"}'},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ANSWERS)
@BOTH
async def test_an_answer_is_right(client: Any, ask: Any, name: str) -> None:
    """Complete and streamed; strict validation accepts it."""
    said, fields, expected = ANSWERS[name]

    found = await ask(client, input=said, **fields)

    assert {key: found[key] for key in expected} == expected
    assert found["ids"]
    assert found["status"] == expected.get("status", "completed")


@pytest.mark.parametrize("name", ANSWERS)
async def test_streamed_and_complete_answers_are_the_same(client: Any, name: str) -> None:
    """Also as the client's own helper assembles them, if they are complete."""
    said, fields, expected = ANSWERS[name]
    request = {"input": said, **fields}

    first = await complete(client, **request)

    assert await streamed(client, **request) == first
    if expected.get("status") is None:
        assert await assembled(client, **request) == first


async def test_usage_has_its_parts(client: Any) -> None:
    """Those of the cache and of reasoning."""
    found = await complete(client, input="call add")

    assert found["usage"] == {
        "input_tokens": 60,
        "input_tokens_details": {"cached_tokens": 20, "cache_write_tokens": 0},
        "output_tokens": 10,
        "output_tokens_details": {"reasoning_tokens": 4},
        "total_tokens": 70,
    }


ECHOED: dict[str, Any] = {
    "instructions": "Speak French.",
    "max_output_tokens": 90,
    "metadata": {"ticket": "7"},
    "parallel_tool_calls": False,
    "temperature": 0.5,
    "top_p": 0.25,
    "tool_choice": "auto",
    "truncation": "disabled",
}


@pytest.mark.parametrize("field", ECHOED)
async def test_the_answer_repeats_a_field(client: Any, field: str) -> None:
    """As the format has it."""
    answer = await client.responses.create(
        model="helper", input="hi", tools=[WEATHER], **{field: ECHOED[field]}
    )

    assert answer.model_dump()[field] == ECHOED[field]
    assert [tool.name for tool in answer.tools] == ["weather"]


async def test_the_clients_tool_goes_on_without_a_stored_response(client: Any) -> None:
    """With all items in the next request, as clients send them back."""
    first = await client.responses.create(
        model="helper", input="call weather weather", tools=[WEATHER], store=False
    )
    results = [
        {"type": "function_call_output", "call_id": f"call0000{at}", "output": f"sun {at}"}
        for at in range(2)
    ]
    items = [{"role": "user", "content": "call weather weather"}, *first.output, *results]

    second = await complete(client, input=items, tools=[WEATHER], store=False)

    assert second["text"] == "The result is sun 1."


async def test_the_clients_tool_goes_on_with_a_stored_response(
    client: Any, model: RuleModel
) -> None:
    """The model sees what the agent's own tool did meanwhile."""
    first = await client.responses.create(model="helper", input="call add weather", tools=[WEATHER])
    result = {"type": "function_call_output", "call_id": "call00001", "output": "sun"}

    second = await client.responses.create(
        model="helper", input=[result], previous_response_id=first.id, tools=[WEATHER]
    )

    assert second.output_text == "The result is sun."
    assert second.previous_response_id == first.id
    texts = [message.text for message in model.requests[-1].history]
    assert texts == ["call add weather", "Let me see.", "3", "sun"]


async def test_a_conversation_goes_on_from_any_response(client: Any, model: RuleModel) -> None:
    """Each request that goes on with the same one sees the messages before it."""
    first = await client.responses.create(model="helper", input="a")
    second = await client.responses.create(model="helper", input="b", previous_response_id=first.id)
    for said in ("c", "d"):
        await client.responses.create(model="helper", input=said, previous_response_id=first.id)
    await client.responses.create(model="helper", input="e", previous_response_id=second.id)

    seen = [[one.text for one in request.history] for request in model.requests[-4:]]
    start = ["a", "You said: a"]
    assert seen == [
        [*start, "b"], [*start, "c"], [*start, "d"], [*start, "b", "You said: b", "e"],
    ]  # fmt: skip


async def test_instructions_hold_for_one_request(client: Any) -> None:
    """They are added to the agent's own, and are not part of the conversation."""
    first = await client.responses.create(
        model="helper", input="system", instructions="Speak French."
    )
    second = await client.responses.create(
        model="helper", input="system", previous_response_id=first.id
    )

    assert json.loads(first.output_text) == ["Be brief.", "Speak French."]
    assert json.loads(second.output_text) == ["Be brief."]


async def test_messages_of_all_roles_reach_the_model(client: Any) -> None:
    """In all forms that the format has for them."""
    items = [
        {"role": "system", "content": "Speak French."},
        {"role": "user", "content": "a"},
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "r"}]},
        {"role": "assistant", "content": "b"},
        {
            "type": "message",
            "id": "msg_1",
            "status": "completed",
            "role": "assistant",
            "content": [
                {"type": "output_text", "text": "c", "annotations": []},
                {"type": "refusal", "refusal": "d"},
            ],
        },
        {"role": "developer", "content": [{"type": "input_text", "text": "Be kind."}]},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "system"}]},
    ]

    found = await complete(client, input=items)

    assert json.loads(found["text"]) == ["Be brief.", "Speak French.", "Be kind."]


async def test_an_image_reaches_the_model(client: Any) -> None:
    """Inside the request, also in the result of a tool; nothing is fetched."""
    parts = [
        {"type": "input_text", "text": "image"},
        {"type": "input_image", "image_url": PNG, "detail": "auto"},
    ]

    found = await complete(client, input=[{"role": "user", "content": parts}])

    assert json.loads(found["text"]) == ["image/png"]


async def test_a_stored_response_is_read_and_deleted(client: Any, url: str) -> None:
    """As it was sent; with the last one goes its conversation."""
    first = await client.responses.create(model="helper", input="stored", metadata={"a": "b"})
    second = await client.responses.create(
        model="helper", input="more", previous_response_id=first.id
    )

    assert (await client.responses.retrieve(first.id)).model_dump() == first.model_dump()
    await client.responses.delete(first.id)
    for gone in (client.responses.retrieve, client.responses.delete):
        with pytest.raises(openai.NotFoundError):
            await gone(first.id)
    with pytest.raises(openai.BadRequestError) as missing:
        await complete(client, input="x", previous_response_id=first.id)
    assert missing.value.param == "previous_response_id"
    assert missing.value.code == "previous_response_not_found"

    assert (await client.responses.retrieve(second.id)).output_text == "You said: more"
    titles = await titles_of(url)
    await client.responses.delete(second.id)
    assert "stored" in titles
    assert "stored" not in await titles_of(url)


async def titles_of(url: str) -> list[str]:
    """Return the titles of the stored conversations."""
    async with httpx.AsyncClient() as http:
        answer = await http.get(f"{url}/sessions", params={"limit": 200})
    return [one["title"] for one in answer.json()["sessions"]]


async def test_stored_responses_are_there_after_a_restart(database_url: str) -> None:
    """On both databases: the next process reads them, goes on with them and deletes them."""
    async with restarted(database_url, RuleModel()) as client:
        first = await client.responses.create(model="helper", input="a")
    model = RuleModel()
    async with restarted(database_url, model) as client:
        found = await client.responses.retrieve(first.id)
        second = await client.responses.create(
            model="helper", input="b", previous_response_id=first.id
        )
        await client.responses.delete(first.id)
        with pytest.raises(openai.NotFoundError):
            await client.responses.retrieve(first.id)

    assert found.model_dump() == first.model_dump()
    assert second.output_text == "You said: b"
    assert [one.text for one in model.requests[-1].history] == ["a", "You said: a", "b"]


@asynccontextmanager
async def restarted(database: str, model: RuleModel) -> AsyncIterator[Any]:
    """Open a service on a database, and return a client of it."""
    service = build_service({"helper": Agent(model)}, database=database)
    transport = httpx.ASGITransport(app=service)
    async with service.open(), open_client("http://localhost", transport=transport) as client:
        yield client


async def test_a_response_that_is_not_to_be_stored_is_not(client: Any) -> None:
    """It cannot be read or gone on with."""
    answer = await client.responses.create(model="helper", input="hi", store=False)

    assert answer.model_dump()["store"] is False
    with pytest.raises(openai.NotFoundError):
        await client.responses.retrieve(answer.id)


async def test_the_items_of_a_request_are_listed(client: Any) -> None:
    """The last one first, in pages, each with an id."""
    first = await client.responses.create(
        model="helper", input="call weather weather", tools=[WEATHER]
    )
    items = [
        {"type": "function_call_output", "call_id": "call00000", "output": "sun"},
        {"type": "function_call_output", "call_id": "call00001", "output": "rain"},
        {"role": "user", "content": "and now?"},
        {"role": "assistant", "content": "Well."},
        {"role": "user", "content": [{"type": "input_text", "text": "so?"}]},
    ]
    second = await client.responses.create(
        model="helper", input=items, previous_response_id=first.id
    )

    listed = [one async for one in client.responses.input_items.list(second.id, limit=2)]
    forward = [one async for one in client.responses.input_items.list(second.id, order="asc")]

    assert [one.type for one in forward] == [
        "function_call_output", "function_call_output", "message", "message", "message",
    ]  # fmt: skip
    assert listed == forward[::-1]
    assert listed[0].content[0].text == "so?"
    assert len({one.id for one in listed}) == 5
    (only,) = [one async for one in client.responses.input_items.list(first.id)]
    assert only.content[0].text == "call weather weather"
    for query in ({"limit": 0}, {"order": "up"}, {"after": "no"}):
        with pytest.raises(openai.BadRequestError):
            await client.responses.input_items.list(second.id, **query)


async def test_a_stored_response_is_not_streamed_again(client: Any) -> None:
    """By name of the parameter."""
    answer = await client.responses.create(model="helper", input="hi")

    with pytest.raises(openai.BadRequestError) as refused:
        await client.responses.retrieve(answer.id, stream=True)

    assert refused.value.param == "stream"


async def test_an_error_after_the_first_piece_is_the_last_event(client: Any) -> None:
    """A response that failed, with the reason."""
    stream = await client.responses.create(model="helper", input="late fail", stream=True)
    events = [event async for event in stream]

    last = events[-1]
    assert last.type == "response.failed"
    assert last.response.status == "failed"
    assert (last.response.error.code, last.response.error.message) == (
        "server_error", "The provider failed.",
    )  # fmt: skip


async def test_structured_output_that_never_fits_is_an_error(client: Any) -> None:
    """Also for a stream, of which nothing was sent."""
    for ask in (complete, streamed):
        with pytest.raises(openai.InternalServerError) as failed:
            await ask(client, input="nojson", text=FORMAT)
        assert failed.value.code == "invalid_output"


async def test_a_key_gives_the_same_answer_again(client: Any, model: RuleModel) -> None:
    """Complete and streamed, without a second run."""
    for at, ask in enumerate((complete, streamed)):
        key = {"extra_headers": {"Idempotency-Key": f"responses{at}"}}
        first = await ask(client, input="think", **key)
        count = len(model.requests)

        assert await ask(client, input="think", **key) == first
        assert len(model.requests) == count
