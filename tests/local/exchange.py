"""Requests of the tests for the server's three formats, and readers of its streams."""

import json
from typing import Any

import httpx

QUESTION = {"role": "user", "content": "What is the weather in London?"}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
ARGUMENTS = {"city": "London"}


def function(name: str, schema: object) -> dict[str, Any]:
    """Return a tool in the OpenAI format, and as the v3 prompt contains it."""
    described = {"name": name, "description": "For a test.", "parameters": schema}
    return {"type": "function", "function": described}


def read_events(response: httpx.Response) -> list[Any]:
    """Return the data of each event, including `[DONE]`."""
    assert response.headers["content-type"] == "text/event-stream"
    lines = response.text.splitlines()
    found = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
    return [data if data == "[DONE]" else json.loads(data) for data in found]


def error(response: httpx.Response) -> tuple[int, str, str]:
    """Return status, type and message; this server has one format for all errors."""
    body = response.json()["error"]
    assert body["code"] == response.status_code
    return response.status_code, body["type"], body["message"]
