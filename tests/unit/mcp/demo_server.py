"""An MCP server with one of everything, made with the SDK alone."""

from typing import Any

import anyio
import mcp_types as types
from mcp.server import Server, ServerRequestContext
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler, ToolsListChanged

PNG = "iVBORw0KGgo="
ICON: dict[str, Any] = {"src": "https://example.com/i.png", "mimeType": "image/png"}
OBJECT: dict[str, Any] = {"type": "object"}


def schema(*required: str, **properties: Any) -> dict[str, Any]:
    """Return the schema of an object."""
    return {**OBJECT, "properties": properties, "required": [*required]}


class Demo:
    """A server, and the requests it received."""

    def __init__(self) -> None:
        self.tools: list[types.Tool] = [
            types.Tool(
                name="add",
                title="Addition",
                description="Add two numbers.",
                input_schema=schema("a", "b", a={"type": "integer"}, b={"type": "integer"}),
                output_schema=schema("sum", sum={"type": "integer"}),
                icons=[types.Icon.model_validate(ICON)],
                annotations=types.ToolAnnotations(read_only_hint=True, open_world_hint=False),
            ),
            types.Tool(name="show", input_schema=OBJECT),
            types.Tool(name="fail", input_schema=OBJECT),
            types.Tool(name="lie", input_schema=OBJECT, output_schema=schema("x")),
            types.Tool(name="refuse", input_schema=OBJECT),
            types.Tool(name="wait", input_schema=OBJECT),
        ]
        self.bus = InMemorySubscriptionBus()
        self.lists = 0
        self.waiting = anyio.Event()
        self.cancelled = anyio.Event()
        self.server: Server[Any] = Server(
            "demo",
            version="1",
            instructions="Use it well.",
            on_list_tools=self.list_tools,
            on_call_tool=self.call_tool,
            on_list_resources=self.list_resources,
            on_list_resource_templates=self.list_templates,
            on_read_resource=self.read_resource,
            on_list_prompts=self.list_prompts,
            on_get_prompt=self.get_prompt,
            on_subscriptions_listen=ListenHandler(self.bus),
        )

    async def list_tools(self, _: Any, params: Any) -> types.ListToolsResult:
        """Give two tools a page."""
        start = int(params.cursor or 0) if params is not None else 0
        self.lists += start == 0
        rest = self.tools[start + 2 :]
        return types.ListToolsResult(
            tools=self.tools[start : start + 2], next_cursor=str(start + 2) if rest else None
        )

    async def change(self, *names: str) -> None:
        """Offer other tools, and notify subscribed clients."""
        self.tools = [types.Tool(name=name, input_schema=OBJECT) for name in names]
        await self.bus.publish(ToolsListChanged())

    async def call_tool(
        self, context: ServerRequestContext, params: types.CallToolRequestParams
    ) -> types.CallToolResult:
        """Run the method of the tool's name."""
        match params.name:
            case "add":
                given = params.arguments or {}
                await context.session.report_progress(1, 2, "half")
                return types.CallToolResult(
                    content=[types.TextContent(text="sum")],
                    structured_content={"sum": given["a"] + given["b"]},
                )
            case "show":
                return types.CallToolResult(content=BLOCKS)
            case "fail":
                return types.CallToolResult(content=[types.TextContent(text="no")], is_error=True)
            case "wait":
                await self._wait()
            case "refuse":
                raise ValueError("broken inside")
            case _:
                pass
        return types.CallToolResult(content=[], structured_content={"y": 1})

    async def _wait(self) -> None:
        self.waiting.set()
        try:
            await anyio.sleep_forever()
        finally:
            self.cancelled.set()

    async def list_resources(self, _: Any, params: Any) -> types.ListResourcesResult:  # noqa: ARG002
        """List one."""
        one = types.Resource(uri="demo://a", name="a", title="A", mime_type="text/plain", size=3)
        return types.ListResourcesResult(resources=[one])

    async def list_templates(
        self,
        _: Any,
        params: Any,  # noqa: ARG002
    ) -> types.ListResourceTemplatesResult:
        """List one."""
        one = types.ResourceTemplate(uri_template="demo://{name}", name="any", description="All.")
        return types.ListResourceTemplatesResult(resource_templates=[one])

    async def read_resource(
        self, _: Any, params: types.ReadResourceRequestParams
    ) -> types.ReadResourceResult:
        """Give a text and bytes."""
        return types.ReadResourceResult(
            contents=[
                types.TextResourceContents(uri=params.uri, text="abc"),
                types.BlobResourceContents(uri=params.uri, blob="AA==", mime_type="x/y"),
            ]
        )

    async def list_prompts(self, _: Any, params: Any) -> types.ListPromptsResult:  # noqa: ARG002
        """List one."""
        arguments = [types.PromptArgument(name="who", description="whom", required=True)]
        return types.ListPromptsResult(
            prompts=[types.Prompt(name="greet", description="Greet.", arguments=arguments)]
        )

    async def get_prompt(
        self, _: Any, params: types.GetPromptRequestParams
    ) -> types.GetPromptResult:
        """Fill it in."""
        who = (params.arguments or {}).get("who")
        text = types.TextContent(text=f"Greet {who}.")
        return types.GetPromptResult(messages=[types.PromptMessage(role="user", content=text)])


BLOCKS: list[types.ContentBlock] = [
    types.TextContent(text="hello"),
    types.ImageContent(data=PNG, mime_type="image/png"),
    types.AudioContent(data="AA==", mime_type="audio/wav"),
    types.ResourceLink(uri="demo://a", name="a"),
    types.EmbeddedResource(resource=types.TextResourceContents(uri="demo://b", text="b")),
]
