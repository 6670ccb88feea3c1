"""What tests of the server share: clients of both revisions, and someone at them."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import mcp
import mcp_types as types
import pytest
from mcp.client.context import ClientRequestContext

Mode = Literal["legacy", "auto"]
both_revisions = pytest.mark.parametrize(
    "mode", ["legacy", "auto"], ids=["2025-11-25", "2026-07-28"]
)

Answer = Callable[[types.ElicitRequestParams], Mapping[str, Any] | None]


class Person:
    """Fills in forms; keeps what was asked. None for an answer declines."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.asked: list[str] = []

    async def __call__(
        self,
        context: ClientRequestContext,  # noqa: ARG002 - as the SDK calls it
        params: types.ElicitRequestParams,
    ) -> types.ElicitResult:
        """Answer one question."""
        self.asked.append(params.message)
        content = self._answer(params)
        if content is None:
            return types.ElicitResult(action="decline")
        return types.ElicitResult(action="accept", content=dict(content))


def text_of(result: types.CallToolResult) -> str:
    """Return the text of a result."""
    return "".join(block.text for block in result.content if isinstance(block, types.TextContent))


async def call(
    client: mcp.Client, name: str, arguments: Mapping[str, Any] | None = None, **options: Any
) -> types.CallToolResult:
    """Call a tool, which must give a result."""
    result = await client.call_tool(name, dict(arguments or {}), **options)
    assert isinstance(result, types.CallToolResult)
    return result
