"""A pattern that only Python's engine knows must be bounded: optional parts and alternatives are not counted as repeats."""
import sys, os; sys.path.insert(0, os.path.dirname(__file__))
from host import within; within(25, "one result of an MCP server (its own outputSchema.pattern) hangs the process, GIL held")
from agentkit import Agent, AssistantMessage
from agentkit.mcp import MCPToolset
from agentkit.testing.scripted import ScriptedModel, tool_call
ts = MCPToolset.stdio(sys.executable, os.path.join(os.path.dirname(__file__), "mcp_evil.py"), "outpattern")
r = Agent(ScriptedModel((tool_call("look", **{"q": "x"})), "done"), tools=[ts]).run_sync("go")
print(r.history[2].text if len(r.history) > 2 else r); print("OK")
