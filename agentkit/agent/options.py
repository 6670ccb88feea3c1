"""Put the parts of one run together.

In:  what an agent is made of, what the caller gave to this run.
Out: the policy and the steps with which the loop runs.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from typing import Any, Generic, Protocol, TypedDict

from typing_extensions import TypeVar

from agentkit.agent.journal import Journal, NoJournal
from agentkit.agent.model_call import Exchanger, ModelInput
from agentkit.agent.run import Handoffs, Inbox, RunScope, scope_of
from agentkit.agent.step import Policy, RunState
from agentkit.agent.steps import LiveSteps
from agentkit.agent.tool_calls import Caller, CallInput
from agentkit.budget.budget import Budget, Meter
from agentkit.chat import ModelSettings, ToolChoice
from agentkit.clock import Clock, SystemClock
from agentkit.context.window import ContextSettings, Window
from agentkit.errors import HistoryError
from agentkit.event import Emit, RunEvent, SubAgentEvent
from agentkit.history import History
from agentkit.message import Message, UserMessage
from agentkit.model.model import Model, ModelConnection
from agentkit.output.output_plan import PLAIN_TEXT, OutputPlan
from agentkit.output.output_type import OutputSettings
from agentkit.tools.approval import Approval, ApprovalRule
from agentkit.tools.concurrency.concurrency_limits import ConcurrencyLimits
from agentkit.tools.run_context import RunContext
from agentkit.tools.toolset import Toolset
from agentkit.value import dataclass, maker

_AUTO = ToolChoice()
_NO_JOURNAL = NoJournal()
_call_input = maker(CallInput)
_model_input = maker(ModelInput)
_new_state = maker(RunState)
_new_policy = maker(Policy)
_new_scope = maker(RunScope)

DepsT = TypeVar("DepsT", default=Any)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentOptions:
    """How an agent works inside; the defaults suit most.

    Attributes:
        tool_concurrency: how many tools of one turn may run at the same time, 1 or more.
        tool_timeout_seconds: limit of each tool that has none of its own; None for no limit.
        concurrency: limits on tools that hold over all runs that share them.
        stop_without_progress: a run that goes nowhere is told so, and then stopped.
        window: how the conversation is kept within the model's window.
        output: how an answer of a certain type is asked for.
        max_depth: how deep agents may work inside each other below this one.
        max_handoffs: how often one run may be handed over to another agent.
        clock: where time comes from.
    """

    tool_concurrency: int = 8
    tool_timeout_seconds: float | None = 60.0
    concurrency: ConcurrencyLimits = field(default_factory=ConcurrencyLimits)
    stop_without_progress: bool = True
    window: ContextSettings = field(default_factory=ContextSettings)
    output: OutputSettings = field(default_factory=OutputSettings)
    max_depth: int = 4
    max_handoffs: int = 8
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
        within: the context of the tool that makes this run: it spends from the budget of the run
            above, which is told of its events; its journal and ids are part of those above.
    """

    deps: DepsT | None
    budget: Budget | None
    tool_choice: ToolChoice | str
    approvals: Sequence[Approval]
    journal: Journal
    run_id: str
    within: RunContext[Any] | None


_RUN_OPTIONS = frozenset(RunOptions.__annotations__)


class HasHistory(Protocol):
    """Steps that know how far they came."""

    def history(self) -> History | None:
        """Return the conversation so far, whole; None before the first step."""


class RunHandle:
    """What can be seen of a run, and said to it, while it is under way."""

    def __init__(self, history: History) -> None:
        self.inbox = Inbox()
        self.steps: HasHistory | None = None
        self._start = history

    @property
    def history(self) -> History:
        """Return the conversation so far, whole."""
        found = None if self.steps is None else self.steps.history()
        return self._start if found is None else found

    def settle(self, history: History) -> None:
        """Take the conversation of a run that has ended, and let go of the run.

        Its parts refer to each other through this handle, and would have to be collected.
        """
        if not history.open_calls:
            self._start, self.steps = history, None


