"""Tools with which a model reads the resources and prompts of an MCP server.

In:  a function that returns a reader of the server.
Out: tools to list and to read them, for toolsets with `expose_resources` or `expose_prompts`.
"""

from collections.abc import Callable, Mapping, Sequence

from agentkit.content import ContentBlock, ResourceLink
from agentkit.dialect.mistral_rules import readable_text
from agentkit.json_schema import JsonObject
from agentkit.mcp.client.resources import ResourceReader
from agentkit.message import AssistantMessage, UserMessage
from agentkit.tools.tool import Tool

Read = Callable[[], ResourceReader]
_NOTHING: JsonObject = {"type": "object", "additionalProperties": False}


def resource_tools(read: Read, *, server: str) -> Sequence[Tool]:
    """Return the tools to list resources and to read one."""

    async def list_resources(_: JsonObject) -> Mapping[str, object]:
        reader = read()
        resources = await reader.list_resources()
        templates = await reader.list_resource_templates()
        return {"resources": _listed(resources), "templates": _listed(templates)}

    async def read_resource(arguments: JsonObject) -> list[ContentBlock]:
        return list(await read().read_resource(str(arguments["uri"])))

    uri: JsonObject = {"type": "string", "description": "as listed, or filled in from a template"}
    return (
        Tool.from_schema(
            name="list_resources",
            description=f"List the resources of the server {server!r}: documents, data, files.",
            input_schema=_NOTHING,
            handler=list_resources,
            read_only=True,
        ),
        Tool.from_schema(
            name="read_resource",
            description=f"Read one resource of the server {server!r}.",
            input_schema={"type": "object", "properties": {"uri": uri}, "required": ["uri"]},
            handler=read_resource,
            read_only=True,
        ),
    )


def prompt_tools(read: Read, *, server: str) -> Sequence[Tool]:
    """Return the tools to list prompts and to get one."""

    async def list_prompts(_: JsonObject) -> Mapping[str, object]:
        found = await read().list_prompts()
        return {"prompts": [one.model_dump(mode="json", exclude_none=True) for one in found]}

    async def get_prompt(arguments: JsonObject) -> str:
        given = arguments.get("arguments")
        given = given if isinstance(given, dict) else {}
        messages = await read().prompt(
            str(arguments["name"]), {name: str(value) for name, value in given.items()}
        )
        return "\n\n".join(
            f"{message.role}: {readable_text(message.content)}"
            for message in messages
            if isinstance(message, UserMessage | AssistantMessage)
        )

    values: JsonObject = {"type": "object", "additionalProperties": {"type": "string"}}
    return (
        Tool.from_schema(
            name="list_prompts",
            description=f"List the prompts, ready-made instructions, of the server {server!r}.",
            input_schema=_NOTHING,
            handler=list_prompts,
            read_only=True,
        ),
        Tool.from_schema(
            name="get_prompt",
            description=f"Get one prompt of the server {server!r}, filled in.",
            input_schema={
                "type": "object",
                "properties": {"name": {"type": "string"}, "arguments": values},
                "required": ["name"],
            },
            handler=get_prompt,
            read_only=True,
        ),
    )


def _listed(links: Sequence[ResourceLink]) -> list[dict[str, object]]:
    """Return the fields that a model needs to choose a resource."""
    return [
        {
            key: value
            for key, value in (
                ("uri", link.uri),
                ("name", link.title or link.name),
                ("description", link.description),
                ("mime_type", link.mime_type),
            )
            if value
        }
        for link in links
    ]
