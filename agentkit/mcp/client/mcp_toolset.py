"""The tools of an MCP server as a toolset.

In:  a command, an address, or a server in this process.
Out: `MCPToolset`: tools that can be offered to any model, and the server's resources and prompts.

Revision 2026-07-28 of the protocol and the earlier ones with a handshake (up to 2025-11-25) are
supported; the SDK detects which one a server uses. A connection lasts as long as a run, or as long
as the agent or the toolset is kept open.
"""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Unpack

import httpx2
import mcp_types as types
from mcp.client.client import Client
from mcp.server import MCPServer, Server

from agentkit.content import EmbeddedResource, ResourceLink
from agentkit.errors import ToolsetError
from agentkit.event import ToolsetReported
from agentkit.history import History
from agentkit.mcp.client.client_settings import (
    MAX_MESSAGE_BYTES,
    MCPOptions,
    Prompt,
    prompt_entry_from_mcp,
)
from agentkit.mcp.client.config_file import AskInput, ServerEntry, read_entries
from agentkit.mcp.client.oauth import LOGIN_SECONDS, OAuth
from agentkit.mcp.client.resources import ResourceReader
from agentkit.mcp.client.server_connection import Lifetime, RestartSettings, ServerConnection
from agentkit.mcp.client.server_requests import (
    elicitation_callback,
    roots_callback,
    sample_with_run,
    sampling_callback,
)
from agentkit.mcp.client.stdio_process import Command
from agentkit.mcp.client.tool_list import ToolList
from agentkit.mcp.client.transports import (
    InMemoryTransport,
    McpTransport,
    StdioTransport,
    StreamableHttpTransport,
)
from agentkit.message import Message
from agentkit.tools.tool import Tool
from agentkit.tools.tool_search import SEARCH_THRESHOLD, searchable
from agentkit.tools.toolset import Toolset, combined
from agentkit.version import __version__


