"""The agent: a model, tools and instructions, ready to run.

In:  what to talk to, what it may use, how it should behave; then prompts.
Out: `RunResult`s, or a stream of events.

Between runs nothing is open, unless the agent is entered with `async with`.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any, Generic, Self, TypeVar, Unpack, overload

import anyio
import sniffio
from typing_extensions import TypeForm

from agentkit.agent.as_tool import agent_as_tool
from agentkit.agent.handoff import Relay
from agentkit.agent.loop import run_loop
from agentkit.agent.options import AgentOptions, DepsT, Inbound, RunOptions, RunStart, SharedRun
from agentkit.agent.result import RunResult
from agentkit.agent.steps import LiveSteps
from agentkit.agent.stream import AgentStream, open_stream
from agentkit.budget.budget import Budget
from agentkit.chat import ModelSettings
from agentkit.context.window import Window
from agentkit.errors import AgentKitError
from agentkit.event import Emit, ignore
from agentkit.exception_groups import ungrouped
from agentkit.message import Message
from agentkit.model.build import build_model
from agentkit.model.model import Model, ModelConnection
from agentkit.output.output_plan import OutputPlan, plan_output
from agentkit.output.output_type import OutputT
from agentkit.tools.approval import ApprovalRule
from agentkit.tools.tool import Tool, ToolOptions
from agentkit.tools.toolset import ToolLike, as_toolset
from agentkit.value import maker

_run_start = maker(RunStart)

T = TypeVar("T")


class Agent(Generic[DepsT, OutputT]):
    """Runs a model with tools until it answers. Safe to use from many tasks at once."""

    def __init__(  # noqa: PLR0913 - what users write; each is a word of its own
        self,
        model: str | Model | Sequence[str | Model],
        *,
        tools: Iterable[ToolLike] = (),
        output_type: TypeForm[OutputT] = str,  # type: ignore[assignment]  # OutputT's own default
        instructions: str = "",
        name: str = "agent",
        settings: ModelSettings | None = None,
        budget: Budget | None = None,
        approve: ApprovalRule | None = None,
        api_key: str | None = None,
        base_url: str | None = None,
        options: AgentOptions | None = None,
    ) -> None:
        """Build an agent; nothing is opened or sent.

        Args:
            model: `provider:family-or-id`, e.g. `openrouter:mixtral-8x22b`, a model of your own, or
                a list of them, tried in order.
            tools: functions, `Tool`s and toolsets, in any mixture.
            output_type: what the answer of a run is: a pydantic model, a dataclass, a TypedDict, a
                union, or any type that pydantic knows.
            instructions: what stands above every conversation.
            name: what the agent is called in logs.
            settings: how the model should answer.
            budget: the limits of each run.
            approve: decides which calls may run, must be asked about, or must not run; without
                it, each tool's own word counts.
            api_key: the key, in place of the environment's.
            base_url: where the provider is, in place of the catalog's.
            options: how it works inside.

        Raises:
            ConfigError: the provider is not known, its key is missing, or no JSON could become a
            value
                of the output type.
            ToolDefinitionError: a tool cannot be offered, or two have one name.
        """
        self.model: Model = build_model(model, api_key=api_key, base_url=base_url)
        self.toolset = as_toolset(tools)
        self.instructions = instructions
        self.name = name
        self.settings = settings or ModelSettings()
        self.budget = budget or Budget()
        self.approve = approve
        self.options = options or AgentOptions()
        self._output = self._plan(output_type)
        self._window = Window(self.model.profile, self.options.window)
        self._connection: ModelConnection | None = None
        self._stack: AsyncExitStack | None = None

    @overload
    async def run(
        self, prompt: str | Iterable[Message], **options: Unpack[RunOptions[DepsT]]
    ) -> RunResult[OutputT]: ...
    @overload
    async def run(
        self,
        prompt: str | Iterable[Message],
        *,
        output_type: TypeForm[T],
        **options: Unpack[RunOptions[DepsT]],
    ) -> RunResult[T]: ...
    async def run(
        self,
        prompt: str | Iterable[Message],
        *,
        output_type: Any = None,
        **options: Unpack[RunOptions[DepsT]],
    ) -> RunResult[Any]:
        """Run until there is an answer, a limit, or a call that has to be asked about.

        Args:
            prompt: the user's words, or a conversation to go on with.
            output_type: what the answer of this run is, in place of the agent's output type.
            options: see `RunOptions`; all may be left out.

        Raises:
            ProviderError: the model could not be reached or gave no usable answer.
            HistoryError: the conversation is empty or not whole, or an approval is for another
                call.
            UnsupportedError: the model cannot do what is asked.
            OutputError: the model gave no answer of the output type, however often it was told.
        """
        inbound = self._inbound(prompt, options, output_type)
        return await self._run(inbound, stream=False, emit=ignore)

    @overload
    def run_sync(
        self, prompt: str | Iterable[Message], **options: Unpack[RunOptions[DepsT]]
    ) -> RunResult[OutputT]: ...
    @overload
    def run_sync(
        self,
        prompt: str | Iterable[Message],
        *,
        output_type: TypeForm[T],
        **options: Unpack[RunOptions[DepsT]],
    ) -> RunResult[T]: ...
    def run_sync(
        self,
        prompt: str | Iterable[Message],
        *,
        output_type: Any = None,
        **options: Unpack[RunOptions[DepsT]],
    ) -> RunResult[Any]:
        """Run as `run` does, from code that is not async.

        Raises:
            AgentKitError: called from async code, where `await agent.run(...)` belongs; or from a
                tool with `within`, whose run is in another thread.
        """
        if options.get("within") is not None:
            raise AgentKitError(
                "run_sync cannot be part of the run above, which is in another event loop; make "
                "the tool async and use 'await agent.run(..., within=context)'."
            )
        try:
            library = sniffio.current_async_library()
        except sniffio.AsyncLibraryNotFoundError:
            inbound = self._inbound(prompt, options, output_type)
            return anyio.run(partial(self._run, inbound, stream=False, emit=ignore))
        raise AgentKitError(f"run_sync was called inside {library}; use 'await agent.run(...)'.")

    @overload
    def stream(
        self, prompt: str | Iterable[Message], **options: Unpack[RunOptions[DepsT]]
    ) -> AbstractAsyncContextManager[AgentStream[OutputT]]: ...
    @overload
    def stream(
        self,
        prompt: str | Iterable[Message],
        *,
        output_type: TypeForm[T],
        **options: Unpack[RunOptions[DepsT]],
    ) -> AbstractAsyncContextManager[AgentStream[T]]: ...
    def stream(
        self,
        prompt: str | Iterable[Message],
        *,
        output_type: Any = None,
        **options: Unpack[RunOptions[DepsT]],
    ) -> AbstractAsyncContextManager[AgentStream[Any]]:
        """Run as `run` does, and give what happens as events.

        Use as `async with agent.stream(...) as run: async for event in run: ...`, then
        `run.result`. Leaving the context early cancels the run.
        """
        inbound = self._inbound(prompt, options, output_type)
        return open_stream(partial(self._run, inbound, stream=True), inbound.handle)

    def as_tool(
        self,
        *,
        name: str | None = None,
        description: str | None = None,
        **options: Unpack[ToolOptions],
    ) -> Tool:
        """Return a tool for other agents, which gives this one a task and returns its answer.

        Args:
            name: the tool's name; the agent's own if not given.
            description: when to use it, for the model.
            options: see `ToolOptions`; without `timeout_seconds` only the budgets limit the time.

        Raises:
            ToolDefinitionError: the name cannot be offered to a model.
        """
        return agent_as_tool(
            self.run, agent=self.name, name=name, description=description, options=options
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

    def _plan(self, output_type: Any) -> OutputPlan[Any]:
        """Return how an answer of a type is asked of this agent's model."""
        return plan_output(
            output_type,
            default_mode=self.model.profile.output_mode,
            settings=self.options.output,
        )

    def _inbound(
        self, prompt: str | Iterable[Message], options: RunOptions[DepsT], output_type: Any
    ) -> Inbound:
        """Read what the caller gave to one run; None for the agent's own output type."""
        output = self._output if output_type is None else self._plan(output_type)
        return Inbound(prompt, options, output=output)

    async def _run(self, inbound: Inbound, *, stream: bool, emit: Emit) -> RunResult[Any]:
        """Run the loop on an open model; the one way in for all kinds of runs."""
        emit = inbound.told(emit, agent=self.name)
        run = SharedRun.of(
            inbound,
            model=self.model,
            budget=self.budget,
            options=self.options,
            stream=stream,
            emit=emit,
        )
        policy = run.policy(stop_without_progress=self.options.stop_without_progress)
        async with Relay(self, run=run) as relay:
            inbound.handle.steps = relay
            result = await run_loop(
                inbound.state,
                policy=policy,
                steps=relay,
                model=self.model.name,
                emit=emit,
                output=inbound.output,
            )
        inbound.handle.settle(result.history)
        return relay.sign(result)

    def joined(self, run: SharedRun) -> LiveSteps | None:
        """Return the steps with which this agent takes part in a run, if it is open."""
        return None if self._connection is None else self._steps(run, self._connection)

    @asynccontextmanager
    async def join(self, run: SharedRun) -> AsyncIterator[LiveSteps]:
        """Open model and tools, and yield the steps with which this agent takes part in a run."""
        async with self._opened() as connection:
            yield self._steps(run, connection)

    def _steps(self, run: SharedRun, connection: ModelConnection) -> LiveSteps:
        start = _run_start(
            connection=connection,
            toolset=self.toolset,
            instructions=self.instructions,
            settings=self.settings,
            rule=self.approve,
            options=self.options,
            window=self._window,
        )
        return start.steps(run)

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[ModelConnection]:
        """Open the model and the tools."""
        with ungrouped():
            async with self.model.open() as connection, self.toolset.open():
                yield connection
