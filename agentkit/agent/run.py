"""One run: what it is called, what it shares, what it has used.

In:  an agent's settings, what the caller gave to this run.
Out: `Run`, which everything that works for the run gets as an argument.

Every effect of a run passes through its journal, every event through its report. Keys of effects
come from the history and never from counters, so that they are the same in every life of the run.
"""

import hashlib
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import cache
from itertools import count
from os import urandom
from typing import Any, Protocol, TypeVar

from pydantic import TypeAdapter

from agentkit.agent.call_outcome import Draft
from agentkit.agent.journal import NO_JOURNAL, InnerJournal, Journal
from agentkit.agent.options import AgentSettings, Instructions, RunOptions
from agentkit.agent.report import Report
from agentkit.agent.step import Answered, Policy, RunState
from agentkit.budget.budget import Budget, Limits
from agentkit.budget.meter import Meter
from agentkit.chat import ModelSettings, ToolChoice
from agentkit.clock import Clock
from agentkit.context.window import Window
from agentkit.errors import JournalError, UsageError
from agentkit.event import Listener
from agentkit.history import History
from agentkit.message import UserMessage
from agentkit.model.model import Model
from agentkit.output.output_plan import OutputPlan
from agentkit.tools.approval import Approval, ApprovalRule, call_digest
from agentkit.tools.run_context import RunContext, link_of
from agentkit.tools.toolset import Toolset, as_toolset

T = TypeVar("T")

_AUTO = ToolChoice()
_DIGEST_CHARACTERS = 16


class AgentParts(Protocol):
    """What a run reads of an agent; see `Agent`, which is one."""

    name: str
    model: Model
    budget: Budget
    settings: ModelSettings
    instructions: Instructions
    approve: ApprovalRule | None
    toolset: Toolset
    window: Window
    options: AgentSettings


class Inbox:
    """User messages for a run that is under way; each is taken once, at the next turn."""

    __slots__ = ("_waiting",)

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


