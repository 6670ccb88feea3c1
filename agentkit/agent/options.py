"""What a caller may set for an agent and for one of its runs.

In:  keyword arguments.
Out: `AgentOptions` and `RunOptions`, their types, and signatures that show them; `AgentSettings`,
     the values that count; which dependencies the tools of an agent need.
"""

import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import field
from types import NoneType, UnionType
from typing import (
    Any,
    Generic,
    NotRequired,
    TypeAlias,
    TypedDict,
    Union,
    get_args,
    get_origin,
)

from typing_extensions import TypeVar

from agentkit.agent.journal import Journal
from agentkit.budget.budget import Budget
from agentkit.chat import ModelSettings, ToolChoice
from agentkit.clock import Clock, SystemClock
from agentkit.content import TextContent
from agentkit.context.window import ContextSettings
from agentkit.errors import HistoryError, ToolDefinitionError, UsageError
from agentkit.event import Listener
from agentkit.history import History
from agentkit.message import Message, UserMessage
from agentkit.output.output_type import OutputSettings
from agentkit.tools.approval import Approval
from agentkit.tools.concurrency.concurrency_limits import ConcurrencyLimits
from agentkit.tools.run_context import RunContext
from agentkit.tools.tool import Tool
from agentkit.tools.toolset import ToolLike, Toolset, fixed_tools
from agentkit.value import dataclass

DepsT = TypeVar("DepsT", default=Any)

Instructions: TypeAlias = str | Callable[[RunContext[Any]], str | Awaitable[str]]
"""Text, or a function that is called before each model exchange."""


class AgentOptions(TypedDict, total=False):
    """Further options of an agent; the defaults suit most.

    Attributes:
        output: how structured output is requested.
        context: how the conversation is kept within the model's context window.
        concurrency: limits on tools that hold over all runs that share them.
        tool_concurrency: how many tools of one turn may run at the same time, 1 or more; 8.
        tool_timeout_seconds: limit of each tool that has none of its own; 60; None for no limit.
        stop_without_progress: a run that repeats itself gets a hint, and is then stopped; True.
        max_depth: how deep agents may run inside each other below this one; 4.
        max_handoffs: how often one run may be handed off to another agent; 8.
        clock: where time comes from.
    """

    output: OutputSettings
    context: ContextSettings
    concurrency: ConcurrencyLimits
    tool_concurrency: int
    tool_timeout_seconds: float | None
    stop_without_progress: bool
    max_depth: int
    max_handoffs: int
    clock: Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSettings:
    """The options of an agent with their defaults; see `AgentOptions`."""

    output: OutputSettings = field(default_factory=OutputSettings)
    context: ContextSettings = field(default_factory=ContextSettings)
    concurrency: ConcurrencyLimits = field(default_factory=ConcurrencyLimits)
    tool_concurrency: int = 8
    tool_timeout_seconds: float | None = 60.0
    stop_without_progress: bool = True
    max_depth: int = 4
    max_handoffs: int = 8
    clock: Clock = field(default_factory=SystemClock)


INSTEAD: Mapping[str, str] = {
    **dict.fromkeys(["system_prompt", "system_message", "system", "prompt"], "instructions='…'"),
    **dict.fromkeys(
        ["max_turns", "max_iterations", "max_steps", "recursion_limit"],
        "budget=Budget(turns=…)",
    ),
    **dict.fromkeys(["max_cost", "max_budget_usd"], "budget=Budget(cost_usd=…)"),
    **dict.fromkeys(["timeout", "max_execution_time"], "budget=Budget(seconds=…)"),
    **dict.fromkeys(
        ["temperature", "top_p", "max_tokens", "seed", "stop", "model_settings"],
        "settings=ModelSettings(…)",
    ),
    **dict.fromkeys(["response_format", "result_type", "output_schema"], "output_type=…"),
    **dict.fromkeys(["messages", "message_history", "chat_history"], "run(…, history=…)"),
    **dict.fromkeys(["functions", "toolsets", "mcp_servers"], "tools=[…]"),
    **dict.fromkeys(["context", "dependencies", "user_data"], "run(…, deps=…)"),
}
"""What options of other frameworks are called here."""


