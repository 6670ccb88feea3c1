"""`agentkit mcp tools|call|resources|prompts`: inspect an MCP server.

In:  a server; what to show.
Out: tables, contents and results on standard output; the server's messages on standard error.
"""

import base64
import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
from rich.table import Table

from agentkit.cli.exit_codes import FAILED, OK
from agentkit.cli.mcp.servers import find_server
from agentkit.cli.run_display import note_lines
from agentkit.cli.terminal import escape_controls, note, show_table, write
from agentkit.clock import SystemClock
from agentkit.content import ContentBlock, EmbeddedResource, TextContent
from agentkit.errors import ConfigError
from agentkit.event import RunEvent, ToolCallFinished, ToolCallStarted
from agentkit.history import History
from agentkit.message import ToolCall, ToolResult
from agentkit.tools.execute import execute_calls
from agentkit.tools.tool_run import CallOptions
from agentkit.tools.toolset import index_tools
from agentkit.tools.validate import validate_call


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """Which server to inspect, and how to print it."""

    server: str
    config: Path | None = None
    as_json: bool = False

    def run(self, act: Callable[[Any], Awaitable[int]]) -> int:
        """Open the server, call `act` with its toolset, and return the exit code.

        Raises:
            AgentKitError: the server is not configured correctly, or cannot be used.
        """
        toolset = find_server(self.server, config=self.config)

        async def inspect() -> int:
            async with toolset.open():
                await toolset.list_tools(History())  # reports the server's errors first
                for report in toolset.take_reports():
                    _print_event(report)
                return await act(toolset)

        return anyio.run(inspect)


def show_tools(inspection: Inspection) -> int:
    """Print the tools of a server."""

    async def act(toolset: Any) -> int:
        tools = await toolset.list_tools(History())
        if inspection.as_json:
            return _print_json(
                [
                    {
                        "name": tool.name,
                        "title": tool.title,
                        "description": tool.description,
                        "input_schema": tool.input_schema,
                        "output_schema": tool.output_schema,
                        "read_only": tool.annotations.read_only_hint,
                    }
                    for tool in tools
                ]
            )
        rows = [(tool.name, _parameters(tool.input_schema), tool.description) for tool in tools]
        return _print_rows(("Tool", "Parameters", "Description"), rows)

    return inspection.run(act)


def call_tool(inspection: Inspection, *, name: str, arguments: str) -> int:
    """Call a tool of a server, and print its result.

    Raises:
        ConfigError: there is no such tool.
    """

    async def act(toolset: Any) -> int:
        tools = index_tools(await toolset.list_tools(History()))
        if name not in tools:
            raise ConfigError(f"The server has no tool {name!r}; it has {', '.join(tools)}.")
        ready = validate_call(ToolCall(id="1", name=name, arguments=arguments), tools)
        if isinstance(ready, ToolResult):
            return _print_result(ready, as_json=inspection.as_json)
        options = CallOptions(deps=None, emit=_show_report, clock=SystemClock())
        (result,) = await execute_calls([ready], options)
        return _print_result(result, as_json=inspection.as_json)

    return inspection.run(act)


def show_resources(inspection: Inspection, *, uri: str | None) -> int:
    """Print the resources of a server, or the contents of one."""

    async def act(toolset: Any) -> int:
        if uri is not None:
            _print_blocks(await toolset.read_resource(uri))
            return OK
        links = [*await toolset.list_resources(), *await toolset.list_resource_templates()]
        if inspection.as_json:
            return _print_json(
                [
                    {"uri": link.uri, "name": link.name, "mime_type": link.mime_type}
                    for link in links
                ]
            )
        rows = [(link.uri, link.mime_type or "", link.description or link.name) for link in links]
        return _print_rows(("URI", "Type", "Description"), rows)

    return inspection.run(act)


def show_prompts(inspection: Inspection, *, name: str | None, arguments: Sequence[str]) -> int:
    """Print the prompts of a server, or the messages of one."""

    async def act(toolset: Any) -> int:
        if name is not None:
            for message in await toolset.prompt(name, **dict(map(_pair, arguments))):
                note(f"{message.role}:", style="dim")
                _print_blocks(message.content)
            return OK
        prompts = await toolset.list_prompts()
        if inspection.as_json:
            return _print_json(
                [
                    {
                        "name": one.name,
                        "description": one.description,
                        "arguments": dict(one.arguments),
                        "required": sorted(one.required),
                    }
                    for one in prompts
                ]
            )
        rows = [(one.name, ", ".join(one.arguments), one.description) for one in prompts]
        return _print_rows(("Prompt", "Arguments", "Description"), rows)

    return inspection.run(act)


def _pair(word: str) -> tuple[str, str]:
    name, separator, value = word.partition("=")
    if not separator:
        raise ConfigError(f"{word!r} is not an argument of a prompt; write NAME=VALUE.")
    return name, value


async def _show_report(event: RunEvent) -> None:
    """Show what the server reports during the call, and not the call itself."""
    if not isinstance(event, ToolCallStarted | ToolCallFinished):
        _print_event(event)


def _print_event(event: RunEvent) -> None:
    for line in note_lines(event):
        note(line.text, style=line.style)


def _parameters(schema: Any) -> str:
    """Return the names of parameters; optional ones in brackets."""
    required = schema.get("required", ())
    names = schema.get("properties", {})
    return ", ".join(name if name in required else f"[{name}]" for name in names)


def _print_rows(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    table = Table(*headings, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(escape_controls((cell.splitlines() or [""])[0]) for cell in row))
    show_table(table)
    return OK


def _print_json(value: object) -> int:
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
    return OK


def _print_result(result: ToolResult, *, as_json: bool) -> int:
    if as_json and result.structured_content is not None and not result.is_error:
        _print_json(result.structured_content)
    elif result.is_error:
        note(result.text or "The tool failed without a message.", style="red")
    else:
        _print_blocks(result.content)
    return FAILED if result.is_error else OK


def _print_blocks(blocks: Sequence[ContentBlock]) -> None:
    """Print text; of other content, its type."""
    for block in blocks:
        text = block.text if isinstance(block, TextContent | EmbeddedResource) else None
        if text is not None:
            write(f"{text}\n")
        elif isinstance(block, EmbeddedResource) and not sys.stdout.isatty():
            sys.stdout.flush()
            sys.stdout.buffer.write(base64.b64decode(block.blob or ""))
        else:
            note(f"[{block.type} {getattr(block, 'mime_type', None) or ''}]".replace(" ]", "]"))
