"""Give the conversation over to another agent.

In:  agents that others may hand over to.
Out: `handoff`, a tool for a model; `Relay`, the steps of a run that may pass from agent to agent.

The run goes on: the same history, budget, journal and listeners, with the other agent's model,
tools and instructions. How often a run may be handed over is bounded.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from types import TracebackType
from typing import Any, Protocol, Self

from agentkit.agent.options import SharedRun
from agentkit.agent.result import RunResult
from agentkit.agent.run import RunScope
from agentkit.agent.step import CallModel, Exchange, RunState, ToolAnswers
from agentkit.agent.steps import LiveSteps
from agentkit.errors import ToolDefinitionError, ToolError
from agentkit.event import HandedOff
from agentkit.history import History
from agentkit.json_schema import JsonObject, JsonValue
from agentkit.message import ToolCall
from agentkit.model.model import Model
from agentkit.tools.approval import PlannedCall
from agentkit.tools.binding import Binding, BoundArguments
from agentkit.tools.run_context import RunContext
from agentkit.tools.tool import Tool, ToolAnnotations
from agentkit.value import dataclass, replace

INPUT_SCHEMA: JsonObject = {
    "type": "object",
    "properties": {"reason": {"type": "string", "description": "Why, in a few words."}},
    "additionalProperties": False,
}


class Member(Protocol):
    """An agent, as a run sees it that may pass on to it."""

    name: str
    model: Model

    def joined(self, run: SharedRun) -> LiveSteps | None:
        """Return the steps with which the agent takes part, if it is open already."""

    def join(self, run: SharedRun) -> AbstractAsyncContextManager[LiveSteps]:
        """Open model and tools, and yield the steps with which the agent takes part."""


def handoff(
    agent: Member | Callable[[], Member],
    *,
    agent_name: str | None = None,
    name: str | None = None,
    description: str | None = None,
) -> Tool:
    """Return a tool with which a model gives the conversation over to `agent`.

    Args:
        agent: who goes on; or a function that returns it, where agents hand over to each other.
        agent_name: the agent's name; needed where `agent` is a function.
        name: the tool's name; `transfer_to_…` with the agent's name if not given.
        description: when to hand over, for the model.

    Raises:
        ToolDefinitionError: the names cannot be offered, or are not known.
    """
    find = agent if callable(agent) else lambda: agent
    who = agent_name or (None if callable(agent) else agent.name)
    if who is None:
        raise ToolDefinitionError(
            "handoff() was given a function and cannot know the agent's name before a run; "
            "give it as agent_name='…'."
        )

    async def hand_off(context: RunContext[Any], arguments: JsonObject) -> str:
        _ask_for(context.scope)
        reason = arguments.get("reason")
        return f"The agent {who!r} goes on from here." + (f" Reason: {reason}" if reason else "")

    if description is None:
        description = (
            f"Give the conversation over to the agent {who!r}, who goes on in your place and "
            "answers the user."
        )
    tool = Tool.from_schema(
        name=name or f"transfer_to_{who}",
        description=description,
        input_schema=INPUT_SCHEMA,
        handler=hand_off,
        annotations=ToolAnnotations(
            destructive_hint=False, idempotent_hint=True, open_world_hint=False
        ),
        accepts_repaired=True,
        parallel=False,
    )
    return replace(tool, binding=HandoffBinding(plain=tool.binding, find=find))


def _ask_for(scope: object) -> None:
    """Note that a run is to be handed over.

    Raises:
        ToolError: no agent runs the tool, or there were enough hand-offs.
    """
    if not isinstance(scope, RunScope):
        raise ToolError("Only an agent's run can be handed over, and none is under way here.")
    handoffs = scope.handoffs
    if handoffs.is_asked:
        raise ToolError("The conversation is handed over already; only once in a turn.")
    if handoffs.made >= handoffs.most:
        raise ToolError(
            f"The conversation was handed over {handoffs.made} times and may not be again "
            "(AgentOptions.max_handoffs). Answer the user yourself."
        )
    handoffs.is_asked = True


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoffBinding:
    """A binding that knows who goes on; it stays with a tool that is renamed or wrapped."""

    plain: Binding
    find: Callable[[], Member]

    @property
    def takes_context(self) -> bool:
        """See `Binding`."""
        return self.plain.takes_context

    @property
    def is_async(self) -> bool:
        """See `Binding`."""
        return self.plain.is_async

    def bind(self, arguments: JsonObject) -> BoundArguments:
        """See `Binding`."""
        return self.plain.bind(arguments)

    def dump(self, value: object) -> JsonValue:
        """See `Binding`."""
        return self.plain.dump(value)


class Relay:
    """The `Steps` of a run; the agent they belong to changes with each hand-off.

    An agent that is not open is opened when it joins, and closed when the run ends.
    """

    _steps: LiveSteps
    _last: LiveSteps

    def __init__(self, first: Member, *, run: SharedRun) -> None:
        """Begin with the agent that was asked, in a run that all its agents share."""
        self._run = run
        self._member = first
        self._joined: dict[Member, LiveSteps] = {}
        self._opened: AsyncExitStack | None = None

    async def __aenter__(self) -> Self:
        """Let the first agent join."""
        await self._admit(self._member)
        self._last = self._steps
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        """Close the agents that were opened for this run."""
        return None if self._opened is None else await self._opened.__aexit__(kind, error, trace)

    def call_model(self, state: RunState, step: CallModel) -> Awaitable[Exchange]:
        """See `Steps`."""
        self._last = self._steps
        return self._last.call_model(state, step)

    def plan_calls(
        self, state: RunState, calls: Sequence[ToolCall]
    ) -> Awaitable[tuple[PlannedCall, ...]]:
        """See `Steps`."""
        self._last = self._steps
        return self._last.plan_calls(state, calls)

    async def run_tools(self, state: RunState, calls: Sequence[ToolCall]) -> ToolAnswers:
        """See `Steps`; the run passes on when a hand-off was among the calls."""
        self._last = self._steps
        self._run.scope.handoffs.is_asked = False
        answers = await self._last.run_tools(state, calls)
        for call, result in zip(calls, answers.results, strict=True):
            tool = self._last.offered(call.name)
            if tool is None or result.is_error:
                continue
            if isinstance(tool.binding, HandoffBinding):
                await self._pass_on(call, tool.binding.find())
        return answers

    def history(self) -> History | None:
        """Return the conversation so far, whole."""
        return self._last.history()

    def sign(self, result: RunResult) -> RunResult:
        """Return the result with the agent in it that had the last word."""
        return replace(result, agent=self._member.name, model=self._member.model.name)

    async def _pass_on(self, call: ToolCall, member: Member) -> None:
        """Give the run over to another agent."""
        await self._admit(member)
        self._run.scope.handoffs.made += 1
        await self._run.emit(HandedOff(call_id=call.id, agent=member.name))

    async def _admit(self, member: Member) -> None:
        """Let an agent go on; one that took part before still takes part."""
        steps = self._joined.get(member)
        if steps is None:
            steps = member.joined(self._run)
            if steps is None:
                self._opened = self._opened or AsyncExitStack()
                steps = await self._opened.enter_async_context(member.join(self._run))
            self._joined[member] = steps
        self._member, self._steps = member, steps
