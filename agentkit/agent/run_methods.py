"""The ways to run an agent: async or not, streamed or not, for one turn or many.

In:  a prompt, options.
Out: a result, a stream or a conversation.

The overloads require `deps` of an agent that names their type: `Agent[Db, str]` takes `deps=` or
`within=`, and `Agent[None, str]` and `Agent[Any, str]` need neither.
"""

from abc import abstractmethod
from collections.abc import Awaitable, Coroutine, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from functools import partial
from typing import Any, Generic, TypeVar, Unpack, overload

import anyio
import sniffio
from typing_extensions import TypeForm

from agentkit.agent.conversation import Conversation, PendingRun
from agentkit.agent.event_queue import EventQueue
from agentkit.agent.options import (
    DepsOptions,
    DepsT,
    InnerOptions,
    RunOptions,
    check_run_options,
    with_options,
)
from agentkit.agent.result import RunResult
from agentkit.agent.run import Run
from agentkit.agent.stream import AgentStream, OpenStream, SyncAgentStream, open_sync_stream
from agentkit.errors import UsageError
from agentkit.event import Listener
from agentkit.message import UserMessage
from agentkit.output.output_type import OutputT

T = TypeVar("T")


class RunMethods(Generic[DepsT, OutputT]):
    """The methods of an agent that run it."""

    @overload
    async def run(
        self: "RunMethods[None, OutputT]",
        prompt: str | UserMessage | None = None,
        **options: Unpack[RunOptions[None]],
    ) -> RunResult[OutputT]: ...
    @overload
    async def run(
        self,
        prompt: str | UserMessage | None = None,
        **options: Unpack[DepsOptions[DepsT]],
    ) -> RunResult[OutputT]: ...
    @overload
    async def run(
        self,
        prompt: str | UserMessage | None = None,
        **options: Unpack[InnerOptions[DepsT]],
    ) -> RunResult[OutputT]: ...
    @overload
    async def run(
        self: "RunMethods[None, Any]",
        prompt: str | UserMessage | None = None,
        *,
        output_type: TypeForm[T],
        **options: Unpack[RunOptions[None]],
    ) -> RunResult[T]: ...
    @overload
    async def run(
        self: "RunMethods[None, Any]",
        prompt: str | UserMessage | None = None,
        *,
        output_type: Mapping[str, Any],
        **options: Unpack[RunOptions[None]],
    ) -> RunResult[Any]: ...
    @overload
    async def run(
        self,
        prompt: str | UserMessage | None = None,
        *,
        output_type: TypeForm[T],
        **options: Unpack[DepsOptions[DepsT]],
    ) -> RunResult[T]: ...
    @overload
    async def run(
        self,
        prompt: str | UserMessage | None = None,
        *,
        output_type: Mapping[str, Any],
        **options: Unpack[DepsOptions[DepsT]],
    ) -> RunResult[Any]: ...
    @overload
    async def run(
        self,
        prompt: str | UserMessage | None = None,
        *,
        output_type: TypeForm[T],
        **options: Unpack[InnerOptions[DepsT]],
    ) -> RunResult[T]: ...
    @overload
    async def run(
        self,
        prompt: str | UserMessage | None = None,
        *,
        output_type: Mapping[str, Any],
        **options: Unpack[InnerOptions[DepsT]],
    ) -> RunResult[Any]: ...
    @with_options(RunOptions)
    def run(
        self,
        prompt: str | UserMessage | None = None,
        *,
        output_type: Any = None,
        **options: Unpack[RunOptions[Any]],
    ) -> Coroutine[Any, Any, RunResult[Any]]:
        """Run until there is an answer, a limit, or a call that needs approval.

        Args:
            prompt: the user's message; without one, `history` is answered or resumed.
            output_type: what the answer of this run is, in place of the agent's output type: a
                type, or a JSON Schema.
            options: see `RunOptions`; all may be left out.

        Raises:
            ProviderError: the model could not be reached or gave no usable answer.
            HistoryError: the conversation is empty or incomplete, or an approval is for another
                call.
            UnsupportedError: the model cannot do what is asked.
            OutputError: the model gave no valid structured output within the allowed attempts.
        """

        async def run() -> RunResult[Any]:
            return await self._run(self._new_run(prompt, options, output_type))

        run.__qualname__ = "Agent.run"
        return PendingRun(run())

    @overload
    def run_sync(
        self: "RunMethods[None, OutputT]",
        prompt: str | UserMessage | None = None,
        **options: Unpack[RunOptions[None]],
    ) -> RunResult[OutputT]: ...
    @overload
    def run_sync(
        self,
        prompt: str | UserMessage | None = None,
        **options: Unpack[DepsOptions[DepsT]],
    ) -> RunResult[OutputT]: ...
    @overload
    def run_sync(
        self: "RunMethods[None, Any]",
        prompt: str | UserMessage | None = None,
        *,
        output_type: TypeForm[T],
        **options: Unpack[RunOptions[None]],
    ) -> RunResult[T]: ...
    @overload
    def run_sync(
        self: "RunMethods[None, Any]",
        prompt: str | UserMessage | None = None,
        *,
        output_type: Mapping[str, Any],
        **options: Unpack[RunOptions[None]],
    ) -> RunResult[Any]: ...
    @overload
    def run_sync(
        self,
        prompt: str | UserMessage | None = None,
        *,
        output_type: TypeForm[T],
        **options: Unpack[DepsOptions[DepsT]],
    ) -> RunResult[T]: ...
    @overload
    def run_sync(
        self,
        prompt: str | UserMessage | None = None,
        *,
        output_type: Mapping[str, Any],
        **options: Unpack[DepsOptions[DepsT]],
    ) -> RunResult[Any]: ...
    @with_options(RunOptions)
    def run_sync(
        self,
        prompt: str | UserMessage | None = None,
        *,
        output_type: Any = None,
        **options: Unpack[RunOptions[Any]],
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
        self: "RunMethods[None, OutputT]",
        prompt: str | UserMessage | None = None,
        **options: Unpack[RunOptions[None]],
    ) -> AbstractAsyncContextManager[AgentStream[OutputT]]: ...
    @overload
    def stream(
        self,
        prompt: str | UserMessage | None = None,
        **options: Unpack[DepsOptions[DepsT]],
    ) -> AbstractAsyncContextManager[AgentStream[OutputT]]: ...
    @overload
    def stream(
        self,
        prompt: str | UserMessage | None = None,
        **options: Unpack[InnerOptions[DepsT]],
    ) -> AbstractAsyncContextManager[AgentStream[OutputT]]: ...
    @overload
    def stream(
        self: "RunMethods[None, Any]",
        prompt: str | UserMessage | None = None,
        *,
        output_type: TypeForm[T],
        **options: Unpack[RunOptions[None]],
    ) -> AbstractAsyncContextManager[AgentStream[T]]: ...
    @overload
    def stream(
        self: "RunMethods[None, Any]",
        prompt: str | UserMessage | None = None,
        *,
        output_type: Mapping[str, Any],
        **options: Unpack[RunOptions[None]],
    ) -> AbstractAsyncContextManager[AgentStream[Any]]: ...
    @overload
    def stream(
        self,
        prompt: str | UserMessage | None = None,
        *,
        output_type: TypeForm[T],
        **options: Unpack[DepsOptions[DepsT]],
    ) -> AbstractAsyncContextManager[AgentStream[T]]: ...
    @overload
    def stream(
        self,
        prompt: str | UserMessage | None = None,
        *,
        output_type: Mapping[str, Any],
        **options: Unpack[DepsOptions[DepsT]],
    ) -> AbstractAsyncContextManager[AgentStream[Any]]: ...
    @overload
    def stream(
        self,
        prompt: str | UserMessage | None = None,
        *,
        output_type: TypeForm[T],
        **options: Unpack[InnerOptions[DepsT]],
    ) -> AbstractAsyncContextManager[AgentStream[T]]: ...
    @overload
    def stream(
        self,
        prompt: str | UserMessage | None = None,
        *,
        output_type: Mapping[str, Any],
        **options: Unpack[InnerOptions[DepsT]],
    ) -> AbstractAsyncContextManager[AgentStream[Any]]: ...
    @with_options(RunOptions)
    def stream(
        self,
        prompt: str | UserMessage | None = None,
        *,
        output_type: Any = None,
        **options: Unpack[RunOptions[Any]],
    ) -> AbstractAsyncContextManager[AgentStream[Any]]:
        """Run as `run` does, and give what happens as events.

        Use as `async with agent.stream(...) as run: async for event in run: ...`, then
        `run.result`. Leaving the context early cancels the run.
        """
        listener = options.get("listener")
        queue = EventQueue(wants_requests=getattr(listener, "wants_requests", False))
        run = self._new_run(prompt, options, output_type, listeners=[queue])
        return OpenStream(partial(self._run, run), queue, run)

    @overload
    def stream_sync(
        self: "RunMethods[None, OutputT]",
        prompt: str | UserMessage | None = None,
        **options: Unpack[RunOptions[None]],
    ) -> AbstractContextManager[SyncAgentStream[OutputT]]: ...
    @overload
    def stream_sync(
        self,
        prompt: str | UserMessage | None = None,
        **options: Unpack[DepsOptions[DepsT]],
    ) -> AbstractContextManager[SyncAgentStream[OutputT]]: ...
    @overload
    def stream_sync(
        self: "RunMethods[None, Any]",
        prompt: str | UserMessage | None = None,
        *,
        output_type: TypeForm[T],
        **options: Unpack[RunOptions[None]],
    ) -> AbstractContextManager[SyncAgentStream[T]]: ...
    @overload
    def stream_sync(
        self: "RunMethods[None, Any]",
        prompt: str | UserMessage | None = None,
        *,
        output_type: Mapping[str, Any],
        **options: Unpack[RunOptions[None]],
    ) -> AbstractContextManager[SyncAgentStream[Any]]: ...
    @overload
    def stream_sync(
        self,
        prompt: str | UserMessage | None = None,
        *,
        output_type: TypeForm[T],
        **options: Unpack[DepsOptions[DepsT]],
    ) -> AbstractContextManager[SyncAgentStream[T]]: ...
    @overload
    def stream_sync(
        self,
        prompt: str | UserMessage | None = None,
        *,
        output_type: Mapping[str, Any],
        **options: Unpack[DepsOptions[DepsT]],
    ) -> AbstractContextManager[SyncAgentStream[Any]]: ...
    @with_options(RunOptions)
    def stream_sync(
        self,
        prompt: str | UserMessage | None = None,
        *,
        output_type: Any = None,
        **options: Unpack[RunOptions[Any]],
    ) -> AbstractContextManager[SyncAgentStream[Any]]:
        """Stream as `stream` does, from code that is not async.

        Use as `with agent.stream_sync(...) as run: for event in run: ...`.

        Raises:
            UsageError: called from async code, where `agent.stream(...)` belongs.
        """
        _check_not_async("async with agent.stream(...)")
        return open_sync_stream(self.stream(prompt, output_type=output_type, **options))

    @overload
    def conversation(
        self: "RunMethods[None, OutputT]", **options: Unpack[RunOptions[None]]
    ) -> Conversation[OutputT]: ...
    @overload
    def conversation(self, **options: Unpack[DepsOptions[DepsT]]) -> Conversation[OutputT]: ...
    @with_options(RunOptions)
    def conversation(self, **options: Unpack[RunOptions[Any]]) -> Conversation[OutputT]:
        """Return a conversation, which keeps the history from turn to turn.

        Args:
            options: see `RunOptions`; they hold for each turn.
        """
        check_run_options(options)
        return Conversation(self, dict(options))

    @abstractmethod
    def _new_run(
        self,
        prompt: str | UserMessage | None,
        options: RunOptions[Any],
        output_type: Any,
        *,
        listeners: Iterable[Listener] = (),
    ) -> Run:
        """Read what the caller gave to one run."""

    @abstractmethod
    def _run(self, run: Run) -> Awaitable[RunResult[Any]]:
        """Run; the only way in for all kinds of runs."""


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
