"""Measure what a database takes.

In:  an open store; observers of this process.
Out: the same store, which reports how long each use of it took.

A store is wrapped only if there is an observer when it is opened: otherwise nothing is spent.
"""

import re
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from functools import cache
from typing import NamedTuple, TypeAlias, TypeVar

from agentkit.store.base import (
    LockingStore,
    Row,
    SqlValue,
    StoreError,
    StoreKind,
    Subscription,
    Transaction,
)

T = TypeVar("T")

_TABLE = re.compile(r"\b(?:FROM|INTO|UPDATE)\s+ak_(\w+)")


class StatementTime(NamedTuple):
    """One use of a database.

    Attributes:
        kind: of the database.
        table: the first table of the statement, without its prefix, e.g. `effects` for a write of
            a journal; `transaction`; `other`.
        seconds: from the call to its end, with the wait for a connection.
        is_failed: whether it was a `StoreError`.
    """

    kind: StoreKind
    table: str
    seconds: float
    is_failed: bool


StatementObserver: TypeAlias = Callable[[StatementTime], None]

_observers: list[StatementObserver] = []


def add_statement_observer(observer: StatementObserver) -> None:
    """Report each use of the databases that this process opens from now on."""
    if observer not in _observers:
        _observers.append(observer)


def remove_statement_observer(observer: StatementObserver) -> None:
    """Report nothing more to an observer."""
    if observer in _observers:
        _observers.remove(observer)


def timed(store: LockingStore) -> LockingStore:
    """Return a store that reports what it takes, if there is an observer; else `store` itself."""
    return TimedStore(store) if _observers else store


class TimedStore:
    """A store whose uses are reported to the observers of this process."""

    def __init__(self, store: LockingStore) -> None:
        self._store = store

    @property
    def kind(self) -> StoreKind:
        """Return which database it is."""
        return self._store.kind

    async def run(self, sql: str, values: Sequence[SqlValue] = ()) -> list[Row]:
        """Run one statement; see `Store.run`."""
        return await self._measured(table_of(sql), self._store.run(sql, values))

    async def transaction(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` in a transaction; see `Store.transaction`."""
        return await self._measured("transaction", self._store.transaction(work))

    def listen(self, topic: str) -> AbstractAsyncContextManager[Subscription]:
        """Listen to notifications; see `Store.listen`."""
        return self._store.listen(topic)

    def hold(self, name: str) -> AbstractAsyncContextManager[None]:
        """Hold a name; see `LockingStore.hold`."""
        return self._store.hold(name)

    async def is_held(self, name: str) -> bool:
        """Return whether a process holds a name; see `LockingStore.is_held`."""
        return await self._store.is_held(name)

    async def _measured(self, table: str, use: Awaitable[T]) -> T:
        start = time.monotonic()
        is_failed = False
        try:
            return await use
        except StoreError:
            is_failed = True
            raise
        finally:
            seconds = time.monotonic() - start
            for observer in tuple(_observers):
                observer(StatementTime(self.kind, table, seconds, is_failed))


@cache
def table_of(sql: str) -> str:
    """Return the first table of a statement; all statements are constants of ours."""
    found = _TABLE.search(sql)
    return "other" if found is None else found[1]