class Inbound:
    """What the caller gave to one run, checked before anything is opened."""

    def __init__(
        self,
        prompt: str | Iterable[Message],
        options: RunOptions[Any],
        *,
        output: OutputPlan[Any] = PLAIN_TEXT,
    ) -> None:
        """Read it.

        Raises:
            HistoryError: the conversation is empty or not whole.
            AgentKitError: agents work inside each other as deep as they may.
            TypeError: there is no option of this name.
        """
        if unknown := sorted(set(options) - _RUN_OPTIONS):
            raise TypeError(
                f"A run has no option {unknown[0]!r}; it has output_type, "
                f"{', '.join(sorted(_RUN_OPTIONS))}."
            )
        history = output.resumed(_history(prompt))
        self.output = output
        self.within = options.get("within")
        self.above = None if self.within is None else scope_of(self.within)
        self.state = _new_state(history=history, is_accepted=output.is_answered(history))
        self.options = options
        self.handle = RunHandle(history)

    @property
    def tool_choice(self) -> ToolChoice:
        """Return the choice asked for."""
        choice = self.options.get("tool_choice", _AUTO)
        return ToolChoice.parse(choice) if isinstance(choice, str) else choice

    @property
    def approvals(self) -> Mapping[str, Approval]:
        """Return the answers given, by call id."""
        return {approval.call_id: approval for approval in self.options.get("approvals", ())}

    def told(self, emit: Emit, *, agent: str) -> Emit:
        """Return an `emit` that tells the run above, too."""
        within = self.within
        if within is None:
            return emit

        async def tell(event: RunEvent) -> None:
            await emit(event)
            await within.emit(SubAgentEvent(call_id=within.call_id, agent=agent, event=event))

        return tell


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedRun:
    """What all agents share that take part in one run."""

    inbound: Inbound
    budget: Budget
    scope: RunScope
    run_id: str
    emit: Emit

    @classmethod
    def of(
        cls,
        inbound: Inbound,
        *,
        model: Model,
        budget: Budget,
        options: AgentOptions,
        stream: bool,
        emit: Emit,
    ) -> "SharedRun":
        """Begin a run; `budget` counts where the caller gave none."""
        asked, above, clock = inbound.options, inbound.above, options.clock
        budget = asked.get("budget") or budget
        journal = asked.get("journal")
        run_id = asked.get("run_id", "")
        parent = None
        if inbound.within is not None and above is not None:
            call_id = inbound.within.call_id
            parent = above.part(call_id)
            journal = journal or above.inner_journal(call_id)
            run_id = run_id or f"{inbound.within.idempotency_key}/"
        scope = _new_scope(
            meter=Meter(budget, clock=clock, parent=parent),
            journal=journal or _NO_JOURNAL,
            clock=clock,
            model=model,
            stream=stream or (above is not None and above.stream),
            depth=0 if above is None else above.depth + 1,
            max_depth=options.max_depth if above is None else above.max_depth,
            handoffs=Handoffs(most=options.max_handoffs),
        )
        return cls(inbound=inbound, budget=budget, scope=scope, run_id=run_id, emit=emit)

    def policy(self, *, stop_without_progress: bool) -> Policy:
        """Return what `next_step` decides by."""
        return _new_policy(
            budget=self.budget,
            tool_choice=self.inbound.tool_choice,
            stop_without_progress=stop_without_progress,
            output_retries=self.inbound.output.retries,
            answer_choice=self.inbound.output.choice,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStart:
    """What an agent gives to each of its runs."""

    connection: ModelConnection
    toolset: Toolset
    instructions: str
    settings: ModelSettings
    rule: ApprovalRule | None
    options: AgentOptions
    window: Window

    def steps(self, run: SharedRun) -> LiveSteps:
        """Return the steps with which the agent takes part in a run."""
        scope, inbound = run.scope, run.inbound
        exchanger = Exchanger(
            self.connection,
            given=_model_input(
                profile=self.window.profile,
                instructions=self.instructions,
                settings=self.settings,
                stream=scope.stream,
                output=inbound.output,
            ),
            meter=scope.meter,
            inbox=inbound.handle.inbox,
            fit=self.window.fit,
        )
        caller = Caller(
            given=_call_input(
                deps=inbound.options.get("deps"),
                run_id=run.run_id,
                rule=inbound.output.exempt_from(self.rule),
                approvals=inbound.approvals,
                concurrency=self.options.tool_concurrency,
                timeout_seconds=self.options.tool_timeout_seconds,
                caps=self.options.concurrency,
                scope=scope,
            ),
            meter=scope.meter,
            journal=scope.journal,
            clock=scope.clock,
        )
        return LiveSteps(
            exchanger=exchanger,
            caller=caller,
            toolset=inbound.output.with_tool(self.toolset),
            meter=scope.meter,
            journal=scope.journal,
            clock=scope.clock,
            emit=run.emit,
        )


def _history(prompt: str | Iterable[Message]) -> History:
    """Return the conversation that a run with this prompt begins with."""
    if isinstance(prompt, str):
        if not prompt.strip():
            raise HistoryError("The prompt is empty; give the model something to answer.")
        return History((UserMessage.of(prompt),))
    if not isinstance(prompt, Iterable):
        raise HistoryError(
            f"A run begins with text or with a conversation, not with {type(prompt).__name__!r}; "
            "one message goes into a list: [message]."
        )
    history = prompt if isinstance(prompt, History) else History(prompt)
    if not history:
        raise HistoryError("The conversation is empty; give the model something to answer.")
    return history
