"""Public: use-agent-os/agent-os#2020, agno-agi/agno#8653. Results that the SDK's model does not take.

The tool has run, and its answer holds something to read beside what is not known.
Right: the model reads what is there, and a success stays a success.
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


CASES = {
    "a block of a new type beside text": ({"content": [{"type": "widget", "id": 1}, {"type": "text", "text": "paid 10"}]}, "paid 10"),
    "structured content without content": ({"structuredContent": {"paid": 10}}, "10"),
    "content null": ({"content": None, "structuredContent": {"paid": 10}}, "10"),
    "an image without a type beside text": ({"content": [{"type": "image", "data": "aGk="}, {"type": "text", "text": "paid 10"}]}, "paid 10"),
    "structured content as a list": ({"content": [{"type": "text", "text": "paid 10"}], "structuredContent": [10]}, "paid 10"),
}
wrong = False
for label, (result, expected) in CASES.items():
    got = called("good", result=result)
    seen = got.text + json.dumps(got.structured_content and dict(got.structured_content))
    is_right = expected in seen and not got.is_error
    wrong = wrong or not is_right
    print(f"{label}: {'ok' if is_right else 'WRONG'}: is_error={got.is_error} {got.text[:110]!r}")
sys.exit(wrong)
