"""A run whose events are read while it goes on.

In:  a run that is ready to go.
Out: `AgentStream`, to be iterated inside its context; `SyncAgentStream`, the same for code that is
     not async, with the run in an event loop of its own in another thread.

The reader sets the pace; see `event_queue`. Leaving the context stops the run.
"""

import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, contextmanager
from contextvars import copy_context
from functools import partial
from typing import Any, Generic

import anyio
import sniffio
from anyio.from_thread import BlockingPortal, start_blocking_portal
from anyio.lowlevel import checkpoint_if_cancelled

from agentkit.agent.event_queue import EventQueue
from agentkit.agent.result import RunResult
from agentkit.agent.run import Run
from agentkit.errors import UsageError
from agentkit.event import EventRecord, RunEvent, TextReceived
from agentkit.history import History
from agentkit.message import UserMessage
from agentkit.output.output_type import OutputError, OutputT

_running: set[object] = set()
"""Tasks that have not ended: asyncio's event loop itself has weak references only."""


class AgentStream(Generic[OutputT]):
    """The events of one run, in order; each is given once, to one reader."""

    def __init__(self, queue: EventQueue, run: Run) -> None:
        self._queue = queue
        self._run = run
        self._result: RunResult[OutputT] | None = None
        self._error: BaseException | None = None
        self._has_raised = False

    @property
    def result(self) -> RunResult[OutputT]:
        """Return the outcome.

        Raises:
            UsageError: the run has not come to its end.
        """
        if self._result is None:
            raise UsageError(
                "The run has no result yet; iterate over its events to the end, or await "
                "run.finish()."
            )
        return self._result

    @property
    def run_id(self) -> str:
        """Return the run's id; under a journal it is known with the first event."""
        return self._run.id

    @property
    def history(self) -> History:
        """Return the conversation so far; complete at any time, also after the run was stopped."""
        if self._result is not None:
            return self._result.history
        if isinstance(self._error, OutputError) and self._error.history is not None:
            return self._error.history
        return self._run.draft.complete()

    def send(self, message: str | UserMessage) -> None:
        """Say something to the running agent; it is taken in at the next turn."""
        self._run.inbox.put(UserMessage(message) if isinstance(message, str) else message)

    def __aiter__(self) -> "AgentStream[OutputT]":
        return self

    async def __anext__(self) -> RunEvent:
        """Return the next event of this run; raise what the run raised, after its last event.

        Events of runs inside its tools are in `records`.
        """
        while True:
            record = self._queue.take() or await self._next()  # most pieces do not wait
            if record is None:
                raise StopAsyncIteration
            if record.run_id == self._run.id:
                return record.event

    def records(self) -> "EventRecords":
        """Return an iterator over all records, those of runs inside its tools included."""
        return EventRecords(self)

    def text_stream(self) -> "TextStream":
        """Return an iterator over the pieces of this run's text."""
        return TextStream(self)

    async def finish(self) -> RunResult[OutputT]:
        """Skip the remaining events, and return the outcome; raise what the run raised."""
        while await self._next() is not None:
            pass
        return self.result

    async def _next(self) -> EventRecord | None:
        """Return the next record; None after the last."""
        try:
            return await self._queue.receive()
        except anyio.EndOfStream:
            if self._result is None and self._error is None:
                # The run was cancelled, and so is its reader, who may just not know it yet.
                await checkpoint_if_cancelled()
            if self._error is not None:
                self._has_raised = True
                raise self._error from None
            return None

    async def _drive(self, start: Callable[[], Awaitable[RunResult[OutputT]]]) -> None:
        """Run to the end and keep the outcome for the reader."""
        try:
            self._result = await start()
        except GeneratorExit:
            raise
        except BaseException as error:
            if isinstance(error, anyio.get_cancelled_exc_class()):
                raise
            self._error = error  # the reader raises it
        finally:
            self._queue.end()

    def _raise_unread(self) -> None:
        """Raise what must end the program, if the reader has left before it was raised."""
        error = self._error
        if error is not None and not isinstance(error, Exception) and not self._has_raised:
            raise error


class EventRecords:
    """All records of a stream; see `AgentStream.records`."""

    def __init__(self, stream: AgentStream[Any]) -> None:
        self._stream = stream

    def __aiter__(self) -> AsyncIterator[EventRecord]:
        return self

    async def __anext__(self) -> EventRecord:
        """Return the next record; raise what the run raised, after the last."""
        record = await self._stream._next()
        if record is None:
            raise StopAsyncIteration
        return record


class TextStream:
    """The text of a stream, piece by piece; see `AgentStream.text_stream`."""

    def __init__(self, stream: AgentStream[Any]) -> None:
        self._stream = stream

    def __aiter__(self) -> AsyncIterator[str]:
        return self

    async def __anext__(self) -> str:
        """Return the next piece of text; raise what the run raised, after the last."""
        async for event in self._stream:
            if isinstance(event, TextReceived):
                return event.text
        raise StopAsyncIteration


