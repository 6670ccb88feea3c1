"""Public: DeusData/codebase-memory-mcp#1247, modelcontextprotocol/java-sdk#575, csharp-sdk#1072. A list whose cursor does not move.

The server puts all its tools on the first page and still names a cursor, the same each time.
Right: the tools that came are offered (once each), and it is told. None are lost.
"""

import json
import logging
import sys

import anyio

from agentkit import Agent, AssistantMessage, ToolCall
from agentkit.event import ToolsetReported
from agentkit.mcp import MCPToolset
from agentkit.testing import ScriptedModel

logging.disable(logging.CRITICAL)
SERVER = """
import json, sys
options = json.loads(sys.argv[1])
tools = options.get("tools", [{"name": "good", "inputSchema": {"type": "object"}}])
def tell(message): print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)
for line in sys.stdin:
    message = json.loads(line)
    number, method = message.get("id"), message.get("method")
    if method == "initialize":
        tell({"id": number, "result": {"protocolVersion": options.get("version", "2025-11-25"),
              "capabilities": {"tools": {}}, "serverInfo": {"name": "raw", "version": "1"}}})
    elif method == "tools/list":
        tell({"id": number, "result": {"tools": tools, **options.get("list", {})}})
    elif method == "tools/call" and "raw" in options:
        print(json.dumps(options["raw"]).replace('"ID"', json.dumps(number)), flush=True)
    elif method == "tools/call":
        default = {"content": [{"type": "text", "text": message["params"]["name"]}]}
        tell({"id": number, "result": options.get("result", default)})
    elif number is not None:
        tell({"id": number, "error": {"code": -32601, "message": "no such method"}})
"""


def server(**options) -> MCPToolset:
    return MCPToolset.stdio(sys.executable, "-c", SERVER, json.dumps(options), name="raw", call_timeout_seconds=4)


def offered(**options) -> tuple[list[str], list[str]]:
    """Return the names that a model is offered, and what was told of the server."""

    async def run():
        model, told = ScriptedModel("done"), []
        async with Agent(model, tools=[server(**options)]).stream("go") as stream:
            async for event in stream:
                if isinstance(event, ToolsetReported):
                    told.append(event.message)
        return [spec.name for spec in model.requests[0].tools], told

    return anyio.run(run)


def called(name: str, arguments: dict | None = None, **options):
    """Return the result of one call."""

    async def run():
        call = ToolCall(id="call00001", name=name, arguments=json.dumps(arguments or {}))
        model = ScriptedModel(AssistantMessage(tool_calls=[call]), "done")
        result = await Agent(model, tools=[server(**options)]).run("go")
        return result.history[2] if len(result.history) > 2 else result

    return anyio.run(run)


wrong = False
for label, cursor in {"empty": "", "the same": "page-1"}.items():
    for version in ("2025-06-18", "2025-11-25"):
        names, told = offered(list={"nextCursor": cursor}, version=version)
        wrong = wrong or names != ["good"]
        print(f"{label}, {version}: {'ok' if names == ['good'] else 'WRONG'}: offered {names}; told {told}")
sys.exit(wrong)
