"""A result that is a text for the model, and a value for programs.

In:  the text, and a dataclass with the same content.
Out: a `ToolResult`; the tool returns it as `Annotated[ToolResult, TypeOfTheValue]`.

Clients of an MCP server and code that calls tools get the value. A model gets the text, which has
fewer tokens than JSON.
"""

from dataclasses import asdict
from typing import Any

from agentkit import ToolResult


def text_result(text: str, value: Any) -> ToolResult:
    """Return a result of a text and a dataclass."""
    return ToolResult("", text, structured_content=asdict(value))
