"""A run that was not awaited yet.

In:  the coroutine of a run.
Out: the same coroutine, which says how to await it if its result is asked for before that.
"""

from collections.abc import Coroutine, Generator
from dataclasses import fields
from typing import Any, TypeVar

from agentkit.agent.result import RunResult
from agentkit.errors import UsageError

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
