"""Put the parts of one run together.

In:  what an agent is made of, what the caller gave to this run.
Out: the policy and the steps with which the loop runs.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, TypedDict

from typing_extensions import TypeVar

from agentkit.agent.budget import Budget, Meter
from agentkit.agent.calls import Caller, CallInput
from agentkit.agent.exchange import Exchanger, ModelInput
from agentkit.agent.inbox import Inbox
from agentkit.agent.live import LiveSteps
from agentkit.agent.ports import Journal, NoJournal
from agentkit.agent.step import Policy, RunState
from agentkit.agent.window import Window, WindowSettings
from agentkit.chat import ToolChoice
from agentkit.clock import Clock, SystemClock
from agentkit.errors import HistoryError
from agentkit.event import Emit
from agentkit.history import History
from agentkit.message import Message, UserMessage
from agentkit.model.model import ModelConnection
from agentkit.tool.approve import Approval, Rule
from agentkit.tool.caps import ToolCaps
from agentkit.tool.toolset import Toolset

DepsT = TypeVar("DepsT", default=Any)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentOptions:
    """How an agent works inside; the defaults suit most.

    Attributes:
        tool_concurrency: how many tools of one turn may run at the same time, 1 or more.
        tool_timeout_seconds: limit of each tool that has none of its own; None for no limit.
        tool_caps: limits on tools that hold over all runs that share them.
        watches_progress: a run that goes nowhere is told so, and then stopped.
        window: how the conversation is kept within the model's window.
        clock: where time comes from.
    """

    tool_concurrency: int = 8
    tool_timeout_seconds: float | None = 60.0
    tool_caps: ToolCaps = field(default_factory=ToolCaps)
    watches_progress: bool = True
    window: WindowSettings = field(default_factory=WindowSettings)
    clock: Clock = field(default_factory=SystemClock)


class RunOptions(TypedDict, Generic[DepsT], total=False):
    """What may be given to one run.

    Attributes:
        deps: handed to tools in their `RunContext`.
        budget: the limits of this run, in place of the agent's.
        tool_choice: `auto`, `required`, `none` or a tool's name; forced once, in the first turn.
        approvals: answers about the open calls of a suspended run.
        journal: remembers what the effects of this run gave, so that it can be run again.
        run_id: stable over the lives of one run; makes idempotency keys unique among runs.
    """

    deps: DepsT | None
    budget: Budget | None
    tool_choice: ToolChoice | str
    approvals: Sequence[Approval]
    journal: Journal
    run_id: str


class RunHandle:
    """What can be seen of a run, and said to it, while it is under way."""

    def __init__(self, history: History) -> None:
        self.inbox = Inbox()
        self.steps: LiveSteps | None = None
        self._start = history

    @property
    def history(self) -> History:
        """Return the conversation so far, whole."""
        found = None if self.steps is None else self.steps.history()
        return self._start if found is None else found


class Inbound:
    """What the caller gave to one run, checked before anything is opened."""

    def __init__(self, prompt: str | Iterable[Message], options: RunOptions[Any]) -> None:
        """Read it.

        Raises:
            HistoryError: the conversation is empty or not whole.
        """
        history = _history(prompt)
        self.state = RunState(history=history)
        self.options = options
        self.handle = RunHandle(history)

    @property
    def tool_choice(self) -> ToolChoice:
        """Return the choice asked for."""
        choice = self.options.get("tool_choice", "auto")
        return ToolChoice.parse(choice) if isinstance(choice, str) else choice

    @property
    def approvals(self) -> Mapping[str, Approval]:
        """Return the answers given, by call id."""
        return {approval.call_id: approval for approval in self.options.get("approvals", ())}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStart:
    """What an agent gives to each of its runs."""

    connection: ModelConnection
    toolset: Toolset
    given: ModelInput
    rule: Rule | None
    budget: Budget
    options: AgentOptions
    window: Window

    def prepare(self, inbound: Inbound, *, emit: Emit) -> tuple[Policy, LiveSteps]:
        """Return the policy and the steps of one run."""
        asked, clock = inbound.options, self.options.clock
        budget = asked.get("budget") or self.budget
        meter = Meter(budget, clock=clock)
        journal = asked.get("journal") or NoJournal()
        exchanger = Exchanger(
            self.connection,
            given=self.given,
            meter=meter,
            inbox=inbound.handle.inbox,
            fit=partial(self.window.fit, connection=self.connection),
        )
        caller = Caller(
            given=CallInput(
                deps=asked.get("deps"),
                run_id=asked.get("run_id", ""),
                rule=self.rule,
                approvals=inbound.approvals,
                concurrency=self.options.tool_concurrency,
                timeout_seconds=self.options.tool_timeout_seconds,
                caps=self.options.tool_caps,
            ),
            meter=meter,
            journal=journal,
            clock=clock,
        )
        steps = LiveSteps(
            exchanger=exchanger,
            caller=caller,
            toolset=self.toolset,
            meter=meter,
            journal=journal,
            clock=clock,
            emit=emit,
        )
        inbound.handle.steps = steps
        policy = Policy(
            budget=budget,
            tool_choice=inbound.tool_choice,
            watches_progress=self.options.watches_progress,
        )
        return policy, steps


def _history(prompt: str | Iterable[Message]) -> History:
    """Return the conversation that a run with this prompt begins with."""
    if isinstance(prompt, str):
        if not prompt.strip():
            raise HistoryError("The prompt is empty; give the model something to answer.")
        return History((UserMessage.of(prompt),))
    history = prompt if isinstance(prompt, History) else History(prompt)
    if not history:
        raise HistoryError("The conversation is empty; give the model something to answer.")
    return history
