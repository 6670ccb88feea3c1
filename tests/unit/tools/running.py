"""Ready calls, and running them within bounds."""

from collections.abc import Callable
from typing import Any

import anyio

from agentkit.clock import Clock, SystemClock
from agentkit.event import Emit, RunEvent, ignore
from agentkit.message import ToolCall, ToolResult
from agentkit.tools.execute import execute_calls
from agentkit.tools.tool import Tool
from agentkit.tools.validate import ReadyCall, validate_call


def ready(made: Tool | Callable[..., object], arguments: str = "", id: str = "c1") -> ReadyCall:  # noqa: A002
    """Return a call that is ready."""
    made = made if isinstance(made, Tool) else Tool.from_function(made)
    call = ToolCall(id=id, name=made.name, arguments=arguments)
    found = validate_call(call, {made.name: made})
    assert isinstance(found, ReadyCall)
    return found


async def execute(
    *calls: ReadyCall,
    emit: Emit = ignore,
    clock: Clock | None = None,
    deps: object = None,
    within_seconds: float = 5,
    **options: Any,
) -> list[ToolResult]:
    """Run calls within bounds."""
    with anyio.fail_after(within_seconds):
        return await execute_calls(
            calls, deps=deps, emit=emit, clock=clock or SystemClock(), **options
        )


class Listener:
    """Keeps the events it hears."""

    def __init__(self) -> None:
        self.events: list[RunEvent] = []

    async def __call__(self, event: RunEvent) -> None:
        """Hear an event."""
        self.events.append(event)
