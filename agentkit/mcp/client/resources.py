"""Read the resources and prompts of an MCP server.

In:  the SDK's client of a connected server.
Out: agentkit's content and messages; errors of the server as a `ToolError`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeVar

import mcp_types as types
from mcp.client.client import Client
from mcp.shared.exceptions import MCPError
from pydantic import ValidationError

from agentkit.content import EmbeddedResource, ResourceLink
from agentkit.errors import ToolError
from agentkit.json_schema.validator import shorten
from agentkit.mcp.client.pagination import read_pages
from agentkit.mcp.convert import contents_from_mcp, link_from_mcp, prompt_from_mcp
from agentkit.message import Message

T = TypeVar("T")


class ResourceReader:
    """Reads from one server; `report` is called with what is wrong with its lists."""

    def __init__(self, client: Client, *, report: Callable[[str], None]) -> None:
        self.client = client
        self._report = report

    async def list_resources(self) -> Sequence[ResourceLink]:
        """Return all resources.

        Raises:
            ToolError: the server has none, returned an error, or is not connected.
        """
        with map_server_errors():
            found = await read_pages(
                lambda cursor: self.client.list_resources(cursor=cursor),
                lambda page: page.resources,
                report=self._report,
            )
        return [link_from_mcp(one, uri=str(one.uri)) for one in found]

    async def list_resource_templates(self) -> Sequence[ResourceLink]:
        """Return all resource templates; the `uri` of each is a URI template."""
        with map_server_errors():
            found = await read_pages(
                lambda cursor: self.client.list_resource_templates(cursor=cursor),
                lambda page: page.resource_templates,
                report=self._report,
            )
        return [link_from_mcp(one, uri=one.uri_template) for one in found]

    async def read_resource(self, uri: str) -> Sequence[EmbeddedResource]:
        """Return the contents of a resource."""
        with map_server_errors():
            result = await self.client.read_resource(uri)
        return [contents_from_mcp(one) for one in result.contents]

    async def list_prompts(self) -> Sequence[types.Prompt]:
        """Return all prompts."""
        with map_server_errors():
            return await read_pages(
                lambda cursor: self.client.list_prompts(cursor=cursor),
                lambda page: page.prompts,
                report=self._report,
            )

    async def prompt(self, name: str, arguments: Mapping[str, str]) -> tuple[Message, ...]:
        """Return the messages of a prompt."""
        with map_server_errors():
            return prompt_from_mcp(await self.client.get_prompt(name, dict(arguments)))


@contextmanager
def map_server_errors() -> Iterator[None]:
    """Map the SDK's exceptions for a server's answer to a `ToolError`."""
    try:
        yield
    except MCPError as error:
        message = shorten(error.message, 1_000)
        raise ToolError(f"The server returned an error: {message}") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise ToolError(
            f"The server's answer violates the protocol: {where}: {first['msg']}"
        ) from error
