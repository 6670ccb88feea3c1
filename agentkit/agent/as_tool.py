"""An agent as a tool of another.

In:  an agent's `run`, a name and a description.
Out: a `Tool` that takes a task as text and returns the agent's answer.

The inner run spends from the budget of the run above, reports its events there, and cannot be
suspended: a call that needs approval becomes an error that the model above reads.
"""

import math
from collections.abc import Awaitable, Callable
from typing import Any

from agentkit.agent.result import RunResult
from agentkit.errors import AgentKitError, JournalError, ToolError
from agentkit.json_schema import JsonObject
from agentkit.tools.run_context import RunContext
from agentkit.tools.tool import Tool
from agentkit.tools.tool_options import ToolOptions

INPUT_SCHEMA: JsonObject = {
    "type": "object",
    "properties": {
        "prompt": {"type": "string", "description": "The task, with all that is needed for it."}
    },
    "required": ["prompt"],
    "additionalProperties": False,
}


def agent_as_tool(
    run: Callable[..., Awaitable[RunResult]],
    *,
    agent: str,
    name: str | None,
    description: str | None,
    options: ToolOptions,
) -> Tool:
    """Make a tool of an agent; see `Agent.as_tool`.

    Args:
        run: the agent's `run`.
        agent: the agent's name.
        name: the tool's name; None for the agent's.
        description: what the model above reads; None for general words.
        options: see `ToolOptions`; without a timeout the budgets alone limit the time.
    """

    async def ask(context: RunContext[Any], arguments: JsonObject) -> object:
        try:
            result = await run(arguments["prompt"], deps=context.deps, within=context)
        except JournalError:
            raise  # a run that cannot record its effects must not go on
        except AgentKitError as error:
            raise ToolError(f"The agent {agent!r} gave no answer: {error}") from error
        return answer_of(result, agent=agent)

    # A run that was interrupted continues: its own effects are in the journal one by one.
    with_defaults = ToolOptions(**{"timeout_seconds": math.inf, "find_outcome": ask, **options})
    return Tool.from_schema(
        name=name or agent,
        description=describe_agent(agent) if description is None else description,
        input_schema=INPUT_SCHEMA,
        handler=ask,
        **with_defaults,
    )


def describe_agent(agent: str) -> str:
    """Return the description of an agent that has none of its own."""
    return (
        f"Give a task to the agent {agent!r}, which works on it by itself and answers. It sees "
        "nothing of this conversation: include everything that it needs."
    )


def answer_of(result: RunResult, *, agent: str) -> object:
    """Return what the model above reads.

    Raises:
        ToolError: there is no answer.
    """
    if result.stop_reason == "answered":
        return result.output
    if result.stop_reason == "suspended":
        names = ", ".join(sorted({call.name for call in result.open_calls}))
        raise ToolError(
            f"The agent {agent!r} has no answer: its call of {names} must be approved by a person, "
            "who cannot be asked from here. Do without, or tell the user."
        )
    return f"[The agent {agent!r} was stopped early: {result.stop_reason}]\n{result.text}"
