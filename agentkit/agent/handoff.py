"""Hand the conversation off to another agent.

In:  agents that others may hand off to.
Out: `handoff`, a tool for a model; `Team`, the agents that take part in one run.

The run goes on: the same history, budget, journal and listeners, with the other agent's model,
tools and instructions. The active agent is read from the history, so that it is the same in every
process and segment of the run. The number of hand-offs of a run is bounded.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import replace
from types import TracebackType
from typing import Any, Protocol, Self

from agentkit.agent.member import Member
from agentkit.agent.run import AgentParts, Run
from agentkit.agent.step import RunState
from agentkit.errors import ToolDefinitionError, ToolError
from agentkit.event import HandedOff
from agentkit.history import History
from agentkit.json_schema import JsonObject, JsonValue
from agentkit.message import AssistantMessage, ToolCall, ToolResult
from agentkit.tools.binding import Binding, BoundArguments
from agentkit.tools.run_context import RunContext, link_of
from agentkit.tools.tool import Tool
from agentkit.tools.toolset import StaticToolset
from agentkit.value import dataclass

INPUT_SCHEMA: JsonObject = {
    "type": "object",
    "properties": {"reason": {"type": "string", "description": "Why, in a few words."}},
    "additionalProperties": False,
}


class Handler(AgentParts, Protocol):
    """An agent that a run may be handed off to."""

    def joined(self, run: Run) -> Member | None:
        """Return the agent as it takes part in the run, if it is open already."""

    def join(self, run: Run) -> AbstractAsyncContextManager[Member]:
        """Open model and tools, and yield the agent as it takes part in the run."""


def handoff(
    agent: Handler | Callable[[], Handler],
    *,
    agent_name: str | None = None,
    name: str | None = None,
    description: str | None = None,
) -> Tool:
    """Return a tool with which a model hands the conversation off to `agent`.

    Args:
        agent: the agent; or a function that returns it, for agents that hand off to each other.
        agent_name: the agent's name; needed if `agent` is a function.
        name: the tool's name; `transfer_to_…` with the agent's name if not given.
        description: when to hand off, for the model.

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
        _request_handoff(context)
        reason = arguments.get("reason")
        return f"The agent {who!r} goes on from here." + (f" Reason: {reason}" if reason else "")

    if description is None:
        description = (
            f"Hand the conversation over to the agent {who!r}, who goes on in your place and "
            "answers the user."
        )
    tool = Tool.from_schema(
        name=name or f"transfer_to_{who}",
        description=description,
        input_schema=INPUT_SCHEMA,
        handler=hand_off,
        destructive=False,
        idempotent=True,
        open_world=False,
        accepts_repaired=True,
        parallel=False,
    )
    return replace(tool, binding=HandoffBinding(plain=tool.binding, find=find))


def _request_handoff(context: RunContext[Any]) -> None:
    """Record that a run is to be handed off.

    Raises:
        ToolError: no agent runs the tool, or there were enough hand-offs.
    """
    run = link_of(context).run
    if not isinstance(run, Run):
        raise ToolError("Only an agent's run can be handed off, and no agent runs this tool.")
    if run.handoff_call_id:
        raise ToolError("The conversation is handed off already; only once in a turn.")
    if run.handoffs >= run.max_handoffs:
        raise ToolError(
            f"The conversation was handed off {run.handoffs} times and may not be again "
            "(Agent(max_handoffs=…)). Answer the user yourself."
        )
    run.handoff_call_id = context.call_id


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoffBinding:
    """A binding that knows who goes on; it stays with a tool that is renamed or wrapped."""

    plain: Binding
    find: Callable[[], Handler]

    @property
    def takes_context(self) -> bool:
        """See `Binding`."""
        return self.plain.takes_context

    @property
    def is_async(self) -> bool:
        """See `Binding`."""
        return self.plain.is_async

    def bind(self, arguments: JsonObject, *, text: str = "", deps: object = None) -> BoundArguments:
        """See `Binding`."""
        return self.plain.bind(arguments, text=text, deps=deps)

    def dump(self, value: object) -> JsonValue:
        """See `Binding`."""
        return self.plain.dump(value)


class Team:
    """The agents that take part in a run; which of them goes on changes with each hand-off.

    An agent that is not open is opened when it joins, and closed when the run ends.

    Attributes:
        agent: the one that goes on.
        member: the same, as it takes part in the run.
    """

    member: Member

    def __init__(self, first: Handler, run: Run) -> None:
        self.agent: Handler = first
        self._run = run
        self._joined: dict[Handler, Member] = {}
        self._opened: AsyncExitStack | None = None

    async def __aenter__(self) -> Self:
        """Let the first agent join, and those that the conversation was handed off to."""
        extra = self._run.extra_tools
        if extra is not None and not isinstance(extra, StaticToolset):
            await self._stack().enter_async_context(extra.open())
        await self._admit(self.agent)
        for call in _successful_calls(self._run.history):
            find = _target(await self._tools(self._run.history), call.name)
            if find is not None:
                await self._admit(find())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        """Close the agents that were opened for this run."""
        return None if self._opened is None else await self._opened.__aexit__(kind, error, trace)

    async def hand_off(self, state: RunState, calls: Sequence[ToolCall]) -> None:
        """Let another agent go on if one of the calls that were just run was a hand-off."""
        run = self._run
        run.handoff_call_id = ""
        tools = await self._tools(state.history)
        asked = [(call, find) for call in calls if (find := _target(tools, call.name)) is not None]
        if not asked:
            return
        failed = {one.call_id for one in _last_results(state.history, len(calls)) if one.is_error}
        for call, find in asked:
            if call.id not in failed:
                found = find()
                await self._admit(found)
                run.handoffs += 1
                event = HandedOff(call_id=call.id, agent=found.name)
                await run.report.emit(event, is_replay=state.is_replay)

    def _stack(self) -> AsyncExitStack:
        """Return what closes the agents and tools that were opened for this run."""
        self._opened = self._opened or AsyncExitStack()
        return self._opened

    async def _tools(self, history: History) -> Mapping[str, Tool]:
        """Return the tools of the agent that goes on."""
        member = self.member
        return member.listed or await member.tools(history, emit=self._run.report.emitter)

    async def _admit(self, agent: Handler) -> None:
        """Let an agent go on; one that took part before still takes part."""
        member = self._joined.get(agent)
        if member is None:
            run = self._run
            run.meter.check_price(agent.model.profile, model=agent.model.name)
            member = agent.joined(run)
            if member is None:
                member = await self._stack().enter_async_context(agent.join(run))
            self._joined[agent] = member
        self.agent, self.member = agent, member


def _target(tools: Mapping[str, Tool], name: str) -> "Callable[[], Handler] | None":
    """Return what finds the agent that a tool hands off to; None for any other tool."""
    binding = tools[name].binding if name in tools else None
    return binding.find if isinstance(binding, HandoffBinding) else None


def _successful_calls(history: History) -> Iterator[ToolCall]:
    """Yield the calls of a history that have a result without an error, oldest first."""
    if len(history) < 3:  # a hand-off needs a question, a call and its result
        return
    succeeded = {one.call_id for one in history if isinstance(one, ToolResult) and not one.is_error}
    for message in history:
        if isinstance(message, AssistantMessage):
            yield from (call for call in message.tool_calls if call.id in succeeded)


def _last_results(history: History, count: int) -> Iterator[ToolResult]:
    for message in history[len(history) - count :]:
        if isinstance(message, ToolResult):
            yield message