class Run:
    """One run of an agent, and of those that it hands off to.

    Attributes:
        id: given by the caller or made; the idempotency key of the whole run.
        segment: 1, then one more each time a suspended run goes on.
        agent: the name of the agent that was asked.
        model: the model of that agent.
        given: what the caller gave.
        output: how the answer is requested and read.
        start: how many messages there were before the prompt.
        history: the conversation at the start, with the prompt.
        policy: what `next_step` decides by.
        meter: what the run has used, and may use.
        clock: where time comes from.
        inbox: what the user says in the meantime.
        journal: where every effect passes.
        report: where every event passes.
        draft: how far the step has come that is under way.
        stream: answers are requested as streams.
        extra_tools: the tools of this run in addition to those of its agents.
        depth: how many runs are above this one.
        max_depth: how many runs may be above any.
        max_handoffs: how often the run may be handed off.
        handoffs: how often it was handed off so far.
        handoff_call_id: the call that asked for a hand-off in this turn; empty if none did.
        approvals: decisions about open calls, by call id.
    """

    __slots__ = (
        "__weakref__",
        "_inner_ids",
        "_inner_keys",
        "_is_replay",
        "_parent",
        "_parts",
        "agent",
        "approvals",
        "clock",
        "depth",
        "draft",
        "extra_tools",
        "given",
        "handoff_call_id",
        "handoffs",
        "history",
        "id",
        "inbox",
        "journal",
        "max_depth",
        "max_handoffs",
        "meter",
        "model",
        "output",
        "policy",
        "report",
        "segment",
        "start",
        "stream",
    )

    def __init__(
        self,
        given: RunOptions[Any],
        *,
        agent: AgentParts,
        start: int,
        history: History,
        output: OutputPlan[Any],
        listeners: Iterable[Listener] = (),
    ) -> None:
        """Build a run; nothing is opened, sent or recorded yet.

        Raises:
            UsageError: agents run inside each other as deep as they may.
        """
        within = given.get("within")
        link = None if within is None else link_of(within)
        self._parent: Run | None = (
            link.run if link is not None and isinstance(link.run, Run) else None
        )
        above = self._parent
        if above is not None and above.depth >= above.max_depth:
            raise UsageError(
                f"No agent can be run from here: {above.depth} agents run inside each other, and "
                "more may not (Agent(max_depth=…))."
            )
        call_id = None if within is None else within.call_id
        own_listener = given.get("listener")
        own_listeners = [*listeners, *([] if own_listener is None else [own_listener])]
        if link is not None and above is None and link.listener is not None:
            own_listeners.append(link.listener)
        self.id: str = given.get("run_id") or ""
        self.segment: int = 1
        self.agent: str = agent.name
        self.model: Model = agent.model
        self.given: RunOptions[Any] = given
        self.output: OutputPlan[Any] = output
        self.start: int = start
        self.history: History = history
        self.clock: Clock = agent.options.clock
        merged = agent.budget.merged(given.get("budget"))
        self.meter: Meter = (
            Meter(merged, clock=self.clock)
            if above is None or call_id is None
            else above.part(call_id).child(merged)
        )
        self.policy: Policy = _policy(agent.options, given, output, self.meter.limits)
        self.approvals: Mapping[str, Approval] = {
            approval.call_id: approval for approval in given.get("approvals", ())
        }
        self.inbox: Inbox = Inbox()
        self.journal: Journal = given.get("journal") or NO_JOURNAL
        self.report: Report = Report(
            own_listeners,
            clock=self.clock,
            parent=None if above is None else above.report,
            call_id=call_id,
        )
        self.stream: bool = self.report.wants_deltas
        self.draft: Draft = Draft(history)
        self.extra_tools: Toolset | None = (
            as_toolset(given["tools"]) if given.get("tools") else None
        )
        self.depth: int = 0 if above is None else above.depth + 1
        self.max_depth: int = agent.options.max_depth if above is None else above.max_depth
        self.max_handoffs: int = agent.options.max_handoffs
        self.handoffs: int = 0
        self.handoff_call_id: str = ""
        self._parts: dict[str, Meter] = {}
        self._inner_keys: set[str] = set()
        self._inner_ids: dict[tuple[str, str], int] = {}
        self._is_replay = False

    @property
    def is_replay(self) -> bool:
        """Return whether all that was done last came from the journal."""
        return self._is_replay

    @property
    def has_journal(self) -> bool:
        """Return whether effects are remembered."""
        return self.journal is not NO_JOURNAL

    @property
    def deps(self) -> object:
        """Return what tools get in their `RunContext`."""
        return self.given.get("deps")

    @property
    def labels(self) -> Mapping[str, str]:
        """Return what the caller labelled the run with."""
        return self.given.get("labels") or {}

    def start_state(self) -> RunState:
        """Return the state that the run begins with."""
        if self.output.is_answered(self.history):
            return RunState(history=self.history, answered=Answered(is_accepted=True))
        return RunState(history=self.history)

    async def identify(self) -> None:
        """Find the run's id and segment, in the journal if there is one.

        Raises:
            JournalError: the journal is of another run; or two runs inside one tool have the same
                agent and input, and cannot be distinguished.
        """
        within = self.given.get("within")
        if self._parent is not None and within is not None and not self.has_journal:
            self.journal = self._parent._inner_journal(within, self)
        asked = self.id
        made = asked or self._made_id()
        if not self.has_journal:
            self.id = made
        else:
            self.id = await self.journal.do("run", lambda: _made(made), codec=_text)
            if asked and self.id != asked:
                raise JournalError(
                    f"The journal is of the run {self.id!r}, not of {asked!r}; use one for each."
                )
            self.segment = await self._find_segment()
        self.report.run_id, self.report.segment = self.id, self.segment

    def _made_id(self) -> str:
        """Return an id for a run that got none; inside a tool it follows from call and input."""
        within, above = self.given.get("within"), self._parent
        if within is None or above is None:
            return urandom(16).hex()
        number = above._inner_ids[(within.call_id, self.agent)] = (
            above._inner_ids.get((within.call_id, self.agent), 0) + 1
        )
        return f"{within.idempotency_key}/{self.agent}/{_digest(self.history.to_json())}" + (
            "" if number == 1 or self.has_journal else f"-{number}"
        )

    async def _find_segment(self) -> int:
        """Return the number that this segment got when it first began, or the next free one."""
        digest = _segment_digest(self.history, self.approvals)
        for number in count(1):
            found, self._is_replay = await self._do(f"s{number}", lambda: _made(digest), _text)
            if found == digest:
                return number
        raise AssertionError

    async def effect(
        self,
        state: RunState,
        kind: str,
        act: Callable[[], Awaitable[T]],
        *,
        codec: Callable[[], TypeAdapter[T]],
        unknown: Callable[[], Awaitable[T]] | None = None,
    ) -> tuple[T, bool]:
        """Do one effect of a step, once in all lives of the run.

        Args:
            state: where the step begins.
            kind: what it is within the step, e.g. `model` or `tool-2/add`.
            act: does it.
            codec: see `Journal.do`.
            unknown: see `Journal.do`.

        Returns:
            What it gave, and whether an earlier life did it.
        """
        if self.journal is NO_JOURNAL:
            return await act(), False
        value, is_replay = await self._do(self.key(state, kind), act, codec, unknown)
        self._is_replay = is_replay
        return value, is_replay

    def key(self, state: RunState, kind: str) -> str:
        """Return the key of an effect: its segment, its place in the history and its kind."""
        return f"s{self.segment}/m{len(state.history)}/{kind}"

    def part(self, call_id: str) -> Meter:
        """Return the meter of what is used inside one call."""
        if call_id not in self._parts:
            self._parts[call_id] = self.meter.child()
        return self._parts[call_id]

    def take_part(self, call_id: str) -> Meter | None:
        """Return the meter of a call that has ended, if anything was used inside it."""
        return self._parts.pop(call_id, None)

    async def _do(
        self,
        key: str,
        act: Callable[[], Awaitable[T]],
        codec: Callable[[], TypeAdapter[T]],
        unknown: Callable[[], Awaitable[T]] | None = None,
    ) -> tuple[T, bool]:
        is_replay = True

        async def live(act: Callable[[], Awaitable[T]]) -> T:
            nonlocal is_replay
            is_replay = False
            return await act()

        value = await self.journal.do(
            key,
            lambda: live(act),
            codec=codec,
            unknown=None if unknown is None else lambda: live(unknown),
        )
        return value, is_replay

    def _inner_journal(self, within: RunContext[Any], inner: "Run") -> Journal:
        """Return the journal of a run inside a tool: this one's, under the key of the call."""
        if not self.has_journal:
            return self.journal
        inner_id = inner.id or _digest(inner.history.to_json())
        prefix = f"{link_of(within).journal_key}/{inner.agent}/{inner_id}/"
        if prefix in self._inner_keys:
            raise JournalError(
                f"Two runs of the agent {inner.agent!r} inside the call {within.call_id!r} have "
                "the same input, and a journal cannot tell them apart; give each a run_id."
            )
        self._inner_keys.add(prefix)
        return InnerJournal(self.journal, prefix=prefix)


def _policy(
    options: AgentSettings, given: RunOptions[Any], output: OutputPlan[Any], limits: Limits
) -> Policy:
    asked = given.get("tool_choice", _AUTO)
    return Policy(
        closing_answer=limits.closing_answer,
        tool_choice=ToolChoice.parse(asked) if isinstance(asked, str) else asked,
        stop_without_progress=options.stop_without_progress,
        output_retries=output.retries,
        answer_choice=output.choice,
    )


async def _made(value: str) -> str:
    return value


def _segment_digest(history: History, approvals: Mapping[str, Approval]) -> str:
    """Return the digest of what distinguishes a segment: the open calls and the decisions."""
    parts = [call_digest(call) for call in history.open_calls]
    for call_id in sorted(approvals):
        verdict = approvals[call_id].verdict
        parts += [call_id, verdict.decision, verdict.arguments or "", verdict.reason]
    return _digest("".join(f"{len(part)}:{part}" for part in parts))


def _digest(text: str) -> str:
    found = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return found[:_DIGEST_CHARACTERS]


@cache
def _text() -> TypeAdapter[str]:
    return TypeAdapter(str)
