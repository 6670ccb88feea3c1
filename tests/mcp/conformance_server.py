"""A server for the official conformance suite: `python conformance_server.py FILE`.

Its tools are agentkit's; prompts, resources and completion are added with the SDK itself.
The address is written to FILE; it serves until it is terminated.
"""

import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.subscriptions import InMemorySubscriptionBus, PromptsListChanged
from mcp.shared.exceptions import MCPError

from agentkit import History

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from agentkit import Tool, tool
from agentkit.mcp.server.mcp_server import ServerSettings, ToolServer, build_server
from agentkit.mcp.server.streamable_http import open_http
from tests.mcp.conformance_tools import NAME, PNG, TOOLS

Context = ServerRequestContext[Any]

RESOURCES: dict[str, types.TextResourceContents | types.BlobResourceContents] = {
    "test://static-text": types.TextResourceContents(
        uri="test://static-text",
        mime_type="text/plain",
        text="This is the content of the static text resource.",
    ),
    "test://static-binary": types.BlobResourceContents(
        uri="test://static-binary", mime_type="image/png", blob=PNG
    ),
    "test://watched-resource": types.TextResourceContents(
        uri="test://watched-resource", mime_type="text/plain", text="Watched."
    ),
}
PROMPTS = {
    "test_simple_prompt": (),
    "test_prompt_with_arguments": ("arg1", "arg2"),
    "test_prompt_with_embedded_resource": ("resourceUri",),
    "test_prompt_with_image": (),
    "test_input_required_result_prompt": (),
}


