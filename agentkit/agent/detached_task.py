"""Run a task that any other task may wait for or stop.

In:  an async function that raises nothing but cancellation.
Out: `DetachedTask`.

A task group and a cancel scope belong to the task that entered them. An async generator has no
task of its own: web frameworks and `asyncio.wait_for` ask each item in another one, and a generator
that was left early is closed by the event loop. A task group that is open across a `yield` of it
then ends with an error in the wrong task. The task here is in no group; whoever starts it has to
stop it.
"""

from collections.abc import Awaitable, Callable
from contextvars import copy_context
from typing import Any, cast

import anyio
import sniffio

from agentkit.lazy_import import load_object

_running: set[object] = set()
"""Tasks that have not ended: asyncio's event loop itself has weak references only."""


class DetachedTask:
    """One task, which runs in the context variables of the code that starts it."""

    def __init__(self, work: Callable[[], Awaitable[None]]) -> None:
        self._work = work
        self._scope = anyio.CancelScope()
        self._ended = anyio.Event()

    def start(self) -> None:
        """Start the task."""
        if sniffio.current_async_library() == "trio":
            spawn = cast(Callable[..., Any], load_object("trio.lowlevel:spawn_system_task"))
            spawn(self._run, context=copy_context())
            return
        create = cast(Callable[..., Any], load_object("asyncio:create_task"))
        task = create(self._run())
        _running.add(task)
        task.add_done_callback(_running.discard)

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

    async def _run(self) -> None:
        try:
            with self._scope:
                await self._work()
        finally:
            self._ended.set()
