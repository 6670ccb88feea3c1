"""Read the events of a stored run, those that come included.

In:  a run, and the last event that the reader has.
Out: records in order, without gap or double, whichever process writes them.
"""

from collections import deque
from typing import Self

import anyio

from agentkit.durable.decisions import run_not_found
from agentkit.durable.event_rows import READ_EVENTS
from agentkit.durable.run_info import ENDED
from agentkit.durable.run_queue import run_topic
from agentkit.event import EventRecord
from agentkit.store.base import Store

POLL_SECONDS = 1.0
PAGE = 200


class StoredEvents:
    """The events of a run; iterate with `async for`. Ends with the run, or at a suspension.

    A record's place is `f"{record.segment}:{record.seq}"`; a reader that was interrupted goes on
    after it.
    """

    def __init__(
        self, store: Store, run_id: str, *, tenant: str, after: str | None, is_followed: bool
    ) -> None:
        """Read the events of one run; see `Runs.events`."""
        self._store = store
        self._run_id = run_id
        self._tenant = tenant
        self._place = _parse_place(after)
        self._is_followed = is_followed
        self._read: deque[EventRecord] = deque()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> EventRecord:
        while not self._read:
            # The status is read first: what was stored before it changed is read after it.
            is_last = await self._is_over() or not self._is_followed
            if not await self._fetch():
                if is_last:
                    raise StopAsyncIteration
                await self._wait()
        record = self._read.popleft()
        self._place = (record.segment, record.seq or 0)
        return record

    async def _is_over(self) -> bool:
        sql = "SELECT status FROM ak_runs WHERE id = ? AND tenant = ?"
        rows = await self._store.run(sql, (self._run_id, self._tenant))
        if not rows:
            raise run_not_found(self._run_id)
        return rows[0][0] in ENDED or rows[0][0] == "suspended"

    async def _fetch(self) -> bool:
        segment, seq = self._place
        rows = await self._store.run(READ_EVENTS, (self._run_id, segment, segment, seq, PAGE))
        self._read.extend(EventRecord.from_json(text) for [text] in rows)
        return bool(rows)

    async def _wait(self) -> None:
        """Wait until there may be more; a notification is only a hint."""
        async with self._store.listen(run_topic(self._run_id)) as subscription:
            if await self._fetch():
                return
            with anyio.move_on_after(POLL_SECONDS):
                await subscription.wait()


def _parse_place(place: str | None) -> tuple[int, int]:
    """Read `SEGMENT:SEQ`.

    Raises:
        ValueError: it has another form.
    """
    if place is None:
        return (0, 0)
    segment, colon, seq = place.partition(":")
    if not (colon and segment.isascii() and segment.isdigit() and seq.isascii() and seq.isdigit()):
        raise ValueError(f"{place!r} is not the place of an event; it has the form '2:17'.")
    return (int(segment), int(seq))
