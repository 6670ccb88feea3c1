"""The interface through which every effect of a run passes.

In:  effects under keys that are the same in every life of a run.
Out: what the effects gave, now or in an earlier life.

A key is made of the segment, the position in the history, the kind of effect and the number within
it, e.g. `s1/m4/tool-2/add`. Implementations are in `agentkit.durable`.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar, runtime_checkable

from pydantic import TypeAdapter

T = TypeVar("T")


class Journal(Protocol):
    """Remembers what the effects of one run gave, by key."""

    def do(
        self,
        key: str,
        effect: Callable[[], Awaitable[T]],
        *,
        codec: Callable[[], TypeAdapter[T]],
        unknown: Callable[[], Awaitable[T]] | None = None,
    ) -> Awaitable[T]:
        """Return what `effect` gives, and remember it under `key`.

        What is remembered already is returned without running anything. Calls may nest, and come
        from several tasks at once, each with a key of its own. From the end of the effect until
        its record is written, a cancellation waits.

        Args:
            key: unique within the run.
            effect: does it; what it raises is passed on and not remembered.
            codec: writes and reads what is remembered.
            unknown: decides an effect that an earlier life began and did not end, in place of
                running it again. Without it, the effect may simply be run again, and only its end
                is recorded.

        Raises:
            JournalError: the journal cannot be read or written, or the key is in use.
            RunLost: another process took the run over.
        """


@runtime_checkable
class HeldJournal(Protocol):
    """A journal that holds something while a run uses it, such as the lock of a file."""

    def release(self) -> None:
        """Let others have it; called when the run has ended or was suspended."""


class NoJournal:
    """Remembers nothing: the journal of an ordinary run."""

    def do(
        self,
        key: str,  # noqa: ARG002 - the interface
        effect: Callable[[], Awaitable[T]],
        *,
        codec: Callable[[], TypeAdapter[T]],  # noqa: ARG002 - the interface
        unknown: Callable[[], Awaitable[T]] | None = None,  # noqa: ARG002 - the interface
    ) -> Awaitable[T]:
        """Run `effect`."""
        return effect()


NO_JOURNAL = NoJournal()


class InnerJournal:
    """A journal inside another, for a run inside a tool; its keys begin with a prefix."""

    def __init__(self, journal: Journal, *, prefix: str) -> None:
        self._journal = journal
        self._prefix = prefix

    def do(
        self,
        key: str,
        effect: Callable[[], Awaitable[T]],
        *,
        codec: Callable[[], TypeAdapter[T]],
        unknown: Callable[[], Awaitable[T]] | None = None,
    ) -> Awaitable[T]:
        """Do it once; see `Journal`."""
        return self._journal.do(self._prefix + key, effect, codec=codec, unknown=unknown)


class NotRecorded(Exception):  # noqa: N818 - a signal, never an error of a run
    """Raised by the effect of `recorded`, so that nothing is written."""


async def recorded(journal: Journal, key: str, *, codec: Callable[[], TypeAdapter[T]]) -> T | None:
    """Return what a journal remembers under `key`; None if that is nothing."""

    async def missing() -> T:
        raise NotRecorded

    try:
        return await journal.do(key, missing, codec=codec)
    except NotRecorded:
        return None
