"""Limit how many tools run at the same time, across turns and runs.

In:  limits for groups and for the whole process; the limits of single tools.
Out: `ConcurrencyLimits`, to be shared by all runs that the limits should cover.

A permit counts until the tool has really ended: an abandoned thread keeps its permit.
"""

from collections.abc import Callable, Mapping, Sequence
from threading import Lock

from agentkit.tools.concurrency.semaphore import Permit, Semaphore, SemaphorePool
from agentkit.tools.tool import Tool


class ConcurrencyLimits:
    """The limits of tools, groups and the process, over event loops and threads.

    The limits apply across all runs that are given the same object.
    """

    def __init__(
        self, *, groups: Mapping[str, int] | None = None, process: int | None = None
    ) -> None:
        """Set the limits.

        Args:
            groups: how many tools of a group may run at the same time, by the tools'
                `concurrency_group`; a group that is not named here has no limit.
            process: how many tools may run at the same time in total.

        Raises:
            ValueError: a limit is below 1.
        """
        self._groups = {name: Semaphore(limit) for name, limit in (groups or {}).items()}
        self._process = () if process is None else (Semaphore(process),)
        self._pool = SemaphorePool()
        self._lock = Lock()
        self._tools: dict[tuple[int, int], _ToolSemaphore] = {}

    @property
    def tools_in_use(self) -> int:
        """Return how many tools with their own limit run or wait now."""
        with self._lock:
            return len(self._tools)

    def may_wait(self, tool: Tool) -> bool:
        """Return whether `tool` may have to wait for a permit."""
        return tool.max_concurrency is not None or bool(self._shared_semaphores(tool))

    async def acquire(self, tool: Tool) -> "CallPermit":
        """Wait until `tool` may run."""
        semaphores = self._shared_semaphores(tool)
        if tool.max_concurrency is None:
            return CallPermit(await self._pool.acquire(semaphores)) if semaphores else UNLIMITED
        # A tool of another name or instance is the same function, and has the same binding.
        key = (id(tool.binding), tool.max_concurrency)
        with self._lock:
            counted = self._tools.setdefault(key, _ToolSemaphore(tool, tool.max_concurrency))
            counted.users += 1
        try:
            permit = await self._pool.acquire([*semaphores, counted.semaphore])
        except BaseException:
            self._drop_user(key)
            raise
        return CallPermit(permit, on_end=lambda: self._drop_user(key))

    def _shared_semaphores(self, tool: Tool) -> Sequence[Semaphore]:
        """Return the semaphores that `tool` shares with other tools."""
        group = None if tool.concurrency_group is None else self._groups.get(tool.concurrency_group)
        return self._process if group is None else (*self._process, group)

    def _drop_user(self, key: tuple[int, int]) -> None:
        """Drop the semaphore of a tool that no call uses any more: tools come and go."""
        with self._lock:
            self._tools[key].users -= 1
            if not self._tools[key].users:
                del self._tools[key]


class _ToolSemaphore:
    """The semaphore of one tool and its number of users.

    It holds a reference to the tool: the id of a binding is its key, and must not be reused.
    """

    def __init__(self, tool: Tool, limit: int) -> None:
        self.tool = tool
        self.semaphore = Semaphore(limit)
        self.users = 0


class CallPermit:
    """The permit of one call, counted by references: a call and its thread share it.

    Attributes:
        permit: None if the call needs none.
    """

    permit: Permit | None

    def __init__(self, permit: Permit, *, on_end: Callable[[], None] | None = None) -> None:
        self.permit = self._permit = permit
        self._on_end = on_end
        self._lock = Lock()
        self._references = 1

    def retain(self) -> None:
        """Add a reference; it needs one more `release`."""
        with self._lock:
            self._references += 1

    def release(self) -> None:
        """Drop a reference, from any thread; the last one releases the permit."""
        with self._lock:
            self._references -= 1
            if self._references:
                return
        self._permit.release()
        if self._on_end is not None:
            self._on_end()


class _Unlimited(CallPermit):
    """The permit of a call that no limit applies to."""

    permit = None

    def __init__(self) -> None:
        """Acquire nothing."""

    def retain(self) -> None:
        """Do nothing."""

    def release(self) -> None:
        """Do nothing."""


UNLIMITED: CallPermit = _Unlimited()
