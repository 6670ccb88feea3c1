"""Both databases keep the contract of a store, and the contract notices what does not."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from agentkit.store.base import Row, SqlValue, Store, StoreKind, Subscription, Transaction
from agentkit.store.open_store import connect_store
from agentkit.testing import check_store


async def test_a_database_keeps_the_contract(database_url: str) -> None:
    """Values, transactions, cancellation, notifications."""
    async with connect_store(database_url) as store:
        await check_store(store)
        await check_store(store)


class _BrokenStore:
    """A store that breaks one promise."""

    def __init__(self, inner: Store, fault: str) -> None:
        self._inner = inner
        self._fault = fault

    @property
    def kind(self) -> StoreKind:
        """Return the kind of the inner one."""
        return self._inner.kind

    async def run(self, sql: str, values: Sequence[SqlValue] = ()) -> list[Row]:
        """Run a statement, with another value if that is the fault."""
        if self._fault == "NUL" and "a\0b" in values:
            values = [
                value.replace("\0", "") if isinstance(value, str) else value for value in values
            ]
        if self._fault == "order":
            sql = sql.replace(" DESC", "")
        return await self._inner.run(sql, values)

    async def transaction(self, work: Callable[[Transaction], Any]) -> Any:
        """Run a transaction, which counts in spite of an error if that is the fault."""
        failed: list[Exception] = []

        def tried(transaction: Transaction) -> Any:
            if self._fault == "topics":
                transaction.notify("same")
            try:
                return work(transaction)
            except Exception as error:
                if self._fault != "commits" or "Undo" not in type(error).__name__:
                    raise
                failed.append(error)
                return None

        value = await self._inner.transaction(tried)
        if failed:
            raise failed[0]
        return value

    def listen(self, topic: str) -> AbstractAsyncContextManager[Subscription]:
        """Listen to a topic, or to one for all if that is the fault."""
        return self._inner.listen("same" if self._fault == "topics" else topic)


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        ("NUL", "NUL was kept"),
        ("order", "newest two"),
        ("commits", "failed left"),
        ("topics", "without a reason"),
    ],
)
async def test_a_store_that_breaks_a_promise_is_noticed(
    sqlite_url: str, fault: str, complaint: str
) -> None:
    """Each promise by itself."""
    async with connect_store(sqlite_url) as store:
        with pytest.raises(AssertionError, match=complaint):
            await check_store(_BrokenStore(store, fault))
