"""An MCP server's schema of 40 nested allOf + unevaluatedProperties must not hang the client (exponential, at listing)."""
import sys, os; sys.path.insert(0, os.path.dirname(__file__))
from host import within; within(25, "listing one MCP tool hangs the process")
from agentkit.mcp import MCPToolset
import anyio
async def main():
    ts = MCPToolset.stdio(sys.executable, os.path.join(os.path.dirname(__file__), "mcp_evil.py"), "uneval")
    async with ts.open():
        print([t.name for t in await ts.list_tools(())])
anyio.run(main); print("OK")
