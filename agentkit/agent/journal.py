"""The doors through which a run acts on the world.

In:  what `next_step` asks for; effects with stable names.
Out: what the model and the tools answered, now or in an earlier life of the same run.

`Steps` is what the loop sees. `Journal` is what a durable engine implements: every effect of a run
passes through it.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

from pydantic import TypeAdapter

from agentkit.agent.step import CallModel, Exchange, RunState, ToolAnswers
from agentkit.message import ToolCall
from agentkit.tools.approval import PlannedCall

T = TypeVar("T")


class Steps(Protocol):
    """Carries out the steps of one run."""

    def call_model(self, state: RunState, step: CallModel) -> Awaitable[Exchange]:
        """Make the next model exchange, unless a limit comes first.

        Raises:
            ProviderError: the exchange failed.
            UnsupportedError: the model cannot do what is asked.
        """

    def plan_calls(
        self, state: RunState, calls: Sequence[ToolCall]
    ) -> Awaitable[Sequence[PlannedCall]]:
        """Settle what may be done about calls of an earlier run."""

    def run_tools(self, state: RunState, calls: Sequence[ToolCall]) -> Awaitable[ToolAnswers]:
        """Check and run `calls`; return one result for each, in the order asked."""


class Journal(Protocol):
    """Remembers what the effects of a run gave, under names that stay the same in every life."""

    def do(
        self,
        name: str,
        effect: Callable[[], Awaitable[T]],
        *,
        codec: Callable[[], TypeAdapter[T]],
        unknown: Callable[[], Awaitable[T]],
    ) -> Awaitable[T]:
        """Return what `effect` gives, and remember it under `name`.

        What is remembered already is returned without running anything. Where an earlier life
        began the effect and its end is not known, `unknown` is run in its place.

        Args:
            name: unique within the run, e.g. `turn-3/model` or `turn-3/call-2/add`.
            effect: does it; what it raises is passed on and not remembered.
            codec: writes and reads what is remembered.
            unknown: settles an effect that was begun and whose end is not known.
        """


class NoJournal:
    """Remembers nothing: the journal of an ordinary run."""

    def do(
        self,
        name: str,  # noqa: ARG002 - the interface
        effect: Callable[[], Awaitable[T]],
        *,
        codec: Callable[[], TypeAdapter[T]],  # noqa: ARG002 - the interface
        unknown: Callable[[], Awaitable[T]],  # noqa: ARG002 - the interface
    ) -> Awaitable[T]:
        """Run `effect`."""
        return effect()
