"""Public: langchain-ai/langchain-mcp-adapters#437, RooCodeInc/Roo-Code#4739, ravitemer/mcphub.nvim#209. Placeholders.

Files of VS Code and Cursor write ${env:NAME}, ${input:id}, ${workspaceFolder} where secrets and paths belong.
Right: they are replaced, or the file is refused with a word about them. They never reach a server as they stand.
"""

import json
import logging
import os
import sys
import tempfile
from pathlib import Path

import anyio

from agentkit import Agent, AssistantMessage, ConfigError
from agentkit.mcp import MCPToolset
from agentkit.testing import ScriptedModel, tool_call

logging.disable(logging.CRITICAL)
os.environ["LOOP_KEY"] = "s3cret"
SERVER = """
import json, os, sys
for line in sys.stdin:
    message = json.loads(line)
    number, method = message.get("id"), message.get("method")
    def tell(**more): print(json.dumps({"jsonrpc": "2.0", "id": number, **more}), flush=True)
    if method == "initialize":
        tell(result={"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "serverInfo": {"name": "r", "version": "1"}})
    elif method == "tools/list": tell(result={"tools": [{"name": "key", "inputSchema": {"type": "object"}}]})
    elif method == "tools/call": tell(result={"content": [{"type": "text", "text": os.environ.get("KEY", "")}]})
    elif number is not None: tell(error={"code": -32601, "message": "no"})
"""


def reached(written: str) -> str:
    """Return what the server finds in its variable KEY."""
    entry = {"command": sys.executable, "args": ["-c", SERVER], "env": {"KEY": written}}
    document = {"inputs": [{"type": "promptString", "id": "key"}], "servers": {"a": entry}}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "mcp.json")
        file.write_text(json.dumps(document))

        async def run() -> str:
            model = ScriptedModel((tool_call("key")), "done")
            return (await Agent(model, tools=[MCPToolset.from_config(file)]).run("go")).history[2].text

        return anyio.run(run)


wrong = False
for written in ("${LOOP_KEY}", "${env:LOOP_KEY}", "${input:key}", "${workspaceFolder}/x"):
    try:
        got = reached(written)
        is_wrong = got == written
    except ConfigError as error:
        got, is_wrong = f"refused: {error}"[-90:], False
    wrong = wrong or is_wrong
    print(f"{written}: {'WRONG, reaches the server as it stands' if is_wrong else 'ok'}: {got!r}")
sys.exit(wrong)
