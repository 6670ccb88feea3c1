"""Keep one request from ending the server, its session or other requests.

In:  the handler of a request.
Out: its answer, or a JSON-RPC error in place of an exception that would end a task group.

The SDK answers an `Exception` with an error. A `SystemExit`, a `GeneratorExit` or a cancellation
that code of a tool, a rule or a toolset raises would pass through it and end the server.
"""

from collections.abc import Awaitable, Callable
from threading import current_thread, main_thread
from typing import TypeVar

import anyio
import mcp_types as types
from mcp.shared.exceptions import MCPError

from agentkit.exception_groups import leaves
from agentkit.log import Log
from agentkit.tools.concurrency.graceful_cancel import is_caller_cancelled

T = TypeVar("T")

log: Log = Log("agentkit.mcp")


async def contained(handle: Callable[[], Awaitable[T]], *, method: str) -> T:
    """Return what a handler returns.

    Raises:
        MCPError: the handler raised an exception that ends programs or tasks.
    """
    try:
        return await handle()
    except Exception:
        raise  # the SDK's to answer
    except BaseException as error:
        if await ends_request(error):
            raise
        log.warning("mcp_request_failed", method=method, error=type(error).__name__)
        text = f"The request failed: {type(error).__name__} was raised."
        raise MCPError(types.INTERNAL_ERROR, text) from error


async def ends_request(error: BaseException) -> bool:
    """Return whether an exception comes from the client or the user, who may end the request."""
    for leaf in leaves(error):
        if isinstance(leaf, KeyboardInterrupt) and current_thread() is main_thread():
            return True  # Ctrl-C
        if isinstance(leaf, anyio.get_cancelled_exc_class()):
            # The SDK runs each request in its own task, so `task.cancel()` was called by a tool.
            return await is_caller_cancelled(task_cancels=None)
    return False