class OpenStream(AbstractAsyncContextManager[AgentStream[Any]]):
    """The context of a stream: a run that has started, and stops when the context is left.

    It may be left in another task than it was entered in; see `_DetachedTask`. It is a class, since
    generators that hold each other and are garbage together are closed at the same time.
    """

    def __init__(
        self, start: Callable[[], Awaitable[RunResult[Any]]], queue: EventQueue, run: Run
    ) -> None:
        self._start = start
        self._queue = queue
        self._stream = AgentStream[Any](queue, run)
        self._task: _DetachedTask | None = None

    async def __aenter__(self) -> AgentStream[Any]:
        """Start the run.

        Raises:
            UsageError: it has been started before.
        """
        if self._task is not None:
            raise UsageError("This stream has been read; call agent.stream(...) for another run.")
        self._task = _DetachedTask(partial(self._stream._drive, self._start))
        self._task.start()
        return self._stream

    async def __aexit__(self, *raised: object) -> None:
        """Stop what still runs, and wait for its end."""
        self._queue.leave()
        if self._task is not None:
            await self._task.stop()
        if raised[0] is None:
            self._stream._raise_unread()


class _DetachedTask:
    """A task that is in no task group, so that any other task may wait for it or stop it.

    A task group and a cancel scope belong to the task that entered them. An async generator has no
    task of its own: web frameworks and `asyncio.wait_for` ask each item in another one, and a
    generator that was left early is closed by the event loop. A task group that is open across a
    `yield` of it then ends with an error in the wrong task.
    """

    def __init__(self, work: Callable[[], Awaitable[None]]) -> None:
        self._work = work
        self._scope = anyio.CancelScope()
        self._ended = anyio.Event()

    def start(self) -> None:
        """Start the task."""
        if sniffio.current_async_library() == "trio":
            trio: Any = sys.modules["trio"]  # loaded, since it runs
            trio.lowlevel.spawn_system_task(self._run, context=copy_context())
            return
        asyncio: Any = sys.modules["asyncio"]
        task = asyncio.create_task(self._run())
        _running.add(task)
        task.add_done_callback(self._on_end)

    async def stop(self) -> None:
        """Cancel the task and wait for its end; a cancellation of the caller is raised after it."""
        self._scope.cancel()
        interruption: BaseException | None = None
        with anyio.CancelScope(shield=True):
            while not self._ended.is_set():
                try:
                    await self._ended.wait()
                except anyio.get_cancelled_exc_class() as error:
                    interruption = error  # `task.cancel()` of asyncio passes a shield
        if interruption is not None:
            raise interruption

    def _on_end(self, task: object) -> None:
        """Note the end of an asyncio task, also of one that was cancelled before it began."""
        _running.discard(task)
        self._ended.set()

    async def _run(self) -> None:
        try:
            with self._scope:
                await self._work()
        finally:
            self._ended.set()


class SyncAgentStream(Generic[OutputT]):
    """The events of one run, in order; see `AgentStream`."""

    def __init__(self, stream: AgentStream[OutputT], portal: BlockingPortal) -> None:
        self._stream = stream
        self._portal = portal

    def __iter__(self) -> Iterator[RunEvent]:
        """Yield the events of this run; raise what the run raised, after the last."""
        for record in self.records():
            if record.run_id == self._stream.run_id:
                yield record.event

    def records(self) -> Iterator[EventRecord]:
        """Yield all records, those of runs inside its tools included."""
        while (record := self._portal.call(self._stream._next)) is not None:
            yield record

    def text_stream(self) -> Iterator[str]:
        """Yield the pieces of this run's text."""
        for event in self:
            if isinstance(event, TextReceived):
                yield event.text

    def finish(self) -> RunResult[OutputT]:
        """Skip the remaining events, and return the outcome; raise what the run raised."""
        return self._portal.call(self._stream.finish)

    def send(self, message: str | UserMessage) -> None:
        """Say something to the running agent; it is taken in at the next turn."""
        self._portal.call(self._stream.send, message)

    @property
    def result(self) -> RunResult[OutputT]:
        """Return the outcome; see `AgentStream.result`."""
        return self._stream.result

    @property
    def history(self) -> History:
        """Return the conversation so far; see `AgentStream.history`."""
        return self._stream.history

    @property
    def run_id(self) -> str:
        """Return the run's id; see `AgentStream.run_id`."""
        return self._stream.run_id


@contextmanager
def open_sync_stream(
    opened: AbstractAsyncContextManager[AgentStream[Any]],
) -> Iterator[SyncAgentStream[Any]]:
    """Open a stream in an event loop of its own; leaving the context cancels the run."""
    with start_blocking_portal() as portal:
        wrapped: AbstractContextManager[AgentStream[Any]] = portal.wrap_async_context_manager(
            opened
        )
        with wrapped as stream:
            yield SyncAgentStream(stream, portal)
