"""A run whose conversation can be read while it goes on, and after it was cancelled.

In:  an agent, the options of a run without a prompt.
Out: its result; the conversation so far, which is complete at any time.

A stream has the same, but requests answers as streams; a stored run does so only if asked for.
"""

from collections.abc import Awaitable
from typing import Any

from agentkit.agent.options import RunOptions
from agentkit.agent.result import RunResult
from agentkit.agent.run_methods import RunMethods
from agentkit.history import History
from agentkit.usage import Usage


class KeptRun:
    """One run of an agent; see `Agent.run`."""

    def __init__(self, agent: RunMethods[Any, Any], options: RunOptions[Any]) -> None:
        """Read what the caller gives to the run; nothing is opened or sent yet.

        Raises:
            HistoryError: there is nothing to answer.
            TypeError: there is no such option, or the agent's tools need `deps`.
        """
        self._agent = agent
        self._run = agent._new_run(None, options, None)

    def result(self) -> Awaitable[RunResult[Any]]:
        """Run to the end; see `Agent.run` for what is raised."""
        return self._agent._run(self._run)

    @property
    def history(self) -> History:
        """Return the conversation so far: each call has a result, a partial answer is marked."""
        return self._run.draft.complete()

    @property
    def usage(self) -> Usage:
        """Return what was used so far."""
        return self._run.meter.usage

    @property
    def turns(self) -> int:
        """Return how many model calls were made so far."""
        return self._run.meter.spent.turns