def _instead_of(name: str) -> str:
    return f"write {INSTEAD[name]}; " if name in INSTEAD else ""


def read_agent_options(options: AgentOptions) -> AgentSettings:
    """Return the options of an agent, with the defaults of those that were not given.

    Raises:
        TypeError: there is no option of this name.
    """
    if unknown := sorted(options.keys() - AgentOptions.__annotations__.keys()):
        raise TypeError(
            f"An Agent has no option {unknown[0]!r}; {_instead_of(unknown[0])}in addition to "
            f"those of its signature it has {', '.join(sorted(AgentOptions.__annotations__))}."
        )
    return AgentSettings(**options)


class _Options(TypedDict, total=False):
    """The options of every run."""

    history: History | Iterable[Message] | None
    tools: Iterable[ToolLike]
    instructions: Instructions
    settings: ModelSettings | None
    budget: Budget | None
    tool_choice: ToolChoice | str
    approvals: Sequence[Approval]
    journal: Journal | None
    run_id: str | None
    listener: Listener | None
    labels: Mapping[str, str]


class RunOptions(_Options, Generic[DepsT], total=False):
    """What may be given to one run.

    Attributes:
        history: the conversation to continue; without a prompt, the one to resume.
        deps: handed to tools in their `RunContext`.
        tools: further tools, in addition to the agent's; an equal name is a `ConfigError`.
        instructions: further instructions, after the agent's.
        settings: model settings, merged over the agent's.
        budget: the limits of this run, merged over the agent's.
        tool_choice: `auto`, `required`, `none` or a tool's name; forced once, in the first turn.
        approvals: decisions about the open calls of a suspended run.
        journal: remembers what the effects of this run gave, so that it can be run again.
        run_id: identifies the run in all its lives; the idempotency key of the whole run.
        within: the context of the tool that makes this run: it spends from the budget of that
            tool's run, which reports its events; its journal is part of that run's.
        listener: gets a record of each event.
        labels: text to find the run by, in events, logs and traces.
    """

    deps: DepsT
    within: RunContext[Any] | None


class DepsOptions(_Options, Generic[DepsT]):
    """The options of a run of an agent whose tools need dependencies; see `RunOptions`."""

    deps: DepsT
    within: NotRequired[RunContext[Any] | None]


class InnerOptions(_Options, Generic[DepsT]):
    """The options of a run inside a tool, with the tool's dependencies; see `RunOptions`."""

    within: RunContext[DepsT]


RUN_OPTIONS = frozenset(RunOptions.__annotations__)


def check_run_options(options: Mapping[str, object]) -> None:
    """Refuse an option that a run does not have.

    Raises:
        TypeError: there is no option of this name.
    """
    if unknown := sorted(options.keys() - RUN_OPTIONS):
        raise TypeError(
            f"A run has no option {unknown[0]!r}; {_instead_of(unknown[0])}it has output_type, "
            f"{', '.join(sorted(RUN_OPTIONS))}."
        )


def start_history(
    prompt: str | UserMessage | None,
    before: History | Iterable[Message] | None,
) -> tuple[int, History]:
    """Return how long the conversation was before the prompt, and the one that the run begins with.

    Raises:
        UsageError: the prompt is not one.
        HistoryError: there is nothing to answer, or calls are open that the prompt cannot follow.
    """
    message = UserMessage(prompt) if isinstance(prompt, str) else prompt
    if message is not None and not isinstance(message, UserMessage):
        raise UsageError(
            f"A prompt is text or a UserMessage, and not a value of type "
            f"{type(prompt).__name__!r}; write "
            + (
                "UserMessage('…')."
                if isinstance(prompt, Mapping)
                else "run(history=…) for a conversation, whose last message is answered."
            )
        )
    if before is not None and not isinstance(before, Iterable):
        raise HistoryError(
            f"A run begins with text or with a conversation, not with {type(before).__name__!r}; "
            "one message goes into a list: [message]."
        )
    if message is not None and _is_empty(message):
        raise HistoryError("The prompt is empty; give the model something to answer.")
    if message is not None and not before:
        return 0, History([message])
    history = before if isinstance(before, History) else History(before or ())
    if message is None:
        if not history:
            raise HistoryError("The conversation is empty; give the model something to answer.")
        if isinstance(history.last, UserMessage) and _is_empty(history.last):
            raise HistoryError(
                "The last message of the conversation is empty; give the model something to answer."
            )
        return len(history), history
    if history.open_calls:
        names = ", ".join(f"{call.name} ({call.id})" for call in history.open_calls)
        raise HistoryError(
            f"The conversation waits for {names}; resume it with run(history=…, approvals=[…]) "
            "before a new prompt."
        )
    return len(history), history + [message]


