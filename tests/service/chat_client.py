"""OpenAI's own client, and its answers in plain values.

In:  requests.
Out: answers, complete and streamed, in the same form.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from tests.shared_tls import TLS

openai = pytest.importorskip("openai")

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Return the weather.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "place", "schema": CITY, "strict": True}}
PNG = "data:image/png;base64,iVBORw0KGgo="


@asynccontextmanager
async def open_client(
    url: str, *, transport: httpx.AsyncBaseTransport | None = None
) -> AsyncIterator[Any]:
    """Return a client that neither retries nor forgives."""
    async with openai.AsyncOpenAI(
        base_url=f"{url}/v1",
        api_key="none",
        max_retries=0,
        http_client=httpx.AsyncClient(verify=TLS, transport=transport),
        _strict_response_validation=True,
    ) as client:
        yield client


def said(text: Any) -> list[dict[str, Any]]:
    """Return a conversation of one message."""
    return [{"role": "user", "content": text}]


async def complete(client: Any, **request: Any) -> dict[str, Any]:
    """Return a complete answer in plain values."""
    answer = await client.chat.completions.create(**{"model": "helper", **request})
    (choice,) = answer.choices
    message = choice.message.model_dump()
    return {
        "text": message["content"] or "",
        "reasoning": message.get("reasoning_content", ""),
        "calls": [
            (call["id"], call["function"]["name"], call["function"]["arguments"])
            for call in message["tool_calls"] or ()
        ],
        "reason": choice.finish_reason,
        "tokens": answer.usage.total_tokens,
    }


async def streamed(client: Any, **request: Any) -> dict[str, Any]:
    """Return a streamed answer in the same values."""
    text, reasoning, calls = "", "", list[list[str]]()
    reason, tokens = None, None
    options = {"stream": True, "stream_options": {"include_usage": True}}
    stream = await client.chat.completions.create(**{"model": "helper", **request, **options})
    async for chunk in stream:
        if chunk.usage is not None:
            tokens = chunk.usage.total_tokens
        for choice in chunk.choices:
            delta = choice.delta.model_dump()
            text += delta["content"] or ""
            reasoning += delta.get("reasoning_content", "")
            reason = choice.finish_reason or reason
            for part in delta["tool_calls"] or ():
                if part["id"]:
                    calls.append([part["id"], part["function"]["name"], ""])
                calls[part["index"]][2] += part["function"]["arguments"]
    found = [(call[0], call[1], call[2]) for call in calls]
    return {
        "text": text, "reasoning": reasoning, "calls": found, "reason": reason, "tokens": tokens,
    }  # fmt: skip


BOTH = pytest.mark.parametrize("ask", [complete, streamed])
