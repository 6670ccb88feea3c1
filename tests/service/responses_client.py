"""OpenAI's own client for the responses format, and its answers in plain values.

In:  requests.
Out: answers, complete and streamed, in the same form.
"""

from typing import Any

import pytest

openai = pytest.importorskip("openai")

WEATHER = {
    "type": "function",
    "name": "weather",
    "description": "Return the weather.",
    "strict": False,
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
FORMAT = {"format": {"type": "json_schema", "name": "place", "schema": CITY, "strict": True}}
NEVER_SAME = {"id", "created_at", "output"}


def values(response: Any) -> dict[str, Any]:
    """Return an answer in plain values, without ids."""
    items = [item.model_dump(exclude_none=True) for item in response.output]
    return {
        "status": response.status,
        "text": response.output_text,
        "reasoning": "".join(
            item["content"][0]["text"] for item in items if item["type"] == "reasoning"
        ),
        "calls": [
            (item["call_id"], item["name"], item["arguments"])
            for item in items
            if item["type"] == "function_call"
        ],
        "kinds": [item["type"] for item in items],
        "ids": len({item["id"] for item in items}) == len(items),
        "limit": response.incomplete_details and response.incomplete_details.reason,
        "usage": response.usage.model_dump(exclude_none=True),
        "rest": {
            name: value
            for name, value in response.model_dump().items()
            if name not in NEVER_SAME
        },
    }  # fmt: skip


async def complete(client: Any, **request: Any) -> dict[str, Any]:
    """Return a complete answer."""
    return values(await client.responses.create(**{"model": "helper", **request}))


async def streamed(client: Any, **request: Any) -> dict[str, Any]:
    """Return a streamed answer, after a check that its events are what its end repeats."""
    stream = await client.responses.create(**{"model": "helper", **request}, stream=True)
    events = [event async for event in stream]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert [event.type for event in events[:2]] == ["response.created", "response.in_progress"]
    last = events[-1]
    assert last.type in ("response.completed", "response.incomplete")
    ended = [event.item for event in events if event.type == "response.output_item.done"]
    assert [one.model_dump() for one in ended] == [one.model_dump() for one in last.response.output]
    for kind in ("output_text", "reasoning_text"):
        deltas: dict[str, str] = {}
        for event in events:
            if event.type == f"response.{kind}.delta":
                deltas[event.item_id] = deltas.get(event.item_id, "") + event.delta
        done = {
            event.item_id: event.text for event in events if event.type == f"response.{kind}.done"
        }
        assert deltas == done
    return values(last.response)


async def assembled(client: Any, **request: Any) -> dict[str, Any]:
    """Return a streamed answer as the client's own helper assembles it."""
    async with client.responses.stream(**{"model": "helper", **request}) as stream:
        async for _ in stream:
            pass
        return values(await stream.get_final_response())


BOTH = pytest.mark.parametrize("ask", [complete, streamed])
