"""The interface between agentkit and its database.

In:  SQL with `?` for each value, and functions that run several statements.
Out: rows; `StoreError`s in place of the drivers' own exceptions.

Statements are written once for both databases if they can be; `Store.kind` selects the text where
they differ. Text is repaired on its way in (see `text_repair`), so that both databases keep the
same.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Literal, Protocol, TypeAlias, TypeVar

from agentkit.errors import AgentKitError, ConfigError

T = TypeVar("T")

StoreKind: TypeAlias = Literal["sqlite", "postgresql"]
SqlValue: TypeAlias = str | int | float | bytes | None
"""What a statement takes; a moment is an `int` of microseconds since 1970, UTC."""

Row: TypeAlias = tuple[Any, ...]


class StoreError(AgentKitError):
    """A statement failed.

    Attributes:
        retryable: the same may succeed later: the database was away, busy or full.
    """

    def __init__(self, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.retryable = retryable


class StoreUnavailableError(StoreError):
    """The database cannot be reached, or another program holds it for too long."""

    def __init__(self, message: str, *, retryable: bool = True) -> None:
        super().__init__(message, retryable=retryable)


class SchemaError(ConfigError):
    """The tables of the database do not fit this version of agentkit."""


class Transaction(Protocol):
    """Runs statements inside one transaction; used in a worker thread."""

    def run(self, sql: str, values: Sequence[SqlValue] = ()) -> list[Row]:
        """Run one statement and return its rows; none if it returns none.

        Raises:
            StoreError: it failed; the transaction cannot go on.
        """

    def notify(self, topic: str) -> None:
        """Wake those who listen to `topic`, after the transaction was committed."""


class Subscription(Protocol):
    """Waits for notifications of one topic."""

    async def wait(self) -> None:
        """Return once the topic was notified since the last call, or since listening began.

        A notification is a hint: it may be late, come without a change, or be lost with the
        connection. Put a time limit around the call and look again.
        """

    def wake(self) -> None:
        """Let the next call of `wait` return, or the one that waits."""


class Store(Protocol):
    """A database that is open. Safe to use from many tasks at once.

    A call that is cancelled interrupts its statement and leaves the store usable. Whether a
    statement or a transaction that was cancelled took effect is not known, but it never takes
    effect in part.
    """

    @property
    def kind(self) -> StoreKind:
        """Return which database it is."""

    async def run(self, sql: str, values: Sequence[SqlValue] = ()) -> list[Row]:
        """Run one statement by itself and return its rows; none if it returns none.

        Raises:
            StoreError: it failed.
        """

    async def transaction(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` in a worker thread, inside a transaction, and return what it returns.

        What `work` raises is raised here, and nothing of the transaction counts then. On SQLite,
        transactions follow one another. On PostgreSQL they run side by side and see what others
        committed meanwhile (read committed): decide by the rows that an `UPDATE` returns, not by
        what was read before it.

        Args:
            work: runs its statements with the `Transaction` it is given; must not wait for
                anything else.

        Raises:
            StoreError: a statement failed, or the transaction could not be committed.
        """

    def listen(self, topic: str) -> AbstractAsyncContextManager[Subscription]:
        """Listen to notifications of `topic` while the context is open.

        Those of other processes arrive on PostgreSQL only.

        Raises:
            StoreError: the database cannot be reached.
        """


class LockingStore(Store, Protocol):
    """A database that shows other processes that this one lives."""

    def hold(self, name: str) -> AbstractAsyncContextManager[None]:
        """Hold a name while the context is open, so that other processes see that this one lives.

        It is free as soon as the process has ended, however that was. On PostgreSQL, a lost
        connection frees it too until there is another one. On SQLite only one process can hold
        anything.

        Raises:
            ConfigError: on SQLite, another process or another call of this one holds a name.
            StoreError: the database cannot be reached.
        """

    async def is_held(self, name: str) -> bool:
        """Return whether a process holds a name; on SQLite, no other process does.

        Raises:
            StoreError: the database cannot be reached.
        """
