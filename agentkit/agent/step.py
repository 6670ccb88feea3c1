"""Decide what a run does next.

In:  the state of a run and its policy, both values.
Out: one `Step`.

Nothing here waits, calls or remembers: the history is the state. A history that ends with open
calls goes on with them; one that ends with an answer is finished.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from agentkit.agent.budget import Budget
from agentkit.chat import FinishReason, ModelResponse, ToolChoice
from agentkit.event import StopReason
from agentkit.history import History
from agentkit.message import AssistantMessage, ToolCall, ToolResult
from agentkit.usage import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class RunState:
    """How far a run has come.

    Attributes:
        history: the whole conversation.
        turns: model calls made in this run.
        usage: what they used together.
        finish_reason: why the last answer ended; None before the first.
        has_called: the model called a tool in this run.
        closing: the limit for which the model was asked for the last time; None before that.
    """

    history: History
    turns: int = 0
    usage: Usage = field(default_factory=Usage)
    finish_reason: FinishReason | None = None
    has_called: bool = False
    closing: StopReason | None = None

    def add_response(
        self, response: ModelResponse, *, closing: StopReason | None = None
    ) -> "RunState":
        """Return the state after a model exchange."""
        return RunState(
            history=self.history.add(response.message),
            turns=self.turns + 1,
            usage=self.usage + response.usage,
            finish_reason=response.finish_reason,
            has_called=self.has_called or bool(response.message.tool_calls),
            closing=closing,
        )

    def add_results(self, results: Sequence[ToolResult]) -> "RunState":
        """Return the state after tools answered."""
        return replace(self, history=self.history.add(*results))


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the caller asked of a run."""

    budget: Budget = field(default_factory=Budget)
    tool_choice: ToolChoice = field(default_factory=ToolChoice)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallModel:
    """Ask the model; `closing` names the limit that makes this the last time, without tools."""

    choice: ToolChoice
    closing: StopReason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTools:
    """Run the open calls, in the order asked."""

    calls: tuple[ToolCall, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """The run is over."""

    reason: StopReason


Step: TypeAlias = CallModel | RunTools | Finish


def next_step(state: RunState, policy: Policy) -> Step:
    """Return what comes next; equal arguments give equal steps."""
    if state.history.open_calls:
        return RunTools(calls=state.history.open_calls)
    if state.closing is not None:
        return Finish(reason=state.closing)
    if _ends_with_answer(state.history):
        return Finish(reason=_reason(state.finish_reason))
    if state.turns >= policy.budget.turns:
        return CallModel(choice=ToolChoice(mode="none"), closing="max_turns")
    return CallModel(choice=_choice(state, policy))


def _ends_with_answer(history: History) -> bool:
    """Say whether the last word is the model's, with nothing left to do."""
    return bool(history) and isinstance(history[-1], AssistantMessage)


def _reason(finish_reason: FinishReason | None) -> StopReason:
    """Return why a run with an answer stopped."""
    match finish_reason:
        case "length" | "content_filter":
            return finish_reason
        case _:
            return "answered"


def _choice(state: RunState, policy: Policy) -> ToolChoice:
    """Return the choice for the next turn: a forced call is forced once, else it never ends."""
    if policy.tool_choice.is_forced and state.has_called:
        return ToolChoice()
    return policy.tool_choice
