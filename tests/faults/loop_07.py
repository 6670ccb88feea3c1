"""Public: SmartBear/smartbear-mcp#491, nspady/google-calendar-mcp#183, Dokploy/mcp#58. Patterns of zod in a schema.

zod 4, with which most servers in TypeScript are written, puts these patterns into its JSON Schema.
Right: the tool is offered; a pattern that cannot be checked here is left to the server.
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


PATTERNS = {
    "z.email()": r"^(?!\.)(?!.*\.\.)([A-Za-z0-9_'+\-\.]*)[A-Za-z0-9_+-]@([A-Za-z0-9][A-Za-z0-9\-]*\.)+[A-Za-z]{2,}$",
    "z.iso.duration()": r"^P(?:(\d+W)|(?!.*W)(?=\d|T\d)(\d+Y)?(\d+M)?(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+([.,]\d+)?S)?)?)$",
    "z.hostname()": r"^(?=.{1,253}\.?$)[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[-0-9a-zA-Z]{0,61}[0-9a-zA-Z])?)*\.?$",
    "a class of Unicode": r"^[\p{L}\p{M} ]+$",
    "a look-behind of any width": r"(?<=a+)b",
}
wrong = False
for label, pattern in PATTERNS.items():
    schema = {"type": "object", "properties": {"to": {"type": "string", "pattern": pattern}, "body": {"type": "string"}}}
    names, told = offered(tools=[{"name": "send", "inputSchema": schema}])
    wrong = wrong or names != ["send"]
    print(f"{label}: {'ok' if names == ['send'] else 'WRONG'}: offered {names}; told {[one[-80:] for one in told]}")
sys.exit(wrong)
