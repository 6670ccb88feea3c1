"""A conversation with an agent, turn after turn.

In:  an agent, options for all turns; then prompts.
Out: results and streams; the history that grows with each turn; `PendingRun`, the coroutine of a
     run, which explains how to await it if its result is asked for before that.
"""

from collections.abc import Coroutine, Generator, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import fields
from typing import Any, Generic, TypeVar

from agentkit.agent.result import RunResult
from agentkit.agent.stream import AgentStream
from agentkit.errors import UsageError
from agentkit.history import History
from agentkit.message import UserMessage
from agentkit.output.output_type import OutputT


class Conversation(Generic[OutputT]):
    """Keeps the history between turns, also after an answer that was stopped.

    Attributes:
        history: the conversation so far.
    """

    def __init__(self, agent: Any, options: dict[str, Any]) -> None:
        self._agent = agent  # an `Agent`, whose module imports this one
        history = options.pop("history", None)
        self.history: History = history if isinstance(history, History) else History(history or ())
        self._options = options
        self._is_busy = False

    async def run(self, prompt: str | UserMessage) -> RunResult[OutputT]:
        """Run one turn and return its result.

        Raises:
            UsageError: another turn is under way.
            AgentKitError: as `Agent.run`; the history is as it was before the turn.
        """
        with self._turn():
            result: RunResult[OutputT] = await self._agent.run(
                prompt, history=self.history, **self._options
            )
            self.history = result.history
            return result

    def run_sync(self, prompt: str | UserMessage) -> RunResult[OutputT]:
        """Run one turn from code that is not async; see `run`."""
        with self._turn():
            result: RunResult[OutputT] = self._agent.run_sync(
                prompt, history=self.history, **self._options
            )
            self.history = result.history
            return result

    def stream(
        self, prompt: str | UserMessage
    ) -> AbstractAsyncContextManager[AgentStream[OutputT]]:
        """Stream one turn; what was said until then is kept if the context is left early.

        Raises:
            UsageError: another turn is under way; raised when the context is entered.
        """
        return _StreamedTurn(self, prompt)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Hold the conversation for one turn.

        Raises:
            UsageError: another turn is under way.
        """
        if self._is_busy:
            raise UsageError(
                "A turn of this conversation is under way; await it, or use one conversation for "
                "each task."
            )
        self._is_busy = True
        try:
            yield
        finally:
            self._is_busy = False


class _StreamedTurn(AbstractAsyncContextManager[AgentStream[OutputT]]):
    """The context of one streamed turn; a class for the same reason as `OpenStream`."""

    def __init__(self, conversation: Conversation[OutputT], prompt: str | UserMessage) -> None:
        self._conversation = conversation
        self._prompt = prompt
        self._turn = conversation._turn()
        self._opened: AbstractAsyncContextManager[AgentStream[OutputT]]
        self._run: AgentStream[OutputT]

    async def __aenter__(self) -> AgentStream[OutputT]:
        """Begin the turn."""
        conversation = self._conversation
        self._turn.__enter__()
        try:
            self._opened = conversation._agent.stream(
                self._prompt, history=conversation.history, **conversation._options
            )
            self._run = await self._opened.__aenter__()
        except BaseException:
            self._turn.__exit__(None, None, None)
            raise
        return self._run

    async def __aexit__(self, *raised: Any) -> None:
        """Stop the run, and keep what was said."""
        try:
            await self._opened.__aexit__(*raised)
        finally:
            self._conversation.history = self._run.history
            self._turn.__exit__(None, None, None)


T = TypeVar("T")

_OF_RESULTS = frozenset(
    {"output", "has_output", "open_calls", "new_messages", *(one.name for one in fields(RunResult))}
)


class PendingRun(Coroutine[Any, Any, T]):
    """The coroutine of a run; `await` starts it."""

    __slots__ = ("_coroutine",)

    def __init__(self, coroutine: Coroutine[Any, Any, T]) -> None:
        self._coroutine = coroutine

    def __await__(self) -> Generator[Any, Any, T]:
        return self._coroutine.__await__()

    def send(self, value: Any) -> Any:
        """See `Coroutine`."""
        return self._coroutine.send(value)

    def throw(self, *error: Any) -> Any:
        """See `Coroutine`."""
        return self._coroutine.throw(*error)

    def close(self) -> None:
        """See `Coroutine`."""
        self._coroutine.close()

    def __getattr__(self, name: str) -> Any:
        """Return what the coroutine itself has, such as `cr_frame`, which event loops read.

        Raises:
            UsageError: a result has this attribute, and there is none yet.
        """
        if name in _OF_RESULTS:
            self._coroutine.close()  # Python would warn of the same mistake once more
            raise UsageError(
                f"The run was not awaited, so it has no {name!r}; write 'result = await "
                "agent.run(…)', or 'result = agent.run_sync(…)' in code that is not async."
            )
        return getattr(self._coroutine, name)
