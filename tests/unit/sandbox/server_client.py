"""A client for the tests of each provider's sandbox."""

import json
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx

from agentkit.config.load import default_family, load_catalog, resolve_model
from agentkit.json_schema import JsonValue
from agentkit.sandbox import Sandbox, sandbox
from agentkit.sandbox.wire.providers import PROVIDERS
from agentkit.testing import ManualClock

WEATHER: JsonValue = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Return the weather forecast for a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "description": "the name of the city"}},
            "required": ["city"],
        },
    },
}
USER: JsonValue = {"role": "user", "content": "What is the weather in Oslo and Bergen?"}
CHATS = [name for name, form in PROVIDERS.items() if "chat" in form.endpoints.values()]


# Loading those of the system takes longer than most tests here, and nothing here speaks TLS.
_NO_AUTHORITIES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class Provider:
    """A client of one provider's sandbox, with its key and its model."""

    def __init__(self, running: Sandbox, client: httpx.AsyncClient, *, model: str) -> None:
        self.running = running
        self.client = client
        self.model = model
        self.key = {"authorization": f"Bearer {running.api_key}"}

    async def chat(self, *messages: JsonValue, **more: JsonValue) -> httpx.Response:
        """Send a chat request."""
        body = {"model": self.model, "messages": [*(messages or (USER,))], **more}
        if self.running.model.startswith("modelslab-body"):
            body["key"] = self.running.api_key
        return await self.client.post("/chat/completions", json=body, headers=self.key)

    async def events(self, **more: JsonValue) -> list[Any]:
        """Stream an answer and return what its events hold; other lines as they are."""
        answer = await self.chat(stream=True, **more)
        assert answer.status_code == 200, answer.text
        return [read_event(line) for line in answer.text.split("\n\n") if line]


def read_event(line: str) -> Any:
    """Return the JSON of an event, or the line as it is."""
    data = line.removeprefix("data: ")
    return json.loads(data) if data.startswith("{") else line


@asynccontextmanager
async def on_provider(provider: str) -> AsyncIterator[Provider]:
    """Run a provider's sandbox, and yield a client that knows its key and a model of its own."""
    family = default_family(load_catalog()[provider]) or "some-model"
    async with sandbox(
        family, provider=provider, clock=ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    ) as running:
        model = resolve_model(running.model, api_key="k", base_url=running.base_url).model.id
        async with httpx.AsyncClient(
            base_url=running.base_url, timeout=60, verify=_NO_AUTHORITIES
        ) as client:
            yield Provider(running, client, model=model)


def holds(value: Any, part: Any) -> bool:
    """Return whether `value` has everything that `part` has, at any depth."""
    if not isinstance(part, Mapping):
        return bool(value == part)
    return isinstance(value, dict) and all(
        name in value and holds(value[name], one) for name, one in part.items()
    )
