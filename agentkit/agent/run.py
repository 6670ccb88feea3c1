"""What a run offers to the agents that work inside it.

In:  the run's budget, journal and depth.
Out: `RunScope`, which tools carry in their `RunContext` without looking into it.
"""

from collections.abc import Awaitable, Callable
from dataclasses import field
from typing import Any, TypeVar

from pydantic import TypeAdapter

from agentkit.agent.journal import Journal, NoJournal
from agentkit.budget.budget import NO_LIMITS, Meter
from agentkit.clock import Clock
from agentkit.errors import AgentKitError
from agentkit.message import UserMessage
from agentkit.model.model import Model
from agentkit.tools.run_context import RunContext
from agentkit.value import dataclass

T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class Handoffs:
    """The hand-offs of one run.

    Attributes:
        most: how many there may be.
        made: how many there were.
        is_asked: one was asked for in this turn.
    """

    most: int
    made: int = 0
    is_asked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RunScope:
    """One run, as its tools hand it on to agents below.

    Attributes:
        meter: what the run has used, and may use.
        journal: remembers the run's effects.
        clock: where time comes from.
        model: the model of the agent that the run began with.
        stream: answers are shown as they arrive.
        depth: how many runs stand above this one.
        max_depth: how many may stand above any.
        handoffs: see `Handoffs`.
        parts: what was used below, by call id.
        inner_runs: how many runs were begun below, by call id.
    """

    meter: Meter
    journal: Journal
    clock: Clock
    model: Model | None = None
    stream: bool = False
    depth: int = 0
    max_depth: int = 4
    handoffs: Handoffs = field(default_factory=lambda: Handoffs(most=8))
    parts: dict[str, Meter] = field(default_factory=dict)
    inner_runs: dict[str, int] = field(default_factory=dict)

    def part(self, call_id: str) -> Meter:
        """Return the meter of what is used below one call."""
        if call_id not in self.parts:
            self.parts[call_id] = Meter(NO_LIMITS, clock=self.clock, parent=self.meter)
        return self.parts[call_id]

    def inner_journal(self, call_id: str) -> Journal:
        """Return the journal for a run below one call: this one's, under names of its own.

        Runs of one call are told apart by the order in which they begin.
        """
        if isinstance(self.journal, NoJournal):
            return self.journal
        number = self.inner_runs[call_id] = self.inner_runs.get(call_id, 0) + 1
        name = call_id if number == 1 else f"{call_id}-{number}"
        return InnerJournal(self.journal, prefix=f"agent-{name}/")


class InnerJournal:
    """A journal inside another; its names begin with a prefix."""

    def __init__(self, journal: Journal, *, prefix: str) -> None:
        self._journal = journal
        self._prefix = prefix

    async def do(
        self,
        name: str,
        effect: Callable[[], Awaitable[T]],
        *,
        codec: Callable[[], TypeAdapter[T]],
        unknown: Callable[[], Awaitable[T]],
    ) -> T:
        """Do it once; see `Journal`."""
        return await self._journal.do(self._prefix + name, effect, codec=codec, unknown=unknown)


def scope_of(context: RunContext[Any]) -> RunScope | None:
    """Return the run that a tool was called in; None if no agent called it.

    Raises:
        AgentKitError: agents stand in each other as deep as they may.
    """
    scope = context.scope
    if not isinstance(scope, RunScope):
        return None
    if scope.depth >= scope.max_depth:
        raise AgentKitError(
            f"No agent can be asked from here: {scope.depth} agents work inside each other, and "
            "more may not (AgentOptions.max_depth). Do without."
        )
    return scope


class Inbox:
    """Holds messages until the run takes them in."""

    def __init__(self) -> None:
        self._waiting: list[UserMessage] = []

    def put(self, message: UserMessage) -> None:
        """Add a message; safe while the run is busy."""
        self._waiting.append(message)

    def take(self) -> tuple[UserMessage, ...]:
        """Return what has come in since the last time."""
        if not self._waiting:
            return ()
        taken = tuple(self._waiting)
        del self._waiting[: len(taken)]
        return taken
