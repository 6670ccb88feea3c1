"""Public: langchain-ai/langsmith-mcp-server#69, NVIDIA/NeMo-Agent-Toolkit#1665, huggingface/smolagents#2496. The default, sent.

A parameter `limit: int = None`; the schema says "default": null, and the model sends just that. Other defaults alike.
Right: the tool runs with its own default, without a question to anybody; or at least the model is told. The run
must not end as suspended, with no answer.
"""

import json
import logging
import sys

import anyio

from agentkit import Agent, AssistantMessage, Tool, ToolCall, tool
from agentkit.mcp import MCPToolset
from agentkit.testing import ScriptedModel

logging.disable(logging.CRITICAL)


@tool
def search(words: str, limit: int = None) -> str:  # noqa: RUF013
    """Search."""
    return f"{words} {limit}"


@tool
def paint(colour: float = "auto") -> str:  # type: ignore[assignment]
    """Paint."""
    return f"painted {colour}"


given = Tool.from_schema(
    name="given",
    description="Of a JSON Schema.",
    input_schema={"type": "object", "properties": {"page": {"type": "string", "default": None}}},
    handler=lambda arguments: f"page {arguments.get('page')}",
)
CASES = [(search, {"words": "x", "limit": None}, "x None"), (paint, {"colour": "auto"}, "painted auto"), (given, {"page": None}, "page None")]
wrong = False
for one, arguments, expected in CASES:
    call = ToolCall(id="call00001", name=one.name, arguments=json.dumps(arguments))
    result = Agent(ScriptedModel(AssistantMessage(tool_calls=[call]), "done"), tools=[one]).run_sync("go")
    text = result.history[2].text if len(result.history) > 2 else ""
    is_right = text == expected
    wrong = wrong or not is_right
    print(f"{one.name} {json.dumps(arguments)}: {'ok' if is_right else 'WRONG'}: stop_reason={result.stop_reason} {text[:120]!r}")
    print("   its schema:", json.dumps(one.input_schema["properties"]))
sys.exit(wrong)
