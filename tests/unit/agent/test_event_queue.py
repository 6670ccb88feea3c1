"""The reader sets the pace; only pieces of an answer may wait for it."""

import anyio
import pytest

from agentkit.agent.event_queue import ROOM, Channel
from agentkit.agent.options import RunHandle
from agentkit.agent.stream import AgentStream
from agentkit.event import RunEvent, TextReceived, TurnStarted
from agentkit.history import History

PIECE = TextReceived(text="a")
STEP = TurnStarted(turn=1)


async def test_no_more_pieces_wait_than_there_is_room_for() -> None:
    """A slow reader slows the run instead of filling memory."""
    channel = Channel()
    sent = 0

    async def run() -> None:
        nonlocal sent
        for _ in range(3 * ROOM):
            await channel.send(PIECE)
            sent += 1

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run)
            await anyio.wait_all_tasks_blocked()
            assert sent == ROOM
            await channel.receive()
            await anyio.wait_all_tasks_blocked()
            assert sent == ROOM + 1
            for _ in range(3 * ROOM - 1):
                await channel.receive()


async def test_a_step_waits_until_it_is_heard_and_so_is_all_before_it() -> None:
    """Whatever comes next, the reader has not missed what came before."""
    channel = Channel()
    heard: list[RunEvent] = []

    async def run() -> None:
        await channel.send(PIECE)
        await channel.send(STEP)
        heard.append(STEP)
        channel.end()

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run)
            assert await channel.receive() is PIECE
            await anyio.wait_all_tasks_blocked()
            assert heard == []
            assert await channel.receive() is STEP
            with pytest.raises(anyio.EndOfStream):
                await channel.receive()

    assert heard == [STEP]


async def test_who_has_left_hears_nothing_more() -> None:
    """What waited is dropped."""
    channel = Channel()
    await channel.send(PIECE)

    channel.leave()

    with pytest.raises(anyio.ClosedResourceError):
        await channel.receive()


async def test_a_cancelled_run_is_no_end_for_its_reader() -> None:
    """Who may hear of the one before the other."""
    channel = Channel()
    stream = AgentStream[str](channel, RunHandle(History()))
    channel.end()

    with anyio.CancelScope() as scope:
        scope.cancel()
        await anext(stream)

    assert scope.cancelled_caught
