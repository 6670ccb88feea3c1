"""Decide which calls of a turn run side by side.

In:  ready calls, in the order asked.
Out: stages: the calls of one stage run together, the stages one after another.

What only reads cannot disturb its neighbours. What has effects runs alone, unless its tool says
otherwise; a model that asks for a write and then a read means them in this order.
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
    for together, group in groupby(calls, key=lambda call: can_run_beside(call.tool)):
        if together:
            stages.append(tuple(group))
        else:
            stages.extend((call,) for call in group)
    return tuple(stages)


def can_run_beside(tool: Tool) -> bool:
    """Say whether a tool may run while others do."""
    if tool.parallel is not None:
        return tool.parallel
    return tool.annotations.read_only_hint
