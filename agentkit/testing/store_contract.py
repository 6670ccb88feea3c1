"""What every store keeps to, as a check that anyone can run on their own store.

In:  a store that is open, and whose database may be written to.
Out: nothing, or an `AssertionError` that names the broken promise.
"""

from collections.abc import Callable
from typing import NoReturn

import anyio

from agentkit.exception_groups import ungrouped
from agentkit.store.base import Store, StoreError, Subscription, Transaction

_DEADLINE_SECONDS = 60.0
_VALUES = (
    ("text", "٣ שלום 😀 'quoted' %s $1", "٣ שלום 😀 'quoted' %s $1"),
    ("NUL", "a\0b", "a\ufffdb"),
    ("lone surrogate", "a\ud800b", "a\ufffdb"),
    ("pair of surrogates", "\ud83d\ude00", "😀"),
    ("empty text", "", ""),
    ("nothing", None, None),
)
"""What is written to a text column, and what is read from it."""


class _UndoError(Exception):
    """Raised inside a transaction, to undo it."""


async def check_store(store: Store) -> None:
    """Check that a store keeps what it is given, in transactions, and wakes its listeners.

    Creates the table `ak_check_store` and drops it at the end.

    Raises:
        AssertionError: it does not.
    """
    with anyio.fail_after(_DEADLINE_SECONDS):
        await store.run(
            "CREATE TABLE ak_check_store (id BIGINT PRIMARY KEY, note TEXT, size BIGINT)"
        )
        try:
            await _check_values(store)
            await _check_transactions(store)
            await _check_side_by_side(store)
            await _check_cancellation(store)
            await _check_notifications(store)
        finally:
            with anyio.CancelScope(shield=True):
                await store.run("DROP TABLE ak_check_store")


async def _check_values(store: Store) -> None:
    for number, (name, written, expected) in enumerate(_VALUES):
        rows = await store.run(
            "INSERT INTO ak_check_store (id, note, size) VALUES (?, ?, ?) RETURNING note, size",
            (number, written, 2**62 + number),
        )
        _require(rows == [(expected, 2**62 + number)], f"{name} was kept as {rows!r}")
    again = await store.run(
        "INSERT INTO ak_check_store (id, note) VALUES (?, ?) ON CONFLICT DO NOTHING RETURNING id",
        (0, "other"),
    )
    _require(again == [], "a key that exists was inserted again")
    rows = await store.run("SELECT id FROM ak_check_store ORDER BY id DESC LIMIT ?", (2,))
    _require(rows == [(5,), (4,)], f"the newest two of six rows are {rows!r}")
    error = await _fail(store, lambda transaction: transaction.run("SELECT no_such_column"))
    _require(isinstance(error, StoreError), f"a wrong statement raised {error!r}, not StoreError")


async def _check_transactions(store: Store) -> None:
    def count(transaction: Transaction) -> int:
        transaction.run("DELETE FROM ak_check_store")
        transaction.run("INSERT INTO ak_check_store (id, size) VALUES (1, 0)")
        [[found]] = transaction.run("SELECT count(*) FROM ak_check_store")
        return int(found)

    def undo(transaction: Transaction) -> NoReturn:
        transaction.run("UPDATE ak_check_store SET size = 5")
        raise _UndoError

    _require(await store.transaction(count) == 1, "a transaction does not see its own changes")
    error = await _fail(store, undo)
    _require(isinstance(error, _UndoError), f"a transaction raised {error!r} in place of our error")
    rows = await store.run("SELECT size FROM ak_check_store")
    _require(rows == [(0,)], f"a transaction that failed left {rows!r}")


async def _check_side_by_side(store: Store) -> None:
    def add(transaction: Transaction) -> None:
        transaction.run("UPDATE ak_check_store SET size = size + 1 WHERE id = 1")

    with ungrouped():
        async with anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(store.transaction, add)
                tasks.start_soon(store.run, "SELECT size FROM ak_check_store")
    rows = await store.run("SELECT size FROM ak_check_store")
    _require(rows == [(20,)], f"20 additions at once gave {rows!r}")


async def _check_cancellation(store: Store) -> None:
    slow = (
        "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers "
        "WHERE n < 1000000000) SELECT count(*) FROM numbers"
    )

    def slowly(transaction: Transaction) -> None:
        transaction.run("UPDATE ak_check_store SET size = -1")
        transaction.run(slow)

    for name, call in (
        ("statement", lambda: store.run(slow)),
        ("transaction", lambda: store.transaction(slowly)),
    ):
        with anyio.move_on_after(0.2) as scope:
            await call()
        _require(scope.cancelled_caught, f"a {name} that is cancelled ends as if it were not")
        rows = await store.run("SELECT size FROM ak_check_store")
        _require(rows == [(20,)], f"after a cancelled {name} the store gives {rows!r}")


async def _check_notifications(store: Store) -> None:
    def change(transaction: Transaction) -> None:
        transaction.notify("check_store")
        transaction.run("UPDATE ak_check_store SET size = 21")

    def undo(transaction: Transaction) -> NoReturn:
        transaction.notify("check_store")
        raise _UndoError

    async with store.listen("check_store") as first, store.listen("check_store") as second:
        await store.transaction(change)
        for subscription in (first, second):
            await subscription.wait()
        await _fail(store, undo)
        await store.transaction(lambda transaction: transaction.notify("another topic"))
        for subscription in (first, second):
            _require(not await _is_woken(subscription), "a listener was woken without a reason")


async def _is_woken(subscription: Subscription) -> bool:
    with anyio.move_on_after(0.2):
        await subscription.wait()
        return True
    return False


async def _fail(store: Store, work: Callable[[Transaction], object]) -> Exception | None:
    """Return what a transaction raises."""
    try:
        await store.transaction(work)
    except (StoreError, _UndoError) as error:
        return error
    return None


def _require(is_kept: object, complaint: str) -> None:
    """Raise unless a promise is kept; `assert` would be silent under `python -O`."""
    if not is_kept:
        raise AssertionError(complaint)
