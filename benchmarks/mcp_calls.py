"""Measure calls of a tool on an MCP server over stdio, against the SDK's own client.

In:  nothing; the server is a process of its own, built with the SDK, with 200 tools.
Out: CPU of the client per call in milliseconds, and its ratio to the SDK's client.
"""

import sys
from typing import Any

from mcp import Client, StdioServerParameters
from mcp.server.mcpserver import MCPServer

from agentkit.history import History
from agentkit.mcp import MCPToolset
from agentkit.message import ToolCall
from agentkit.tools.run_context import RunContext
from agentkit.tools.validate import ReadyCall, validate_call
from benchmarks.rounds import Figures, compared, cpu

TOOLS = 200
CALLED = "add_7"


async def mcp_calls(_: int, *, calls: int, rounds: int) -> Figures:
    """Call one of 200 tools, alternately by agentkit's toolset and by the SDK's client."""
    command = [sys.executable, "-m", "benchmarks.mcp_calls"]
    toolset = MCPToolset.stdio(*command, name="adding")
    parameters = StdioServerParameters(command=command[0], args=command[1:])
    async with toolset.open(), Client(parameters) as client:
        offered = {tool.name: tool for tool in await toolset.list_tools(History())}
        await client.list_tools()
        name = next(one for one in offered if one.endswith(CALLED))
        context: RunContext[Any] = RunContext(deps=None)

        async def call_ours() -> object:
            ready = validate_call(ToolCall(id="c1", name=name, arguments='{"a": 3}'), offered)
            if not isinstance(ready, ReadyCall):
                raise TypeError(f"The call was rejected: {ready.text}")
            function: Any = ready.tool.function
            return await function(context, dict(ready.arguments))

        async def call_alone() -> object:
            return await client.call_tool(CALLED, {"a": 3})

        pairs = [
            (await cpu(call_alone, calls), await cpu(call_ours, calls)) for _ in range(rounds + 1)
        ]
    return compared(pairs[1:])  # the first round warms up


def main() -> None:
    """Serve the tools."""
    server = MCPServer("adding")
    for number in range(TOOLS):
        server.add_tool(_add, name=f"add_{number}", description="Add two numbers.")
    server.run("stdio")


def _add(a: int, b: int = 1) -> int:
    return a + b


if __name__ == "__main__":
    main()
