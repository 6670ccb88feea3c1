"""Read the results of tools in tests.

In:  a message of a history.
Out: its structured content, as a dictionary of any values.
"""

from typing import Any

from agentkit.message import Message, ToolResult


def structured(message: Message) -> dict[str, Any]:
    """Return the structured content of a tool result."""
    assert isinstance(message, ToolResult), message
    assert isinstance(message.structured_content, dict), message
    return message.structured_content
