"""The door through which a run acts on the world.

In:  the state of a run and what `next_step` asks for.
Out: what the model and the tools answered.
"""

from collections.abc import Sequence
from typing import Protocol

from agentkit.agent.step import CallModel, RunState
from agentkit.chat import ModelResponse
from agentkit.message import ToolCall, ToolResult


class Steps(Protocol):
    """Carries out the steps of one run."""

    async def call_model(self, state: RunState, step: CallModel) -> ModelResponse:
        """Make the next model exchange.

        Raises:
            ProviderError: the exchange failed.
            UnsupportedError: the model cannot do what is asked.
        """

    async def run_tools(self, calls: Sequence[ToolCall]) -> list[ToolResult]:
        """Check and run `calls`; return one result for each, in the order asked."""
