"""The context of a running tool call.

In:  the call, the caller's own dependencies, a way to report progress.
Out: `RunContext`, which a tool may take as its first parameter.
"""

from collections.abc import Awaitable, Callable
from dataclasses import field
from typing import Any, Generic

from typing_extensions import TypeVar

from agentkit.event import Emit, ignore
from agentkit.value import dataclass

Progress = Callable[[float, float | None, str | None], Awaitable[None]]

DepsT = TypeVar("DepsT", covariant=True, default=Any)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext(Generic[DepsT]):
    """The call a tool is running for, and the run it belongs to.

    A tool that runs in a thread reports with `anyio.from_thread.run(context.report_progress, …)`.

    Attributes:
        deps: what the caller gave to `run(deps=…)`.
        call_id: the id of the call, unique in its conversation.
        tool_name: the name under which the tool was called.
        idempotency_key: the same each time this call is run, also after a restart; pass it to
            services that must not perform an operation twice.
        report: emits the progress of this call.
        emit: emits an event to the listeners of the run.
        scope: the run, opaque to tools; an agent that is run with `within=context` reads it.
    """

    deps: DepsT
    call_id: str
    tool_name: str
    idempotency_key: str
    report: Progress = field(repr=False)
    emit: Emit = field(default=ignore, repr=False)
    scope: object = field(default=None, repr=False)

    async def report_progress(
        self, progress: float, total: float | None = None, message: str | None = None
    ) -> None:
        """Report the progress of this call to the listeners of the run.

        Args:
            progress: how much is done; it grows with each report.

            total: the value `progress` will end at, in the same unit, if known.
            message: what is being done, in a few words.
        """
        await self.report(progress, total, message)
