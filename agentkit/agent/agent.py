"""The agent: a model, tools and instructions, ready to run.

In:  what to talk to, what it may use, how it should behave; then prompts.
Out: `RunResult`s, or a stream of events.

Between runs nothing is open, unless the agent is entered with `async with`.
"""

from collections.abc import AsyncIterator, Awaitable, Iterable, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    AsyncExitStack,
    asynccontextmanager,
)
from functools import partial
from typing import Any, Generic, Self, TypeVar, Unpack, overload

import anyio
import sniffio
from typing_extensions import TypeForm

from agentkit.agent.as_tool import agent_as_tool
from agentkit.agent.conversation import Conversation
from agentkit.agent.event_queue import EventQueue
from agentkit.agent.loop import run_agent
from agentkit.agent.member import Member
from agentkit.agent.options import (
    AgentOptions,
    DepsT,
    Instructions,
    RunOptions,
    check_run_options,
    read_agent_options,
    start_history,
)
from agentkit.agent.result import RunResult
from agentkit.agent.run import Run
from agentkit.agent.stream import AgentStream, OpenStream
from agentkit.agent.sync_stream import SyncAgentStream, open_sync_stream
from agentkit.budget.budget import Budget
from agentkit.chat import ModelSettings
from agentkit.context.window import Window
from agentkit.errors import UsageError
from agentkit.event import Listener
from agentkit.exception_groups import ungrouped
from agentkit.message import UserMessage
from agentkit.model.build import build_model
from agentkit.model.model import Model, ModelConnection
from agentkit.output.output_plan import OutputPlan, plan_output
from agentkit.output.output_type import OutputT
from agentkit.tools.approval import ApprovalRule
from agentkit.tools.tool import Tool
from agentkit.tools.tool_options import ToolOptions
from agentkit.tools.toolset import ToolLike, as_toolset

T = TypeVar("T")


