"""The reader sets the pace; only pieces of an answer may wait for it."""

from datetime import UTC, datetime

import anyio
import pytest

from agentkit import Agent
from agentkit.agent.event_queue import ROOM, EventQueue
from agentkit.agent.stream import AgentStream
from agentkit.event import EventRecord, RunEvent, TextReceived, TurnStarted
from agentkit.testing import ScriptedModel


def _record(event: RunEvent) -> EventRecord:
    return EventRecord(run_id="r", event=event, at=datetime(2024, 1, 1, tzinfo=UTC))


PIECE = _record(TextReceived("a"))
STEP = _record(TurnStarted(turn=1))


async def test_the_number_of_waiting_pieces_is_bounded() -> None:
    """A slow reader slows the run instead of filling memory."""
    queue = EventQueue()
    sent = 0

    async def run() -> None:
        nonlocal sent
        for _ in range(3 * ROOM):
            await queue(PIECE)
            sent += 1

    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run)
            await anyio.wait_all_tasks_blocked()
            assert sent == ROOM
            await queue.receive()
            await anyio.wait_all_tasks_blocked()
            assert sent == ROOM + 1
            for _ in range(3 * ROOM - 1):
                await queue.receive()


async def test_a_step_waits_until_it_and_all_records_before_it_are_read() -> None:
    """So the reader has not missed any of them."""
    queue = EventQueue()
    read: list[EventRecord] = []

    async def run() -> None:
        await queue(PIECE)
        await queue(STEP)
        read.append(STEP)
        queue.end()

    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run)
            assert await queue.receive() is PIECE
            await anyio.wait_all_tasks_blocked()
            assert read == []
            assert await queue.receive() is STEP
            with pytest.raises(anyio.EndOfStream):
                await queue.receive()

    assert read == [STEP]


async def test_a_reader_that_has_left_gets_nothing_more_and_blocks_no_task() -> None:
    """Waiting records are dropped, and tasks that wait for the reader go on."""
    queue = EventQueue()
    await queue(PIECE)

    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(queue, STEP)
            await anyio.wait_all_tasks_blocked()
            queue.leave()
        await queue(STEP)

    with pytest.raises(anyio.ClosedResourceError):
        await queue.receive()


async def test_a_cancelled_run_does_not_end_its_reader() -> None:
    """The reader may see the cancellation after the run has."""
    queue = EventQueue()
    stream = AgentStream[str](queue, Agent(ScriptedModel())._new_run("go", {}, None))
    queue.end()

    with anyio.CancelScope() as scope:
        scope.cancel()
        await anext(stream)

    assert scope.cancelled_caught
