"""The records of a run, and who gets them in which order."""

from datetime import UTC, datetime

import anyio
import pytest

from agentkit.agent.report import Report
from agentkit.clock import SystemClock
from agentkit.event import EventRecord, Listener, RunEvent, TextReceived, TurnStarted
from agentkit.event.record import ImmediateListener


class Immediate(ImmediateListener):
    """Keeps the numbers of records, and fails at one of them."""

    def __init__(self, *, fails_at: int | None = None) -> None:
        self.numbers: list[int | None] = []
        self._fails_at = fails_at

    def take(self, record: EventRecord) -> None:
        """Keep its number."""
        self.numbers.append(record.seq)
        if record.seq == self._fails_at:
            raise LookupError


class Waiting(Immediate):
    """Waits before it takes a record, as a user's subclass may."""

    def __init__(self) -> None:
        super().__init__()
        self.waits = anyio.Event()
        self.may_go = anyio.Event()

    async def __call__(self, record: EventRecord) -> None:
        """Wait, then keep its number."""
        self.waits.set()
        await self.may_go.wait()
        self.take(record)


EVENT = TurnStarted(turn=1)


async def test_records_are_in_order_for_each_listener() -> None:
    """Also if one run waits for its listener while another, which has none that waits, reports."""
    top = Immediate()
    slow = Waiting()
    root = Report([top], clock=SystemClock())
    first = Report([slow], clock=SystemClock(), parent=root)
    second = Report([], clock=SystemClock(), parent=root)

    await root.emit(EVENT)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(first.emit, EVENT)
        await slow.waits.wait()
        tasks.start_soon(second.emit, EVENT)
        await anyio.wait_all_tasks_blocked()
        assert top.numbers == [1]
        slow.may_go.set()

    await second.emit(EVENT)
    assert (top.numbers, slow.numbers) == ([1, 2, 3, 4], [2])


async def test_a_listener_that_never_waits_gets_what_an_awaited_one_gets() -> None:
    """Records of replays have no number; deltas need to be asked for; no task runs in between."""
    top = Immediate()
    kept: list[EventRecord] = []

    async def keep(record: EventRecord) -> None:
        kept.append(record)

    events: list[RunEvent] = [EVENT, TextReceived("a"), EVENT]
    chosen: list[list[Listener]] = [[top], [top, keep]]
    for listeners in chosen:
        report = Report(listeners, clock=SystemClock())
        for event in events:
            await report.emit(event)
        await report.replay(EVENT)

    assert top.numbers == [1, 3, None, 1, 3, None]
    assert [one.seq for one in kept] == [1, 3, None]
    assert [one.is_replay for one in kept] == [False, False, True]
    assert {one.at.tzinfo for one in kept} == {UTC}


async def test_a_listener_that_never_waits_may_fail(caplog: pytest.LogCaptureFixture) -> None:
    """It gets no more records; the others do."""
    failing, other = Immediate(fails_at=2), Immediate()
    report = Report([failing, other], clock=SystemClock())

    for _ in range(3):
        await report.emit(EVENT)

    assert (failing.numbers, other.numbers) == ([1, 2], [1, 2, 3])
    assert [vars(one)["event"] for one in caplog.records] == ["listener_failed"]


async def test_a_listener_that_never_waits_can_be_awaited() -> None:
    """So a listener of a user may pass records on to it."""
    listener = Immediate()

    await listener(EventRecord(run_id="r", event=EVENT, at=datetime(2024, 1, 1, tzinfo=UTC), seq=7))

    assert listener.numbers == [7]