class Agent(Generic[DepsT, OutputT]):
    """Runs a model with tools until it answers. Safe to use from many tasks at once."""

    def __init__(  # noqa: PLR0913 - what users write; each is a word of its own
        self,
        model: str | Model | Sequence[str | Model],
        *,
        tools: Iterable[ToolLike] = (),
        output_type: TypeForm[OutputT] = str,  # type: ignore[assignment]  # OutputT's own default
        instructions: Instructions = "",
        name: str = "agent",
        settings: ModelSettings | None = None,
        budget: Budget | None = None,
        approve: ApprovalRule | None = None,
        api_key: str | None = None,
        base_url: str | None = None,
        deps_type: type[DepsT] | None = None,
        **options: Unpack[AgentOptions],
    ) -> None:
        """Build an agent; nothing is opened or sent.

        Args:
            model: `host:family-or-id`, e.g. `openrouter:mixtral-8x22b`, a model of your own, or a
                list of them, tried in order.
            tools: functions, `Tool`s and toolsets, in any mixture.
            output_type: what the answer of a run is: a pydantic model, a dataclass, a TypedDict, a
                union, or any type that pydantic knows.
            instructions: the system text of every conversation.
            name: what the agent is called in logs.
            settings: how the model should answer.
            budget: the limits of each run.
            approve: decides which calls may run, need approval, or must not run; without it,
                each tool's own `approval` counts.
            api_key: the key, in place of the environment's.
            base_url: the address of the provider, in place of the catalog's.
            deps_type: the type of `deps`, which each run then has to give.
            options: see `AgentOptions`.

        Raises:
            ConfigError: the provider is not known, its key is missing, or the output type cannot
                be read from JSON.
            ToolDefinitionError: a tool cannot be offered, or two have one name.
        """
        self.model: Model = build_model(model, api_key=api_key, base_url=base_url)
        self.toolset = as_toolset(tools)
        self.instructions = instructions
        self.name = name
        self.settings = settings or ModelSettings()
        self.budget = budget or Budget()
        self.approve = approve
        self.deps_type = deps_type
        self.options = read_agent_options(options)
        self._output = self._plan(output_type)
        self.window = Window(self.model.profile, self.options.context)
        self._connection: ModelConnection | None = None
        self._stack: AsyncExitStack | None = None

    @overload
    async def run(
        self,
        prompt: str | UserMessage | None = None,
        **options: Unpack[RunOptions[DepsT]],
    ) -> RunResult[OutputT]: ...
    @overload
    async def run(
        self,
        prompt: str | UserMessage | None = None,
        *,
        output_type: TypeForm[T],
        **options: Unpack[RunOptions[DepsT]],
    ) -> RunResult[T]: ...
    async def run(
        self,
        prompt: str | UserMessage | None = None,
        *,
        output_type: Any = None,
        **options: Unpack[RunOptions[DepsT]],
    ) -> RunResult[Any]:
        """Run until there is an answer, a limit, or a call that needs approval.

        Args:
            prompt: the user's message; without one, `history` is answered or resumed.
            output_type: what the answer of this run is, in place of the agent's output type.
            options: see `RunOptions`; all may be left out.

        Raises:
            ProviderError: the model could not be reached or gave no usable answer.
            HistoryError: the conversation is empty or incomplete, or an approval is for another
                call.
            UnsupportedError: the model cannot do what is asked.
            OutputError: the model gave no valid structured output within the allowed attempts.
        """
        return await self._run(self._new_run(prompt, options, output_type))

    @overload
    def run_sync(
        self,
        prompt: str | UserMessage | None = None,
        **options: Unpack[RunOptions[DepsT]],
    ) -> RunResult[OutputT]: ...
    @overload
    def run_sync(
        self,
        prompt: str | UserMessage | None = None,
        *,
        output_type: TypeForm[T],
        **options: Unpack[RunOptions[DepsT]],
    ) -> RunResult[T]: ...
    def run_sync(
        self,
        prompt: str | UserMessage | None = None,
        *,
        output_type: Any = None,
        **options: Unpack[RunOptions[DepsT]],
    ) -> RunResult[Any]:
        """Run as `run` does, from code that is not async.

        Raises:
            UsageError: called from async code, where `await agent.run(...)` belongs; or from a
                tool with `within`, whose run is in another thread.
        """
        if options.get("within") is not None:
            raise UsageError(
                "run_sync cannot be part of the run above, which is in another event loop; make "
                "the tool async and use 'await agent.run(..., within=context)'."
            )
        _check_not_async("await agent.run(...)")
        return anyio.run(self._run, self._new_run(prompt, options, output_type))

    @overload
    def stream(
        self,
        prompt: str | UserMessage | None = None,
        **options: Unpack[RunOptions[DepsT]],
    ) -> AbstractAsyncContextManager[AgentStream[OutputT]]: ...
    @overload
    def stream(
        self,
        prompt: str | UserMessage | None = None,
        *,
        output_type: TypeForm[T],
        **options: Unpack[RunOptions[DepsT]],
    ) -> AbstractAsyncContextManager[AgentStream[T]]: ...
    def stream(
        self,
        prompt: str | UserMessage | None = None,
        *,
        output_type: Any = None,
        **options: Unpack[RunOptions[DepsT]],
    ) -> AbstractAsyncContextManager[AgentStream[Any]]:
        """Run as `run` does, and give what happens as events.

        Use as `async with agent.stream(...) as run: async for event in run: ...`, then
        `run.result`. Leaving the context early cancels the run.
        """
        queue = EventQueue()
        run = self._new_run(prompt, options, output_type, listeners=[queue])
        return OpenStream(partial(self._run, run), queue, run)

    def stream_sync(
        self,
        prompt: str | UserMessage | None = None,
        *,
        output_type: Any = None,
        **options: Unpack[RunOptions[DepsT]],
    ) -> AbstractContextManager[SyncAgentStream[OutputT]]:
        """Stream as `stream` does, from code that is not async.

        Use as `with agent.stream_sync(...) as run: for event in run: ...`.

        Raises:
            UsageError: called from async code, where `agent.stream(...)` belongs.
        """
        _check_not_async("async with agent.stream(...)")
        return open_sync_stream(self.stream(prompt, output_type=output_type, **options))

    def conversation(self, **options: Unpack[RunOptions[DepsT]]) -> Conversation[OutputT]:
        """Return a conversation, which keeps the history from turn to turn.

        Args:
            options: see `RunOptions`; they hold for each turn.
        """
        check_run_options(options)
        return Conversation(self, dict(options))

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
            raise UsageError(f"The agent {self.name!r} is open already.")
        async with AsyncExitStack() as stack:
            self._connection = await stack.enter_async_context(self._opened())
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *details: object) -> None:
        """Close what was opened."""
        stack, self._stack, self._connection = self._stack, None, None
        if stack is not None:
            await stack.aclose()

    def joined(self, run: Run) -> Member | None:
        """Return this agent as it takes part in a run, if it is open already."""
        return None if self._connection is None else Member(run, self, self._connection)

    @asynccontextmanager
    async def join(self, run: Run) -> AsyncIterator[Member]:
        """Open model and tools, and yield this agent as it takes part in a run."""
        async with self._opened() as connection:
            yield Member(run, self, connection)

    def _plan(self, output_type: Any) -> OutputPlan[Any]:
        """Return how structured output is requested from this agent's model."""
        return plan_output(
            output_type,
            default_mode=self.model.profile.output_mode,
            settings=self.options.output,
        )

    def _new_run(
        self,
        prompt: str | UserMessage | None,
        options: RunOptions[Any],
        output_type: Any,
        *,
        listeners: Iterable[Listener] = (),
    ) -> Run:
        """Read what the caller gave to one run; None for the agent's own output type."""
        check_run_options(options)
        if self.deps_type is not None and "deps" not in options and "within" not in options:
            raise TypeError(
                f"The tools of the agent {self.name!r} use a value of type "
                f"{self.deps_type.__qualname__!r}; give it: run(…, deps=…)."
            )
        output = self._output if output_type is None else self._plan(output_type)
        output = output.for_run(options.get("deps"))
        start, history = start_history(prompt, options.get("history"))
        return Run(
            options,
            agent=self,
            start=start,
            history=output.resumed(history),
            output=output,
            listeners=listeners,
        )

    def _run(self, run: Run) -> Awaitable[RunResult[Any]]:
        """Run; the only way in for all kinds of runs."""
        return run_agent(run, self)

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[ModelConnection]:
        """Open the model and the tools."""
        with ungrouped():
            async with self.model.open() as connection, self.toolset.open():
                yield connection


def _check_not_async(instead: str) -> None:
    """Refuse a call from async code, whose event loop it would block.

    Raises:
        UsageError: an event loop runs in this thread.
    """
    try:
        library = sniffio.current_async_library()
    except sniffio.AsyncLibraryNotFoundError:
        return
    raise UsageError(
        f"This is called inside {library}, e.g. from an async function or a notebook; use "
        f"'{instead}'."
    )
