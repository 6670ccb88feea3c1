"""Run ready calls and return a result for each.

In:  `ReadyCall`s that may run in parallel.
Out: as many `ToolResult`s, in the order given; events about each call.

An exception of a tool becomes an error result for the model and a log line with the traceback. Only
bugs of agentkit, cancellation and exceptions that end the program leave `execute_calls`.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

import anyio

from agentkit.exception_groups import ungrouped
from agentkit.message import ToolResult
from agentkit.tools.binding import BoundArguments, HandlerBinding
from agentkit.tools.concurrency.concurrency_limits import UNLIMITED
from agentkit.tools.result_content import (
    ToolFailure,
    build_result,
    cut_result,
)
from agentkit.tools.signature import is_async
from agentkit.tools.tool import Tool
from agentkit.tools.tool_run import CallOptions, ToolRun
from agentkit.tools.validate import ReadyCall


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


async def execute_calls(calls: Sequence[ReadyCall], options: CallOptions) -> list[ToolResult]:
    """Run `calls` in parallel and return their results in the order given.

    Args:
        calls: validated calls with distinct ids; may be empty.
        options: what they share.

    Returns:
        As many results as calls, with `results[i].call_id == calls[i].call.id`.
        A tool that raises or overruns gives `is_error=True`.
    """
    if options.concurrency < 1:
        raise ValueError(f"concurrency is {options.concurrency}; it must be 1 or more.")
    if len(calls) == 1:  # the usual case; it needs no task group
        return [await ToolRun(calls[0], options).result()]
    results: dict[int, ToolResult] = {}
    waiting = enumerate(calls)

    async def worker() -> None:
        for position, call in waiting:
            results[position] = await ToolRun(call, options, has_own_task=True).result()

    with ungrouped():
        async with anyio.create_task_group() as group:
            for _ in range(min(options.concurrency, len(calls))):
                group.start_soon(worker)
    return [results[position] for position in range(len(calls))]


async def find_outcome(call: ReadyCall, options: CallOptions) -> ToolResult | None:
    """Find out with the tool's `find_outcome` how a call of unknown outcome ended.

    Args:
        call: the call as it was run.
        options: as for `execute_calls`; there is no middleware, and of events only progress.

    Returns:
        The result of the call. None if that cannot be known: the tool has no `find_outcome`, or
        it returned None, raised, or took too long.
    """
    function = call.tool.find_outcome
    if function is None:
        return None
    lookup = replace(
        call,
        tool=replace(
            call.tool,
            function=function,
            binding=HandlerBinding(takes_context=True, is_async=is_async(function)),
        ),
        bound=BoundArguments(positional=(dict(call.arguments),)),
    )
    found = await ToolRun(lookup, options).outcome(UNLIMITED)
    if found is None or isinstance(found, ToolFailure):
        return None
    return cut_result(build_result(call, found), max_characters=options.max_characters)
