"""Call the function of a tool once, and keep what it raises from ending the program.

In:  a ready call, its function with its arguments, the limits it holds.
Out: what the function returned, or a `ToolFailure`.

The function runs in the event loop if it is async, and in a worker thread if not.
"""

from collections.abc import Callable
from contextlib import nullcontext
from inspect import isawaitable
from threading import current_thread, main_thread
from typing import Any

import anyio

from agentkit.errors import RunLost
from agentkit.exception_groups import leaves, raise_if_fatal
from agentkit.tools.concurrency.concurrency_limits import CallPermit
from agentkit.tools.concurrency.graceful_cancel import StoppableCall, is_caller_cancelled
from agentkit.tools.concurrency.semaphore import holding
from agentkit.tools.concurrency.worker_threads import ThreadFailure, ThreadJob
from agentkit.tools.result_content import ToolFailure, describe_failure
from agentkit.tools.validate import ReadyCall

_NO_PERMIT = nullcontext()


class CallInterrupted(BaseException):
    """Ends a call without a result, through the code of the tool; for agentkit's own use."""


class ToolAttempt:
    """One attempt to call a function, in the event loop or in a thread."""

    def __init__(
        self,
        *,
        call: ReadyCall,
        function: Callable[[], Any],
        held: CallPermit,
        stoppable: StoppableCall,
        has_own_task: bool,
    ) -> None:
        self._call = call
        self._function = function
        self._held = held
        self._stoppable = stoppable
        self._has_own_task = has_own_task
        self.job: ThreadJob | None = None

    @property
    def is_running(self) -> bool:
        """Return whether a thread still runs the function."""
        return self.job is not None and self.job.is_running

    async def call(self) -> object:
        """Return what the function returned, or a `ToolFailure`."""
        permit = self._held.permit
        with _NO_PERMIT if permit is None else holding(permit):
            try:
                if self._call.tool.binding.is_async:
                    return await self._function()
                self._held.retain()
                self.job = ThreadJob(self._function, on_end=self._held.release)
                outcome = await self.job.run()
                if isinstance(outcome, ThreadFailure):
                    return self._fail(outcome.error)
                return await outcome if isawaitable(outcome) else outcome
            except Exception as error:  # noqa: BLE001  # user code; the model gets an error result
                raise_if_fatal(error)
                return describe_failure(self._call, error)
            except BaseException as error:  # noqa: BLE001  # user code, and every way to stop it
                for leaf in leaves(error):
                    if await self._must_leave(leaf):
                        raise leaf from leaf.__cause__
                return describe_failure(self._call, error)

    def _fail(self, error: BaseException) -> ToolFailure:
        """Return the failure for what a thread raised, unless it ends the call."""
        if isinstance(error, CallInterrupted | RunLost):
            raise error
        raise_if_fatal(error)
        return describe_failure(self._call, error)

    async def _must_leave(self, error: BaseException) -> bool:
        """Return whether an exception is not the tool's: the caller or the user ends the call.

        `SystemExit`, `GeneratorExit` and a cancellation are failures of the tool that raises them;
        otherwise a tool, which a model may call, could end the program. (asyncio itself ends its
        event loop when a task that the tool started raises `SystemExit`; that cannot be caught.)
        """
        if isinstance(error, KeyboardInterrupt):
            # Ctrl-C is raised in the main thread, on Trio inside the task that runs there.
            return current_thread() is main_thread()
        if isinstance(error, CallInterrupted | RunLost):
            return True
        if isinstance(error, GeneratorExit):
            return self._stoppable.is_closed
        if isinstance(error, anyio.get_cancelled_exc_class()):
            return self._stoppable.reason is not None or await is_caller_cancelled(
                task_cancels=None if self._has_own_task else self._stoppable.task_cancels
            )
        return False

    def timeout_failure(self, seconds: float) -> ToolFailure:
        """Return the error result of a call that timed out, with what is known of the tool."""
        name = self._call.tool.name
        if self.job is not None and not self.job.has_started:
            return ToolFailure(
                text=f"The tool {name!r} was not run: no thread was free for {seconds:g} seconds."
            )
        rest = " It may still be running." if self.job is not None else ""

        return ToolFailure(text=f"The tool {name!r} was stopped after {seconds:g} seconds.{rest}")
