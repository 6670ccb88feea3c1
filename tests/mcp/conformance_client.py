"""The client for the official conformance suite: an agent's toolset.

In:  the suite's server as the last argument; `MCP_CONFORMANCE_SCENARIO` and `…_CONTEXT`.
Out: an exit code. What is seen on the wire is the suite's to judge.
"""

import json
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import parse_qs, urlsplit

import anyio
import httpx2
from mcp.client.auth import AuthorizationCodeResult

from agentkit import Agent, Tool
from agentkit.chat import ModelRequest
from agentkit.history import History
from agentkit.json_schema import JsonValue
from agentkit.mcp.client.mcp_toolset import MCPToolset
from agentkit.mcp.client.oauth import OAuth
from agentkit.mcp.client.server_requests import (
    ElicitationRequest,
    ElicitationResponse,
    SamplingRequest,
    SamplingResponse,
)
from agentkit.message import AssistantMessage, ToolCall, ToolResult
from agentkit.testing import ScriptedModel

PLAIN: Mapping[str, JsonValue] = {"boolean": True, "integer": 1, "number": 1, "object": {}}
RETURNED = re.compile(r"Not run: read as (.*)\. Call again with exactly this", re.DOTALL)
METADATA_URL = "https://conformance-test.local/client-metadata.json"


class HeadlessLogin:
    """A browser whose user accepts everything."""

    def __init__(self) -> None:
        self._answer = AuthorizationCodeResult(code="")

    async def open_url(self, url: str) -> None:
        """Request the authorization URL, which redirects at once."""
        async with httpx2.AsyncClient() as http:
            response = await http.get(url)
        query = parse_qs(urlsplit(response.headers["location"]).query)
        given = {name: one[0] for name, one in query.items()}
        self._answer = AuthorizationCodeResult(
            code=given["code"], state=given.get("state"), iss=given.get("iss")
        )

    async def wait_for_code(self) -> AuthorizationCodeResult:
        """Return the parameters of the redirect."""
        return self._answer


async def accept(question: ElicitationRequest) -> ElicitationResponse:
    """Fill in each field with its default, or with a simple value."""
    fields: Any = (question.schema or {}).get("properties", {})
    content = {
        name: one["enum"][0] if "enum" in one else PLAIN.get(str(one.get("type")), "x")
        for name, one in fields.items()
        if "default" not in one
    }
    return ElicitationResponse(action="accept", content=content)


async def sample(asked: SamplingRequest) -> SamplingResponse:  # noqa: ARG001
    """Return a fixed completion."""
    return SamplingResponse(message=AssistantMessage("An answer."), model="test-model")


def toolset(url: str, folder: Path, context: Mapping[str, Any]) -> MCPToolset:
    """Return the toolset for the suite's server."""
    login = HeadlessLogin()
    auth = OAuth(
        client_id=context.get("client_id"),
        client_secret=context.get("client_secret"),
        client_metadata_url=METADATA_URL,
        open_url=login.open_url,
        wait_for_code=login.wait_for_code,
        storage=folder / "tokens.json",
    )
    return MCPToolset.http(
        url,
        auth=auth,
        required=True,
        on_elicitation=accept,
        on_sampling=sample,
        roots=[folder],
        call_timeout_seconds=20,
    )


def calls_of(tools: Sequence[Tool], context: Mapping[str, Any]) -> Iterator[tuple[str, JsonValue]]:
    """Yield the calls that the scenario names, or one of each tool."""
    named = context.get("toolCalls")
    if named:
        yield from ((one["name"], one["arguments"]) for one in named)
        return
    schemas = {tool.name: dict(tool.input_schema) for tool in tools}
    for name, schema in schemas.items():
        if name == "json_schema_echo":
            yield name, {"schema": schemas["json_schema_2020_12_tool"]}
        else:
            yield name, filled(schema)


def filled(schema: Mapping[str, Any]) -> JsonValue:
    """Return simple arguments that fit a schema."""
    fields = schema.get("properties", {})
    return {
        name: PLAIN.get(str(fields[name].get("type")), "x") for name in schema.get("required", ())
    }


class Caller:
    """Makes call after call, and confirms one that is returned as it was read."""

    def __init__(self, calls: Sequence[ToolCall]) -> None:
        self._calls = list(calls)
        self._last: ToolCall | None = None

    def answer(self, request: ModelRequest) -> ToolCall | str:
        """Return the next call: null that is left out is a repair, which a model confirms."""
        result = request.history.last
        returned = RETURNED.match(result.text) if isinstance(result, ToolResult) else None
        if returned is not None and self._last is not None:
            return replace(self._last, id=f"{self._last.id}-again", arguments=returned[1])
        self._last = self._calls.pop(0) if self._calls else None
        return self._last or "done"


async def call_each(server: MCPToolset, context: Mapping[str, Any]) -> None:
    """Let an agent make each call, as a model would."""
    async with server.open():
        calls = [
            ToolCall(id=str(at), name=name, arguments=json.dumps(arguments))
            for at, (name, arguments) in enumerate(
                calls_of(await server.list_tools(History()), context)
            )
        ]
        model = ScriptedModel(*[Caller(calls).answer] * (2 * len(calls) + 1))
        agent = Agent(model, tools=[server], approve=lambda call: "allow")  # noqa: ARG005
        result = await agent.run("Call each tool.")
    for message in result.history:
        sys.stderr.write(f"{message}\n")


async def main(url: str) -> None:
    """Run the scenario."""
    with TemporaryDirectory() as folder:
        context = json.loads(os.environ.get("MCP_CONFORMANCE_CONTEXT") or "{}")
        await call_each(toolset(url, Path(folder), context), context)


def start(arguments: list[str]) -> None:
    """Run as a program."""
    anyio.run(main, arguments[-1])


if __name__ == "__main__":
    start(sys.argv)
