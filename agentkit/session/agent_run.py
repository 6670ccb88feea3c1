"""Run an agent on a stored conversation.

In:  an agent, the history to go on with, the options of the run.
Out: the agent's stream; afterwards, the messages that the run added.

The one place that knows how an agent is called.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeAlias

from agentkit.agent.agent import Agent
from agentkit.agent.options import DepsT, RunOptions
from agentkit.agent.result import RunResult
from agentkit.agent.stream import AgentStream
from agentkit.errors import HistoryError
from agentkit.history import History
from agentkit.message import Message, UserMessage
from agentkit.output.output_type import OutputT


def start_stream(
    agent: Agent[DepsT, OutputT],
    prompt: UserMessage | None,
    *,
    history: History,
    session: str,
    options: RunOptions[DepsT],
) -> AbstractAsyncContextManager[AgentStream[OutputT]]:
    """Start a run that goes on with `history`; its label `session` is the conversation's id.

    Raises:
        TypeError: there is no such option, or the session gives it itself.
        HistoryError: there is nothing to answer, or calls are open that the prompt cannot follow.
    """
    if "history" in options:
        raise TypeError("A session gives the history of its runs itself; leave 'history' out.")
    labels = {"session": session, **options.get("labels", {})}
    given: RunOptions[DepsT] = {**options, "history": history, "labels": labels}
    return agent.stream(prompt, **given)


StoreTurn: TypeAlias = Callable[[AgentStream[Any]], Awaitable[None]]
"""Stores the turn of a run that has ended."""


class StreamedTurn(AbstractAsyncContextManager[AgentStream[OutputT]]):
    """The context of a stored turn.

    It is a class: a generator that holds another one is closed at the same time as that one if both
    are garbage together.
    """

    def __init__(
        self,
        begin: Callable[
            [], Awaitable[tuple[AbstractAsyncContextManager[AgentStream[OutputT]], StoreTurn]]
        ],
    ) -> None:
        self._begin = begin
        self._opened: AbstractAsyncContextManager[AgentStream[OutputT]]
        self._store: StoreTurn
        self._run: AgentStream[OutputT]

    async def __aenter__(self) -> AgentStream[OutputT]:
        """Read the conversation and start the run."""
        self._opened, self._store = await self._begin()
        self._run = await self._opened.__aenter__()
        return self._run

    async def __aexit__(self, *raised: Any) -> None:
        """Stop the run, and store what was said and done."""
        try:
            await self._opened.__aexit__(*raised)
        finally:
            await self._store(self._run)


def as_message(prompt: str | UserMessage) -> UserMessage:
    """Return what the user says as a message.

    Raises:
        HistoryError: it is empty.
    """
    if isinstance(prompt, str):
        if not prompt.strip():
            raise HistoryError("The prompt is empty; give the model something to answer.")
        return UserMessage(prompt)
    return prompt


async def finish(run: AgentStream[OutputT]) -> RunResult[OutputT]:
    """Wait until a run has ended and return its result."""
    return await run.finish()


def added_messages(before: History, after: History) -> Sequence[Message]:
    """Return what a run added to a history.

    Raises:
        AssertionError: it changed what was there.
    """
    kept = len(before)
    if len(after) < kept or (kept and after[kept - 1] != before[kept - 1]):
        raise AssertionError("A run changed the messages that were there before it.")
    return after[kept:]