def _is_empty(message: UserMessage) -> bool:
    """Return whether a message says nothing; providers would get agentkit's own words for it."""
    return not message.text.strip() and all(isinstance(one, TextContent) for one in message.content)


FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])


class _NotGiven:
    """The default of an option in a signature, printed as in type stubs."""

    def __repr__(self) -> str:
        return "..."


NOT_GIVEN = _NotGiven()


def with_options(options: type) -> Callable[[FunctionT], FunctionT]:
    """Show the keys of a `TypedDict` as keyword parameters of a function.

    Args:
        options: the `TypedDict`.
    """

    def show(function: FunctionT) -> FunctionT:
        signature = inspect.signature(function)
        own = [
            one
            for one in signature.parameters.values()
            if one.kind is not inspect.Parameter.VAR_KEYWORD
        ]
        shown = [
            inspect.Parameter(
                name, inspect.Parameter.KEYWORD_ONLY, default=NOT_GIVEN, annotation=hint
            )
            for name, hint in options.__annotations__.items()
        ]
        target: Any = function
        target.__signature__ = signature.replace(parameters=[*own, *shown])
        return function

    return show


Needed: TypeAlias = tuple[str, Any]
"""The name of a tool and the type of the dependencies that it needs."""


def needed_deps(toolset: Toolset) -> Needed | None:
    """Return the first tool that cannot work without dependencies, and their type."""
    for tool in fixed_tools(toolset):
        if _is_needed(needed := _deps_type(tool)):
            return tool.name, needed
    return None


def check_deps_type(toolset: Toolset, given: Any) -> None:
    """Check that all tools can work with dependencies of a type.

    Raises:
        ToolDefinitionError: a tool needs others.
    """
    for tool in fixed_tools(toolset):
        needed = _deps_type(tool)
        if not _accepts(needed, given):
            raise ToolDefinitionError(
                f"The tool {tool.name!r} takes a RunContext[{name_of(needed)}], and the deps_type "
                f"of the agent is {name_of(given)}."
            )


def name_of(kind: Any) -> str:
    """Return the name of a type, for messages."""
    return getattr(kind, "__qualname__", None) or str(kind)


def _deps_type(tool: Tool) -> Any:
    return getattr(tool.binding, "deps_type", Any)


def _is_needed(kind: Any) -> bool:
    """Return whether None is no value of a type; only classes are certain."""
    if get_origin(kind) in (Union, UnionType):
        return all(map(_is_needed, get_args(kind)))
    return isinstance(get_origin(kind) or kind, type) and kind not in (Any, object, NoneType)


def _accepts(needed: Any, given: Any) -> bool:
    """Return whether a value of the type `given` may be one of the type `needed`."""
    if get_origin(needed) in (Union, UnionType):
        return any(_accepts(one, given) for one in get_args(needed))
    wide, narrow = get_origin(needed) or needed, get_origin(given) or given
    if not (isinstance(wide, type) and isinstance(narrow, type)):
        return True
    if wide in (Any, NoneType) or narrow is Any:
        return True
    try:
        return issubclass(narrow, wide)
    except TypeError:  # a protocol that is not made for checks at runtime
        return True
