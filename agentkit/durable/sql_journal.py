"""A journal in a database, fenced by the life of its run.

In:  effects under keys; the number of the life that does them.
Out: what they gave, once over all lives.

Taking a run over raises its life. Every write holds for one life only: a process that was frozen
and wakes up after another one took its run over gets `RunLost` and changes nothing.
"""

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

import anyio
from pydantic import TypeAdapter

from agentkit.durable.journal import MemoryJournal
from agentkit.durable.persistence import persist
from agentkit.errors import RunLost
from agentkit.store.base import Row, SqlValue, Store

T = TypeVar("T")

_LOCK = {"sqlite": "", "postgresql": " FOR SHARE"}
"""Keeps the life from being raised until the write is committed; SQLite has one writer."""

_WRITE = (
    "INSERT INTO ak_effects (run_id, key, life, value, begun_at, done_at) "
    "SELECT id, ?, life, ?, CAST(? AS BIGINT), CAST(? AS BIGINT) FROM ak_runs "
    "WHERE id = ? AND life = ?{lock} "
    "ON CONFLICT (run_id, key) DO UPDATE "
    "SET life = excluded.life, value = excluded.value, done_at = excluded.done_at "
    "WHERE ak_effects.value IS NULL OR ak_effects.life = excluded.life RETURNING key"
)
_LOAD = "SELECT key, value FROM ak_effects WHERE run_id = ? ORDER BY done_at, key"


class SqlJournal(MemoryJournal):
    """Remembers in the row of each effect; see `agentkit.agent.journal.Journal`.

    A write waits up to 60 s for a database that is away; then it raises `RunLeft`.
    """

    def __init__(
        self,
        store: Store,
        run_id: str,
        *,
        life: int,
        before_outer: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Use the journal of a run of `ak_runs`, in its present life.

        Args:
            store: the open database.
            run_id: the run, which must exist.
            life: the number that the run got when it was taken.
            before_outer: called before the end of an effect is recorded that has others inside it,
                which no later life will see again.
        """
        super().__init__()
        self._store = store
        self._run_id = run_id
        self._life = life
        self._sql = _WRITE.format(lock=_LOCK[store.kind])
        self._before_outer = before_outer
        self._loading = anyio.Lock()
        self._is_loaded = False

    async def do(
        self,
        key: str,
        effect: Callable[[], Awaitable[T]],
        *,
        codec: Callable[[], TypeAdapter[T]],
        unknown: Callable[[], Awaitable[T]] | None = None,
    ) -> T:
        """Do it once; see `agentkit.agent.journal.Journal`."""
        if not self._is_loaded:
            async with self._loading:
                if not self._is_loaded:
                    await self._load()
        return await super().do(key, effect, codec=codec, unknown=unknown)

    async def _load(self) -> None:
        """Read what earlier lives did."""
        rows = await persist(lambda: self._store.run(_LOAD, (self._run_id,)), run_id=self._run_id)
        for key, value in rows:
            if value is None:
                self._begun.add(key)
            else:
                self._values[key] = value
        self._is_loaded = True

    async def _note(self, entry: Mapping[str, str]) -> None:
        """Write the row of an effect, if this life is still the run's.

        Raises:
            RunLost: another process took the run over.
            JournalError: the database refused the row.
        """
        now = time.time_ns() // 1000
        is_done = "done" in entry
        key = entry["done"] if is_done else entry["begun"]
        value = entry["value"] if is_done else None
        if is_done and self._before_outer is not None and self._has_inner(key):
            await self._before_outer()
        done_at = now if is_done else None
        values: tuple[SqlValue, ...] = (key, value, now, done_at, self._run_id, self._life)

        async def write() -> list[Row]:
            return await self._store.run(self._sql, values)

        if not await persist(write, run_id=self._run_id):
            raise RunLost(
                f"Another process took the run {self._run_id!r} over from its life {self._life}."
            )

    def _has_inner(self, key: str) -> bool:
        """Return whether effects inside this one are remembered."""
        prefix = f"{key}/"
        return any(other.startswith(prefix) for other in self._values)
