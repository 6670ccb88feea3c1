"""A to-do list that a model keeps while it works.

In:  the complete list, each time something changes.
Out: `TOOLS`: the tool `update_plan`; the command line shows the list.

The list is in the conversation and nowhere else, so it survives what the conversation survives.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from agentkit import ToolError, tool

__all__ = ["TOOLS", "Plan", "PlanStep", "update_plan"]

MAX_STEPS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanStep:
    """One step of a plan, and how far it is."""

    step: Annotated[
        str,
        Field(min_length=1, max_length=300, description="what is to be done, in a few words"),
    ]
    status: Literal["pending", "in_progress", "done", "dropped"] = "pending"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The list as it is now."""

    plan: list[PlanStep]


@tool(title="Plan", read_only=True, idempotent=True, open_world=False, tags=("plan",))
def update_plan(
    steps: Annotated[list[PlanStep], Field(min_length=1, max_length=MAX_STEPS)],
) -> Plan:
    """Write or change your list of steps; the user sees it.

    Use it for tasks of three or more steps: first with the whole list, then each time a step is
    begun or done. Give the complete list each time, with at most one step in progress.

    Args:
        steps: all steps in order.
    """
    running = [one.step for one in steps if one.status == "in_progress"]
    if len(running) > 1:
        raise ToolError(f"Only one step can be in progress, not {len(running)}: {running}.")
    return Plan(plan=steps)


TOOLS = (update_plan,)
