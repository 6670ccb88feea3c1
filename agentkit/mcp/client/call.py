"""Call a tool of an MCP server.

In:  a connection, the tool's name on the server, valid arguments.
Out: the server's result; meanwhile, its progress and log messages as events of the run.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import anyio
import mcp_types as types
from mcp.client._input_required import InputRequiredRoundsExceededError
from mcp.client.client import Client
from mcp.shared.exceptions import MCPError

from agentkit.errors import ToolError
from agentkit.event import ToolProgressed
from agentkit.exception_groups import ungrouped
from agentkit.json_schema import JsonObject
from agentkit.mcp.client.resources import map_server_errors
from agentkit.mcp.client.server_connection import ServerConnection
from agentkit.mcp.convert import result_from_mcp
from agentkit.message import ToolResult
from agentkit.tools.run_context import RunContext, link_of

SESSION_ENDED = "Session terminated"
"""The SDK's message if a server of an earlier revision no longer knows the session."""


async def call_tool(
    connection: ServerConnection, name: str, context: RunContext[Any], arguments: JsonObject
) -> ToolResult:
    """Return the result of a call. A cancellation is reported to the server.

    Raises:
        ToolError: there is no result; the message is for the model.
    """
    client = connection.client()
    with connection.track_call(context) as notifications:

        async def on_progress(progress: float, total: float | None, message: str | None) -> None:
            notifications.add(
                ToolProgressed(
                    call_id=context.call_id, progress=progress, total=total, message=message
                )
            )

        with _failures(connection, client), ungrouped():
            async with anyio.create_task_group() as group:
                emit = link_of(context).emit
                notifications.begin_with(partial(group.start_soon, notifications.forward, emit))
                result = await client.call_tool(
                    name, dict(arguments), progress_callback=on_progress
                )
                notifications.close()
    return result_from_mcp(result)


@contextmanager
def _failures(connection: ServerConnection, client: Client) -> Iterator[None]:
    """Map the SDK's exceptions for a call to errors for the model."""
    try:
        with map_server_errors():
            yield
    except InputRequiredRoundsExceededError as error:
        raise ToolError(f"The server keeps asking for input: {error}") from error
    except ToolError as error:
        cause = error.__cause__
        if not isinstance(cause, MCPError) or not _is_gone(cause):
            raise
        has_ended_session = cause.message == SESSION_ENDED
        connection.mark_lost(
            client, "it ended the session" if has_ended_session else "its process ended"
        )
        raise ToolError(
            f"The connection to the MCP server {connection.name!r} was lost during this call "
            f"({cause.message}). Whether the call had an effect is not known."
        ) from error


def _is_gone(error: MCPError) -> bool:
    return error.message == SESSION_ENDED or error.code == types.CONNECTION_CLOSED
