"""Park a run whose calls need approval, so that a person can decide about them later.

In:  a suspended run that answers a request in the format of a model provider.
Out: a stored run that waits for the decision, and what the client reads meanwhile.

The client's formats have no place for a question to a person, so its answer ends with a note that
names the run. What the run does afterwards is seen at `/runs`.
"""

from collections.abc import Sequence
from typing import Any

from agentkit.agent.result import RunResult
from agentkit.content import TextContent
from agentkit.durable import Runs
from agentkit.history import History
from agentkit.message import AssistantMessage, ToolCall, ToolResult
from agentkit.service.served import Caller
from agentkit.service.tenant_names import shown_name


class Parking:
    """Parks the runs of one request."""

    def __init__(self, runs: Runs, *, agent: str, caller: Caller, request_id: str) -> None:
        self._runs = runs
        self._agent = agent
        self._caller = caller
        self._request_id = request_id

    async def park(self, result: RunResult[Any]) -> str:
        """Store a suspended run, and return the note about it."""
        info = await self._runs.start(
            self._agent,
            history=result.history,
            tenant=self._caller.tenant,
            labels={"request_id": self._request_id},
        )
        name = shown_name(info.id, self._caller.tenant)
        return parked_note(result.open_calls, name)


def parked_note(calls: Sequence[ToolCall], run_id: str) -> str:
    """Return what the client reads in place of what the calls would have returned."""
    names = " and ".join(dict.fromkeys(call.name for call in calls))
    return f"Waiting for the approval of {names}; the decision is made about the run {run_id}."


def parked_history(result: RunResult[Any], note: str) -> History:
    """Return the conversation as the client goes on with it: the calls did not run."""
    results = [
        ToolResult(call.id, [TextContent(note)], is_error=True) for call in result.open_calls
    ]
    return result.history + [*results, AssistantMessage(note)]
