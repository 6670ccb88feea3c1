"""What a running tool may know about its call.

In:  the call, the run it belongs to, the caller's own dependencies.
Out: `RunContext`, which a tool may take as its first parameter.
"""

from collections.abc import Mapping
from dataclasses import field
from typing import Any, Generic

from typing_extensions import TypeVar

from agentkit.event import Emit, Listener, ToolProgressed, ignore
from agentkit.value import dataclass

DepsT = TypeVar("DepsT", covariant=True, default=Any)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLink:
    """How a call is linked to its run; private to agentkit.

    Attributes:
        run: the run, for an agent that is run with `within=context`; None if there is none.
        emit: reports an event of the run.
        listener: gets the records of agents that run inside the call if there is no run above.
        journal_key: the key of the call in the run's journal; empty without one.
        idempotency_key: see `RunContext`, as the three that follow; if empty, it is the call's id.
        run_id: the id of the run.
        agent_name: the name of the agent.
        labels: what the caller labelled the run with.
    """

    run: object = None
    emit: Emit = ignore
    listener: Listener | None = None
    journal_key: str = ""
    idempotency_key: str = ""
    run_id: str = ""
    agent_name: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


NO_LINK = RunLink()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext(Generic[DepsT]):
    """One call of one tool, seen from the inside; only `deps` is needed to make one in a test.

    A tool that works in a thread reports with `anyio.from_thread.run(context.report_progress, …)`.

    Attributes:
        deps: what the caller gave to `run(deps=…)`.
        call_id: the id of the call, unique in its conversation.
        tool_name: the name under which the tool was called.
        idempotency_key: the same each time this call is run, also after a restart; pass it to
            services that must not do a thing twice.
        run_id: the id of the run; empty if no agent runs the tool.
        agent_name: the name of the agent whose tool it is.
        labels: what the caller labelled the run with.
    """

    deps: DepsT
    call_id: str = ""
    tool_name: str = ""
    idempotency_key: str = ""
    run_id: str = ""
    agent_name: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    _link: RunLink = field(default=NO_LINK, repr=False, compare=False)

    async def report_progress(
        self, progress: float, total: float | None = None, message: str | None = None
    ) -> None:
        """Report to the listeners of the run how far this call is.

        Args:
            progress: grows from report to report.
            total: the value `progress` will end at, in the same unit, if known.
            message: what is being done, in a few words.
        """
        event = ToolProgressed(
            call_id=self.call_id, progress=progress, total=total, message=message
        )
        await self._link.emit(event)


def link_of(context: RunContext[Any]) -> RunLink:
    """Return how a call is linked to its run."""
    return context._link


def run_of(context: RunContext[Any]) -> object:
    """Return the run that a tool was called in; None if no agent called it."""
    return context._link.run