class MCPToolset:
    """The tools, resources and prompts of one MCP server. Safe to use from many runs at once."""

    def __init__(
        self, transport: McpTransport, *, name: str, **options: Unpack[MCPOptions]
    ) -> None:
        """Configure a server; nothing is started. Use `stdio`, `http` or `in_memory`.

        Args:
            transport: how to reach the server.
            name: of the server, for events and errors, and as a prefix of ambiguous tool names.
            options: see `MCPOptions`.
        """
        self.name = name
        self.namespace: str = _namespace(name)
        self._transport = transport
        self._options = options
        self._open_connections: list[_OpenConnection] = []
        self._current: ContextVar[_OpenConnection | None] = ContextVar(
            f"mcp_{self.namespace}", default=None
        )
        threshold = options.get("search_threshold", SEARCH_THRESHOLD)
        all_tools: Toolset = _AllTools(self)
        self._offered = all_tools if threshold is None else searchable(all_tools, over=threshold)

    @classmethod
    def stdio(
        cls,
        command: str,
        *args: str,
        env: Mapping[str, str] | None = None,
        cwd: str | Path | None = None,
        name: str | None = None,
        **options: Unpack[MCPOptions],
    ) -> "MCPToolset":
        """Configure a server that is started as a process and uses its standard streams.

        Args:
            command: the program, e.g. `npx`.
            args: its arguments.
            env: variables for it; it inherits only HOME, PATH and the like.
            cwd: its working folder.
            name: of the server; by default the package or script in the command.
            options: see `MCPOptions`.
        """
        transport = StdioTransport(
            command=Command(command=command, args=args, env=dict(env or {}), cwd=cwd)
        )
        return cls(transport, name=name or _name_of(command, args), **options)

    @classmethod
    def http(
        cls,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        token: str | None = None,
        auth: OAuth | httpx2.Auth | None = None,
        transport: Literal["streamable", "sse"] = "streamable",
        name: str | None = None,
        **options: Unpack[MCPOptions],
    ) -> "MCPToolset":
        """Configure a server behind a URL.

        Args:
            url: its MCP endpoint.
            headers: sent with every request.
            token: sent as a bearer token.
            auth: authenticates requests, e.g. `OAuth()`.
            transport: `sse` for servers that support only the transport of 2024-11-05.
            name: of the server; the host name of `url` by default.
            options: see `MCPOptions`.
        """
        sent = dict(headers or {})
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        if isinstance(auth, OAuth):
            auth = auth.build_auth(url)
            restart = options.get("restart") or RestartSettings()
            seconds = max(restart.start_seconds, LOGIN_SECONDS)
            options["restart"] = replace(restart, start_seconds=seconds)
        http = StreamableHttpTransport(url=url, headers=sent, auth=auth, is_sse=transport == "sse")
        return cls(http, name=name or httpx2.URL(url).host or "mcp", **options)

    @classmethod
    def in_memory(
        cls,
        server: Server[Any] | MCPServer,
        *,
        name: str | None = None,
        **options: Unpack[MCPOptions],
    ) -> "MCPToolset":
        """Configure a server object in this process, for tests."""
        return cls(InMemoryTransport(server=server), name=name or server.name, **options)

    @classmethod
    def from_config(
        cls,
        path: str | Path,
        *,
        ask_input: AskInput | None = None,
        **options: Unpack[MCPOptions],
    ) -> Toolset:
        """Return the tools of all servers in a configuration file as one toolset.

        Args:
            path: the file, in the `mcpServers` form of MCP clients, or in that of VS Code.
            ask_input: asks the user for a value that the file leaves open (`${input:…}`).
            options: for all servers; `search_threshold` applies to all tools together.

        Raises:
            ConfigError: the file cannot be read, or an entry in it is not valid.
        """
        threshold = options.get("search_threshold", SEARCH_THRESHOLD)
        each = MCPOptions(**{**options, "search_threshold": None})
        together = combined(*cls.load_servers(path, ask_input=ask_input, **each).values())
        return together if threshold is None else searchable(together, over=threshold)

    @classmethod
    def load_servers(
        cls,
        path: str | Path,
        *,
        ask_input: AskInput | None = None,
        **options: Unpack[MCPOptions],
    ) -> Mapping[str, "MCPToolset"]:
        """Return a toolset for each server in a configuration file, by name; see `from_config`."""
        return {
            name: cls._from_entry(name, entry, options)
            for name, entry in read_entries(path, ask_input=ask_input).items()
        }

    @classmethod
    def _from_entry(cls, name: str, entry: ServerEntry, options: MCPOptions) -> "MCPToolset":
        if entry.timeout is not None:
            options = MCPOptions(**{**options, "call_timeout_seconds": entry.timeout})
        if entry.trusts_annotations is not None:
            options = MCPOptions(**{**options, "trusts_annotations": entry.trusts_annotations})
        if entry.command is not None:
            return cls.stdio(
                entry.command, *entry.args, env=entry.env, cwd=entry.cwd, name=name, **options
            )
        return cls.http(
            entry.url or "",
            headers=entry.headers,
            auth=OAuth() if entry.oauth else None,
            transport="sse" if entry.type == "sse" else "streamable",
            name=name,
            **options,
        )

    def open(self) -> AbstractAsyncContextManager[None]:
        """Keep a connection for as long as the context lasts; inside it, runs share that one."""
        return self._open()

    async def list_tools(self, history: History, /) -> Sequence[Tool]:
        """Return the tools of the server that a conversation needs; all for an empty one.

        Raises:
            ToolsetError: the server is required, or could not even be started; or the toolset is
                not open.
        """
        return await self._offered.list_tools(history)

    def take_reports(self) -> Sequence[ToolsetReported]:
        """Return the server's notifications and state changes since the last call."""
        taken = self.find_open().connection.notifications.take()
        return [event for event in taken if isinstance(event, ToolsetReported)]

    async def list_resources(self) -> Sequence[ResourceLink]:
        """Return the resources of the server.

        Raises:
            ToolError: the server is not available, or returned an error.
            ToolsetError: the toolset is not open.
        """
        return await (await self._reader()).list_resources()

    async def list_resource_templates(self) -> Sequence[ResourceLink]:
        """Return the server's resource templates; the `uri` of each is a URI template."""
        return await (await self._reader()).list_resource_templates()

    async def read_resource(self, uri: str) -> Sequence[EmbeddedResource]:
        """Return the contents of a resource; see `list_resources` for its errors."""
        return await (await self._reader()).read_resource(uri)

    async def list_prompts(self) -> Sequence[Prompt]:
        """Return the prompts of the server; see `list_resources` for its errors."""
        return [prompt_entry_from_mcp(one) for one in await (await self._reader()).list_prompts()]

    async def prompt(self, name: str, /, **arguments: str) -> tuple[Message, ...]:
        """Return the messages of a prompt, to begin a run with."""
        return await (await self._reader()).prompt(name, arguments)

    async def instructions(self) -> str:
        """Return the server's instructions for its use; empty if it has none."""
        return (await self._reader()).client.instructions or ""

    async def _reader(self) -> ResourceReader:
        connection = self.find_open().connection
        await connection.wait_ready()
        return connection.reader()

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[None]:
        options = self._options
        required = options.get("required", True)
        current = self._current.get()
        if current is not None and current.connection.is_open:
            if required and current.connection.failure is not None:
                raise current.connection.error()
            yield
            return
        connection = ServerConnection(
            self.name,
            open_client=self._open_client,
            restart=options.get("restart") or RestartSettings(),
        )
        tool_list = ToolList(
            connection,
            namespace=self.namespace,
            call_timeout_seconds=options.get("call_timeout_seconds"),
            trusts_annotations=options.get("trusts_annotations", False),
            required=required,
            expose_resources=options.get("expose_resources", False),
            expose_prompts=options.get("expose_prompts", False),
        )
        opened = _OpenConnection(connection=connection, tool_list=tool_list)
        async with connection.keep_open():
            self._open_connections.append(opened)
            self._current.set(opened)
            try:
                yield
            finally:
                self._open_connections.remove(opened)

    def find_open(self) -> "_OpenConnection":
        """Return the connection of this run, else the one that has been open the longest.

        Raises:
            ToolsetError: there is none.
        """
        current = self._current.get()
        if current is not None and current.connection.is_open:
            return current
        if not self._open_connections:
            raise ToolsetError(
                f"The MCP toolset {self.name!r} is not open. An agent opens it for its runs; "
                "elsewhere, use it inside 'async with toolset.open():'."
            )
        return self._open_connections[0]

    def _open_client(
        self, connection: ServerConnection, lifetime: Lifetime, mode: str
    ) -> AbstractAsyncContextManager[Client]:
        """Open the SDK's client with this toolset's callbacks."""
        options = self._options
        on_elicitation, on_sampling = options.get("on_elicitation"), options.get("on_sampling")
        if on_sampling == "run":
            on_sampling = sample_with_run(connection.current_call)
        roots = tuple(_as_uri(root) for root in options.get("roots", ()))

        def build(server: Any) -> Client:
            return Client(
                server,
                mode=mode,
                cache=None,
                client_info=types.Implementation(name="agentkit", version=__version__),
                logging_callback=connection.on_log_message,
                log_level=options.get("log_level", "info"),
                message_handler=connection.on_message,
                elicitation_callback=on_elicitation
                and elicitation_callback(self.name, on_elicitation),
                sampling_callback=sampling_callback(self.name, on_sampling)
                if callable(on_sampling)
                else None,
                list_roots_callback=roots_callback(roots) if roots else None,
            )

        return self._transport.open(
            build,
            lifetime,
            max_bytes=options.get("max_message_bytes", MAX_MESSAGE_BYTES),
            report=connection.warn,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _OpenConnection:
    """An open connection, and the tools listed over it."""

    connection: ServerConnection
    tool_list: ToolList


class _AllTools:
    """All tools of the server, without the search."""

    def __init__(self, toolset: MCPToolset) -> None:
        self._toolset = toolset

    def open(self) -> AbstractAsyncContextManager[None]:
        return self._toolset.open()

    async def list_tools(self, _history: History, /) -> Sequence[Tool]:
        return await self._toolset.find_open().tool_list.tools()


def _name_of(command: str, args: Sequence[str]) -> str:
    """Return a default name for a server: the package or script in its command."""
    words = [word for word in (command, *args) if not word.startswith("-")]
    runner = Path(command).stem
    package = words[1] if len(words) > 1 and runner in _RUNNERS else words[0]
    return Path(package.rpartition("@")[0] or package).stem or runner


_RUNNERS = frozenset({"npx", "uvx", "pipx", "node", "python", "python3", "bunx", "deno"})


def _namespace(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "_", name).strip("_") or "mcp"


def _as_uri(root: str | Path) -> str:
    return str(root) if "://" in str(root) else Path(root).absolute().as_uri()
