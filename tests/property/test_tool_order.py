"""Results keep the order of calls, whatever the tools do and whichever ends first."""

import anyio
import anyio.lowlevel
from hypothesis import given, settings
from hypothesis import strategies as st

from agentkit.clock import SystemClock
from agentkit.event import RunEvent, ToolCallFinished, ToolCallStarted
from agentkit.message import ToolCall, ToolResult
from agentkit.tools.execute import execute_calls, plan_calls
from agentkit.tools.tool import tool
from agentkit.tools.tool_run import CallOptions
from agentkit.tools.toolset import index_tools
from agentkit.tools.validate import ReadyCall, validate_call


@tool(read_only=True)
async def dawdle(steps: int) -> int:
    """Give way so many times."""
    for _ in range(steps):
        await anyio.lowlevel.checkpoint()
    return steps


@tool(read_only=True)
async def fail(steps: int) -> None:
    """Give way, then fail."""
    await dawdle(steps)
    raise ValueError(steps)


@tool
async def write(steps: int) -> int:
    """Have effects."""
    return await dawdle(steps)


TOOLS = index_tools([dawdle, fail, write])

ASKED = st.lists(st.tuples(st.sampled_from([*TOOLS]), st.integers(0, 6)), max_size=9)


async def run(calls: list[ReadyCall], concurrency: int) -> tuple[list[ToolResult], list[RunEvent]]:
    """Run planned calls as the loop does."""
    events: list[RunEvent] = []

    async def emit(event: RunEvent) -> None:
        events.append(event)

    options = CallOptions(deps=None, emit=emit, clock=SystemClock(), concurrency=concurrency)
    results: list[ToolResult] = []
    with anyio.fail_after(60):
        for stage in plan_calls(calls):
            results += await execute_calls(stage, options)
    return results, events


@given(asked=ASKED, concurrency=st.integers(1, 4), backend=st.sampled_from(["asyncio", "trio"]))
@settings(max_examples=100, deadline=None)
def test_results_keep_the_order_of_calls(
    asked: list[tuple[str, int]], concurrency: int, backend: str
) -> None:
    """One result for each; one start and one end; no write at the same time as anything else."""
    calls: list[ReadyCall] = []
    for position, (name, steps) in enumerate(asked):
        call = ToolCall(id=f"c{position}", name=name, arguments=f'{{"steps": {steps}}}')
        found = validate_call(call, TOOLS)
        assert isinstance(found, ReadyCall)
        calls.append(found)

    results, events = anyio.run(run, calls, concurrency, backend=backend)

    assert [(result.call_id, result.is_error, result.text) for result in results] == [
        (f"c{position}", name == "fail", f"ValueError: {steps}" if name == "fail" else f"{steps}")
        for position, (name, steps) in enumerate(asked)
    ]
    started = [event.call.id for event in events if isinstance(event, ToolCallStarted)]
    finished = [event.call.id for event in events if isinstance(event, ToolCallFinished)]
    assert sorted(started) == sorted(finished) == sorted(result.call_id for result in results)
    check_writes_are_alone(events, concurrency)


def check_writes_are_alone(events: list[RunEvent], concurrency: int) -> None:
    """Raise if a call ran at the same time as a write, or more calls ran than the limit."""
    running: list[str] = []
    for event in events:
        if isinstance(event, ToolCallStarted):
            running.append(event.call.name)
            assert len(running) <= concurrency
            assert "write" not in running or running == ["write"]
        elif isinstance(event, ToolCallFinished):
            running.remove(event.call.name)
