"""The agent: a model, tools and instructions, ready to run.

In:  what to talk to, what it may use, how it should behave; then prompts.
Out: `RunResult`s, or a stream of events.

Between runs no tool is open, unless the agent is entered with `async with`; connections to the
provider are kept for the next run of the same event loop.
"""

from collections.abc import AsyncIterator, Awaitable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Self, Unpack, overload

from typing_extensions import TypeForm

from agentkit.agent.as_tool import agent_as_tool
from agentkit.agent.loop import run_agent
from agentkit.agent.member import Member
from agentkit.agent.options import (
    AgentOptions,
    AgentSettings,
    DepsT,
    Instructions,
    RunOptions,
    check_deps_type,
    check_run_options,
    name_of,
    needed_deps,
    read_agent_options,
    start_history,
    with_options,
)
from agentkit.agent.result import RunResult
from agentkit.agent.run import Run
from agentkit.agent.run_methods import RunMethods
from agentkit.budget.budget import Budget
from agentkit.chat import ModelSettings
from agentkit.context.window import Window
from agentkit.errors import UsageError
from agentkit.event import Listener
from agentkit.exception_groups import ungrouped
from agentkit.message import UserMessage
from agentkit.model.build import build_model
from agentkit.model.model import Model, ModelConnection, open_for_run
from agentkit.output.output_plan import OutputPlan, plan_output
from agentkit.output.output_type import OutputT
from agentkit.tools.approval import ApprovalRule
from agentkit.tools.tool import Tool
from agentkit.tools.tool_options import ToolOptions
from agentkit.tools.toolset import ToolLike, Toolset, as_toolset


class Agent(RunMethods[DepsT, OutputT]):
    """Runs a model with tools until it answers. Safe to use from many tasks at once."""

    @overload
    def __init__(
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
    ) -> None: ...
    @overload
    def __init__(
        self: "Agent[Any, Any]",
        model: str | Model | Sequence[str | Model],
        *,
        tools: Iterable[ToolLike] = (),
        output_type: Mapping[str, Any],
        instructions: Instructions = "",
        name: str = "agent",
        settings: ModelSettings | None = None,
        budget: Budget | None = None,
        approve: ApprovalRule | None = None,
        api_key: str | None = None,
        base_url: str | None = None,
        deps_type: type[Any] | None = None,
        **options: Unpack[AgentOptions],
    ) -> None: ...
    @with_options(AgentOptions)
    def __init__(  # noqa: PLR0913 - what users write; each is a word of its own
        self,
        model: str | Model | Sequence[str | Model],
        *,
        tools: Iterable[ToolLike] = (),
        output_type: Any = str,
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
                union, any type that pydantic knows, or a JSON Schema.
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
        self.toolset: Toolset = as_toolset(tools)
        self.instructions = instructions
        self.name = name
        self.settings: ModelSettings = settings or ModelSettings()
        self.budget: Budget = budget or Budget()
        self.approve = approve
        self.deps_type = deps_type
        if deps_type is not None:
            check_deps_type(self.toolset, deps_type)
        self.options: AgentSettings = read_agent_options(options)
        self._needed_deps = needed_deps(self.toolset)
        self._output = self._plan(output_type)
        self.window: Window = Window(self.model.profile, self.options.context)
        self._connection: ModelConnection | None = None
        self._stack: AsyncExitStack | None = None

    @property
    def has_output_type(self) -> bool:
        """Return whether answers are structured output, and not plain text."""
        return self._output.output is not None

    @property
    def is_open(self) -> bool:
        """Return whether the agent was entered with `async with`."""
        return self._stack is not None

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
            stack.enter_context(ungrouped())
            self._connection = await stack.enter_async_context(self.model.open())
            await stack.enter_async_context(self.toolset.open())
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
        with ungrouped():
            async with open_for_run(self.model) as connection, self.toolset.open():
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
        if "deps" not in options and options.get("within") is None:
            self._check_needs_no_deps(options.get("tools", ()))
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

    def _check_needs_no_deps(self, tools: Iterable[ToolLike]) -> None:
        """Refuse a run without dependencies if the tools need some.

        Raises:
            TypeError: they do.
        """
        if self.deps_type is not None:
            raise TypeError(
                f"The tools of the agent {self.name!r} use a value of type "
                f"{name_of(self.deps_type)!r}; give it: run(…, deps=…)."
            )
        needed = self._needed_deps or (tools and needed_deps(as_toolset(tools)))
        if needed:
            name, kind = needed
            raise TypeError(
                f"The tool {name!r} takes a RunContext[{name_of(kind)}]; give the run a value of "
                f"type {name_of(kind)!r}: run(…, deps=…)."
            )

    def _run(self, run: Run) -> Awaitable[RunResult[Any]]:
        """Run; the only way in for all kinds of runs."""
        return run_agent(run, self)