class Changing:
    """A set of tools that changes when its own tool is called."""

    def __init__(self, bus: InMemorySubscriptionBus) -> None:
        self._bus = bus
        self._has_more = False
        self._tools = (tool(self.test_trigger_tool_change), tool(self.test_trigger_prompt_change))
        self._more = tool(self.test_added_tool)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Open nothing."""
        yield

    async def list_tools(self, _history: History, /) -> Sequence[Tool]:
        """Return the current tools."""
        return (*self._tools, self._more) if self._has_more else self._tools

    def test_trigger_tool_change(self) -> str:
        """Change the list of tools."""
        self._has_more = not self._has_more
        return "changed"

    async def test_trigger_prompt_change(self) -> str:
        """Notify that the list of prompts changed."""
        await self._bus.publish(PromptsListChanged())
        return "changed"

    def test_added_tool(self) -> str:
        """Be there at times."""
        return "there"


async def list_resources(_: Context, __: types.PaginatedRequestParams) -> types.ListResourcesResult:
    """List what can be read."""
    return types.ListResourcesResult(
        resources=[
            types.Resource(uri=uri, name=uri, description="A resource.", mime_type=one.mime_type)
            for uri, one in RESOURCES.items()
        ]
    )


async def list_templates(
    _: Context, __: types.PaginatedRequestParams
) -> types.ListResourceTemplatesResult:
    """List what can be read with a parameter."""
    template = types.ResourceTemplate(
        uri_template="test://template/{id}/data",
        name="template",
        description="A template.",
        mime_type="application/json",
    )
    return types.ListResourceTemplatesResult(resource_templates=[template])


async def read_resource(
    _: Context, params: types.ReadResourceRequestParams
) -> types.ReadResourceResult:
    """Read one."""
    uri = str(params.uri)
    found = RESOURCES.get(uri)
    if uri.startswith("test://template/") and uri.endswith("/data"):
        number = uri.removeprefix("test://template/").removesuffix("/data")
        text = f'{{"id":"{number}","templateTest":true,"data":"Data for ID: {number}"}}'
        found = types.TextResourceContents(uri=uri, mime_type="application/json", text=text)
    if found is None:
        raise MCPError(types.INVALID_PARAMS, "Resource not found", {"uri": uri})
    return types.ReadResourceResult(contents=[found])


async def list_prompts(_: Context, __: types.PaginatedRequestParams) -> types.ListPromptsResult:
    """List the prompts."""
    return types.ListPromptsResult(
        prompts=[
            types.Prompt(
                name=name,
                description="A prompt.",
                arguments=[
                    types.PromptArgument(name=one, description="A word.", required=True)
                    for one in arguments
                ],
            )
            for name, arguments in PROMPTS.items()
        ]
    )


async def get_prompt(
    _: Context, params: types.GetPromptRequestParams
) -> types.GetPromptResult | types.InputRequiredResult:
    """Fill in a prompt."""
    given = params.arguments or {}
    match params.name:
        case "test_simple_prompt":
            return _prompt(_text("This is a simple prompt for testing."))
        case "test_prompt_with_arguments":
            words = f"arg1='{given.get('arg1')}', arg2='{given.get('arg2')}'"
            return _prompt(_text(f"Prompt with arguments: {words}"))
        case "test_prompt_with_embedded_resource":
            contents = types.TextResourceContents(
                uri=given.get("resourceUri", ""),
                mime_type="text/plain",
                text="Embedded resource content for testing.",
            )
            embedded = types.EmbeddedResource(resource=contents)
            return _prompt(embedded, _text("Please process the embedded resource above."))
        case "test_prompt_with_image":
            image = types.ImageContent(data=PNG, mime_type="image/png")
            return _prompt(image, _text("Please analyze the image above."))
        case "test_input_required_result_prompt":
            return _prompt_with_input(params)
        case _:
            raise MCPError(types.INVALID_PARAMS, f"No prompt {params.name!r}")


def _prompt_with_input(
    params: types.GetPromptRequestParams,
) -> types.GetPromptResult | types.InputRequiredResult:
    answer = (params.input_responses or {}).get("user_context")
    if isinstance(answer, types.ElicitResult):
        return _prompt(_text(f"Context: {answer.content}"))
    form = types.ElicitRequestFormParams(
        message="What context should the prompt use?", requested_schema=dict(NAME)
    )
    return types.InputRequiredResult(
        input_requests={"user_context": types.ElicitRequest(params=form)}
    )


def _prompt(*blocks: types.ContentBlock) -> types.GetPromptResult:
    return types.GetPromptResult(
        messages=[types.PromptMessage(role="user", content=block) for block in blocks]
    )


def _text(text: str) -> types.TextContent:
    return types.TextContent(text=text)


async def complete(_: Context, __: types.CompleteRequestParams) -> types.CompleteResult:
    """Complete an argument."""
    values = ["paris", "park", "party"]
    return types.CompleteResult(
        completion=types.Completion(values=values, total=len(values), has_more=False)
    )


async def accept(_: Context, __: types.RequestParams) -> types.EmptyResult:
    """Take a subscription, or its end."""
    return types.EmptyResult()


def build() -> ToolServer:
    """Build the server."""
    bus = InMemorySubscriptionBus()
    server = build_server(
        [*TOOLS, Changing(bus)], name="agentkit-conformance", settings=ServerSettings(bus=bus)
    )
    page = types.PaginatedRequestParams
    server.add_request_handler("resources/list", page, list_resources)
    server.add_request_handler("resources/templates/list", page, list_templates)
    server.add_request_handler("resources/read", types.ReadResourceRequestParams, read_resource)
    server.add_request_handler("resources/subscribe", types.SubscribeRequestParams, accept)
    server.add_request_handler("resources/unsubscribe", types.UnsubscribeRequestParams, accept)
    server.add_request_handler("prompts/list", page, list_prompts)
    server.add_request_handler("prompts/get", types.GetPromptRequestParams, get_prompt)
    server.add_request_handler("completion/complete", types.CompleteRequestParams, complete)
    return server


async def main(place: Path) -> None:
    """Serve until it is terminated."""
    async with open_http(build(), port=0) as running:
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            await anyio.Path(place).write_text(running.url, encoding="utf-8")
            async for _ in signals:
                return


if __name__ == "__main__":
    anyio.run(main, Path(sys.argv[1]))
