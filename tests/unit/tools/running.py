"""Ready calls, and running them within bounds."""

import threading
from collections.abc import Callable
from typing import Any

import anyio
import anyio.to_thread

from agentkit.clock import Clock, SystemClock
from agentkit.event import Emit, RunEvent, ignore
from agentkit.message import ToolCall, ToolResult
from agentkit.tools.concurrency.worker_threads import ThreadJob
from agentkit.tools.execute import execute_calls
from agentkit.tools.tool import Tool, tool
from agentkit.tools.tool_run import CallOptions
from agentkit.tools.validate import ReadyCall, validate_call


def ready(made: Tool | Callable[..., object], arguments: str = "", id: str = "c1") -> ReadyCall:  # noqa: A002
    """Return a call that is ready."""
    made = made if isinstance(made, Tool) else tool(made)
    call = ToolCall(id=id, name=made.name, arguments=arguments)
    found = validate_call(call, {made.name: made})
    assert isinstance(found, ReadyCall)
    return found


async def execute(
    *calls: ReadyCall,
    emit: Emit = ignore,
    clock: Clock | None = None,
    deps: object = None,
    within_seconds: float = 60,
    **options: Any,
) -> list[ToolResult]:
    """Run calls within bounds."""
    shared = CallOptions(deps=deps, emit=emit, clock=clock or SystemClock(), **options)
    with anyio.fail_after(within_seconds):
        return await execute_calls(calls, shared)


async def abandon_once_started(
    function: Callable[[], object], started: threading.Event, *, limit: int
) -> None:
    """Run a blocking function in a thread, and give it up once it has set `started`."""
    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: ThreadJob(function).run(limit=limit))
            await anyio.to_thread.run_sync(started.wait)
            group.cancel_scope.cancel()


class Listener:
    """Keeps the events it receives."""

    def __init__(self) -> None:
        self.events: list[RunEvent] = []

    async def __call__(self, event: RunEvent) -> None:
        """Keep an event."""
        self.events.append(event)
