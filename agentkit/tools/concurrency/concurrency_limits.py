"""How many tools may run at the same time, beyond one turn.

In:  limits for groups and for the whole process; the limits of tools.
Out: `ConcurrencyLimits`, shared by all runs that are to keep them together.

A place counts until the tool has really ended: a thread that was given up keeps its place.
"""

from collections.abc import Callable, Mapping, Sequence
from threading import Lock

from agentkit.tools.concurrency.semaphore import Gate, Gatehouse, Place
from agentkit.tools.tool import Tool


class ConcurrencyLimits:
    """Keeps the limits of tools, groups and the process, over event loops and threads.

    The limits hold among the runs that are given the same object.
    """

    def __init__(
        self, *, groups: Mapping[str, int] | None = None, process: int | None = None
    ) -> None:
        """Set the limits.

        Args:
            groups: how many tools of a group may run at the same time, by the name that tools
                have as `group`; a group that is not named here has no limit.
            process: how many tools may run at the same time, whichever.

        Raises:
            ValueError: a limit is below 1.
        """
        self._groups = {name: Gate(limit) for name, limit in (groups or {}).items()}
        self._process = () if process is None else (Gate(process),)
        self._house = Gatehouse()
        self._lock = Lock()
        self._tools: dict[tuple[int, int], _ToolGate] = {}

    @property
    def tools_in_use(self) -> int:
        """Return how many tools with a limit of their own run or wait now."""
        with self._lock:
            return len(self._tools)

    def may_hold(self, tool: Tool) -> bool:
        """Say whether `tool` may have to wait for others."""
        return tool.max_concurrency is not None or bool(self._gates(tool))

    async def enter(self, tool: Tool) -> "Held":
        """Wait until `tool` may run."""
        gates = self._gates(tool)
        if tool.max_concurrency is None:
            return Held(await self._house.enter(gates)) if gates else FREE
        # A tool of another name or instance is the same function, and has the same binding.
        key = (id(tool.binding), tool.max_concurrency)
        with self._lock:
            counted = self._tools.setdefault(key, _ToolGate(tool, tool.max_concurrency))
            counted.users += 1
        try:
            place = await self._house.enter([*gates, counted.gate])
        except BaseException:
            self._return(key)
            raise
        return Held(place, on_end=lambda: self._return(key))

    def _gates(self, tool: Tool) -> Sequence[Gate]:
        """Return the gates that `tool` passes with others."""
        group = None if tool.concurrency_group is None else self._groups.get(tool.concurrency_group)
        return self._process if group is None else (*self._process, group)

    def _return(self, key: tuple[int, int]) -> None:
        """Forget the gate of a tool that nobody uses: tools come and go."""
        with self._lock:
            self._tools[key].users -= 1
            if not self._tools[key].users:
                del self._tools[key]


class _ToolGate:
    """The gate of a tool, and how many use it; keeps the tool, so that its id stays its own."""

    def __init__(self, tool: Tool, limit: int) -> None:
        self.tool = tool
        self.gate = Gate(limit)
        self.users = 0


class Held:
    """The place of one call, given back when the last who keeps it lets go.

    Attributes:
        place: None where none is needed.
    """

    place: Place | None

    def __init__(self, place: Place, *, on_end: Callable[[], None] | None = None) -> None:
        self.place = self._place = place
        self._on_end = on_end
        self._lock = Lock()
        self._keepers = 1

    def keep(self) -> None:
        """Keep the place until one more `leave`."""
        with self._lock:
            self._keepers += 1

    def leave(self) -> None:
        """Let go, from any thread; the last one gives the place back."""
        with self._lock:
            self._keepers -= 1
            if self._keepers:
                return
        self._place.leave()
        if self._on_end is not None:
            self._on_end()


class _Free(Held):
    """What a call holds that nothing limits."""

    place = None

    def __init__(self) -> None:
        """Hold nothing."""

    def keep(self) -> None:
        """Do nothing."""

    def leave(self) -> None:
        """Do nothing."""


FREE: Held = _Free()
