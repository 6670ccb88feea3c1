"""The agent: a model, tools and instructions, ready to run.

In:  what to talk to, what it may use, how it should behave; then prompts.
Out: `RunResult`s, or a stream of events.

Between runs nothing is open, unless the agent is entered with `async with`.
"""

from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, Self

import anyio
import sniffio
from typing_extensions import TypeVar

from agentkit.agent.budget import Budget
from agentkit.agent.live import LiveSteps, RunInput
from agentkit.agent.loop import run_loop
from agentkit.agent.result import RunResult
from agentkit.agent.step import Policy, RunState
from agentkit.agent.stream import AgentStream, open_stream
from agentkit.chat import ModelSettings, ToolChoice
from agentkit.clock import Clock, SystemClock
from agentkit.errors import AgentKitError, HistoryError
from agentkit.event import Emit, ignore
from agentkit.groups import ungrouped
from agentkit.history import History
from agentkit.message import Message, UserMessage
from agentkit.model.build import build_model
from agentkit.model.model import Model, ModelConnection
from agentkit.tool.toolset import ToolLike, as_toolset

DepsT = TypeVar("DepsT", default=Any)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentOptions:
    """How an agent works inside; the defaults suit most.

    Attributes:
        tool_concurrency: how many tools of one turn may run at the same time, 1 or more.
        tool_timeout_seconds: limit of each tool that has none of its own; None for no limit.
        clock: where time comes from.
    """

    tool_concurrency: int = 8
    tool_timeout_seconds: float | None = 60.0
    clock: Clock = field(default_factory=SystemClock)


class Agent(Generic[DepsT]):
    """Runs a model with tools until it answers. Safe to use from many tasks at once."""

    def __init__(  # noqa: PLR0913 - what users write; each is a word of its own
        self,
        model: str | Model,
        *,
        tools: Iterable[ToolLike] = (),
        instructions: str = "",
        name: str = "agent",
        settings: ModelSettings | None = None,
        budget: Budget | None = None,
        api_key: str | None = None,
        base_url: str | None = None,
        options: AgentOptions | None = None,
    ) -> None:
        """Build an agent; nothing is opened or sent.

        Args:
            model: `host:family-or-id`, e.g. `openrouter:mixtral-8x22b`, or a model of your own.
            tools: functions, `Tool`s and toolsets, in any mixture.
            instructions: what stands above every conversation.
            name: what the agent is called in logs.
            settings: how the model should answer.
            budget: the limits of each run.
            api_key: the key, in place of the environment's.
            base_url: where the host is, in place of the catalog's.
            options: how it works inside.

        Raises:
            ConfigError: the host is not known, or its key is missing.
            ToolDefinitionError: a tool cannot be offered, or two have one name.
        """
        self.model: Model = (
            build_model(model, api_key=api_key, base_url=base_url)
            if isinstance(model, str)
            else model
        )
        self.toolset = as_toolset(tools)
        self.instructions = instructions
        self.name = name
        self.settings = settings or ModelSettings()
        self.budget = budget or Budget()
        self.options = options or AgentOptions()
        self._connection: ModelConnection | None = None
        self._stack: AsyncExitStack | None = None

    async def run(
        self,
        prompt: str | Iterable[Message],
        *,
        deps: DepsT | None = None,
        budget: Budget | None = None,
        tool_choice: ToolChoice | str = "auto",
    ) -> RunResult:
        """Run until there is an answer or a limit.

        Args:
            prompt: the user's words, or a conversation to go on with.
            deps: handed to tools in their `RunContext`.
            budget: the limits of this run, in place of the agent's.
            tool_choice: `auto`, `required`, `none` or a tool's name; forced once, in the first
                turn.

        Raises:
            ProviderError: the model could not be reached or gave no usable answer.
            HistoryError: the conversation is empty or not whole.
            UnsupportedError: the model cannot do what is asked.
        """
        policy = self._policy(budget, tool_choice)
        return await self._run(_state(prompt), policy=policy, deps=deps, stream=False, emit=ignore)

    def run_sync(
        self,
        prompt: str | Iterable[Message],
        *,
        deps: DepsT | None = None,
        budget: Budget | None = None,
        tool_choice: ToolChoice | str = "auto",
    ) -> RunResult:
        """Run as `run` does, from code that is not async.

        Raises:
            AgentKitError: called from async code, where `await agent.run(...)` belongs.
        """
        try:
            library = sniffio.current_async_library()
        except sniffio.AsyncLibraryNotFoundError:
            call = partial(self.run, prompt, deps=deps, budget=budget, tool_choice=tool_choice)
            return anyio.run(call)
        raise AgentKitError(f"run_sync was called inside {library}; use 'await agent.run(...)'.")

    def stream(
        self,
        prompt: str | Iterable[Message],
        *,
        deps: DepsT | None = None,
        budget: Budget | None = None,
        tool_choice: ToolChoice | str = "auto",
    ) -> AbstractAsyncContextManager[AgentStream]:
        """Run as `run` does, and give what happens as events.

        Use as `async with agent.stream(...) as run: async for event in run: ...`, then
        `run.result`. Leaving the context early cancels the run.
        """
        return open_stream(
            partial(
                self._run,
                _state(prompt),
                policy=self._policy(budget, tool_choice),
                deps=deps,
                stream=True,
            )
        )

    async def __aenter__(self) -> Self:
        """Open the model and the tools for all runs inside the context."""
        if self._stack is not None:
            raise AgentKitError(f"The agent {self.name!r} is open already.")
        async with AsyncExitStack() as stack:
            self._connection = await stack.enter_async_context(self._opened())
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *details: object) -> None:
        """Close what was opened."""
        stack, self._stack, self._connection = self._stack, None, None
        if stack is not None:
            await stack.aclose()

    async def _run(
        self, state: RunState, emit: Emit, *, policy: Policy, deps: object, stream: bool
    ) -> RunResult:
        """Run the loop on an open model; the one way in for all kinds of runs."""
        async with self._opened() as connection:
            steps = LiveSteps(
                connection,
                self.toolset,
                given=RunInput(
                    instructions=self.instructions,
                    settings=self.settings,
                    stream=stream,
                    deps=deps,
                    tool_concurrency=self.options.tool_concurrency,
                    tool_timeout_seconds=self.options.tool_timeout_seconds,
                ),
                clock=self.options.clock,
                emit=emit,
            )
            return await run_loop(
                state, policy=policy, steps=steps, model=self.model.name, emit=emit
            )

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[ModelConnection]:
        """Yield the open model: the one the agent was entered with, or one for this run."""
        if self._connection is not None:
            yield self._connection
            return
        with ungrouped():
            async with self.model.open() as connection, self.toolset.open():
                yield connection

    def _policy(self, budget: Budget | None, tool_choice: ToolChoice | str) -> Policy:
        """Return what was asked of this run."""
        if isinstance(tool_choice, str):
            tool_choice = ToolChoice.parse(tool_choice)
        return Policy(budget=budget or self.budget, tool_choice=tool_choice)


def _state(prompt: str | Iterable[Message]) -> RunState:
    """Return where a run with this prompt begins."""
    if isinstance(prompt, str):
        if not prompt.strip():
            raise HistoryError("The prompt is empty; give the model something to answer.")
        return RunState(history=History((UserMessage.of(prompt),)))
    history = prompt if isinstance(prompt, History) else History(prompt)
    if not history:
        raise HistoryError("The conversation is empty; give the model something to answer.")
    return RunState(history=history)
