"""Decide which calls of a turn run in parallel.

In:  ready calls, in the order of the model's answer.
Out: stages: the calls of one stage run in parallel, the stages one after another.

Calls that only read cannot disturb each other. A call with effects runs alone, unless its tool sets
`parallel`: a model that asks for a write and then a read means them in this order.
"""

from collections.abc import Sequence
from itertools import groupby

from agentkit.tools.tool import Tool
from agentkit.tools.validate import ReadyCall


def plan_calls(calls: Sequence[ReadyCall]) -> tuple[tuple[ReadyCall, ...], ...]:
    """Divide `calls` into stages, without changing their order."""
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
