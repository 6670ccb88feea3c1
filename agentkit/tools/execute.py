"""Run ready calls and return a result for each.

In:  `ReadyCall`s that may run in parallel.
Out: as many `ToolResult`s, in the order given; events about each call.

An exception of a tool becomes an error result for the model and a log line with the traceback. Only
bugs of agentkit, cancellation and exceptions that end the program leave `execute_calls`.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import groupby
from typing import TypedDict, Unpack

import anyio

from agentkit.clock import Clock
from agentkit.event import (
    Emit,
)
from agentkit.exception_groups import ungrouped
from agentkit.message import ToolCall, ToolResult
from agentkit.tools.binding import BoundArguments, HandlerBinding
from agentkit.tools.concurrency.concurrency_limits import UNLIMITED, ConcurrencyLimits
from agentkit.tools.result_content import (
    ToolFailure,
    build_result,
    cut_result,
)
from agentkit.tools.run_context import RunLink
from agentkit.tools.signature import is_async
from agentkit.tools.tool import Tool
from agentkit.tools.tool_run import CallOptions, ToolMiddleware, ToolRun
from agentkit.tools.validate import ReadyCall


class ExecuteOptions(TypedDict, total=False):
    """How calls are run; all options are optional.

    Attributes:
        concurrency: how many of these calls may run at the same time, 1 or more; 8.
        timeout_seconds: limit for each tool without its own timeout, counted from its own start.
        cleanup_seconds: how long a cancelled tool may clean up before every wait in it is
            cancelled.
        max_characters: longer text of a result is truncated for the model; the full content is
            emitted as an event.
        concurrency_limits: the limits that are shared with other runs; the limits of single tools
            apply without it, too.
        middleware: see `ToolMiddleware`.
        started: receives each call, by its id, before its tool starts.
        finished: receives each result, by call id, as soon as it exists, so that a cancellation
            loses none.
        link: returns what links a call to its run; see `RunLink`.
    """

    concurrency: int
    timeout_seconds: float | None
    cleanup_seconds: float
    max_characters: int
    concurrency_limits: ConcurrencyLimits
    middleware: ToolMiddleware | None
    started: dict[str, ToolCall]
    finished: dict[str, ToolResult]
    link: Callable[[ReadyCall], RunLink]


def plan_calls(calls: Sequence[ReadyCall]) -> tuple[tuple[ReadyCall, ...], ...]:
    """Divide the calls of a turn into stages, without changing their order.

    The calls of one stage run in parallel, the stages one after another. Calls that only read
    cannot disturb each other. A call with effects runs alone, unless its tool sets `parallel`: a
    model that asks for a write and then a read means them in this order.
    """
    if len(calls) == 1:
        return ((calls[0],),)
    stages: list[tuple[ReadyCall, ...]] = []
    for is_parallel, group in groupby(calls, key=lambda call: can_run_in_parallel(call.tool)):
        if is_parallel:
            stages.append(tuple(group))
        else:
            stages.extend((call,) for call in group)
    return tuple(stages)


def can_run_in_parallel(tool: Tool) -> bool:
    """Return whether a tool may run while others do."""
    if tool.parallel is not None:
        return tool.parallel
    return tool.annotations.read_only_hint


async def execute_calls(
    calls: Sequence[ReadyCall],
    *,
    deps: object,
    emit: Emit,
    clock: Clock,
    **options: Unpack[ExecuteOptions],
) -> list[ToolResult]:
    """Run `calls` in parallel and return their results in the order given.

    Args:
        calls: validated calls with distinct ids; may be empty.
        deps: for tools that take a `RunContext`.
        emit: receives an event for each start, progress report and end.
        clock: measures how long each tool ran.
        options: see `ExecuteOptions`.

    Returns:
        As many results as calls, with `results[i].call_id == calls[i].call.id`.
        A tool that raises or overruns gives `is_error=True`.
    """
    shared = CallOptions(deps=deps, emit=emit, clock=clock, has_own_tasks=len(calls) > 1, **options)
    if shared.concurrency < 1:
        raise ValueError(f"concurrency is {shared.concurrency}; it must be 1 or more.")
    if len(calls) == 1:  # the usual case; it needs no task group
        return [await ToolRun(calls[0], shared).result()]
    results: dict[int, ToolResult] = {}
    waiting = enumerate(calls)

    async def worker() -> None:
        for position, call in waiting:
            results[position] = await ToolRun(call, shared).result()

    with ungrouped():
        async with anyio.create_task_group() as group:
            for _ in range(min(shared.concurrency, len(calls))):
                group.start_soon(worker)
    return [results[position] for position in range(len(calls))]


async def find_outcome(
    call: ReadyCall,
    *,
    deps: object,
    emit: Emit,
    clock: Clock,
    **options: Unpack[ExecuteOptions],
) -> ToolResult | None:
    """Find out with the tool's `find_outcome` how a call of unknown outcome ended.

    Args:
        call: the call as it was run.
        deps: as in `execute_calls`.
        emit: receives progress events only.
        clock: as in `execute_calls`.
        options: of these, the limits of time and size apply.

    Returns:
        The result of the call. None if that cannot be known: the tool has no `find_outcome`, or
        it returned None, raised, or took too long.
    """
    function = call.tool.find_outcome
    if function is None:
        return None
    shared = CallOptions(deps=deps, emit=emit, clock=clock, **options)
    lookup = replace(
        call,
        tool=replace(
            call.tool,
            function=function,
            binding=HandlerBinding(takes_context=True, is_async=is_async(function)),
        ),
        bound=BoundArguments(positional=(dict(call.arguments),)),
    )
    found = await ToolRun(lookup, shared).outcome(UNLIMITED)
    if found is None or isinstance(found, ToolFailure):
        return None
    return cut_result(build_result(call, found), max_characters=shared.max_characters)
