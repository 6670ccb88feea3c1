"""Gates: all at once or none, in order, over loops and threads, lent to who is inside."""

import gc
import threading
from collections.abc import Sequence

import anyio
import anyio.from_thread
import anyio.lowlevel
import anyio.to_thread
import pytest

from agentkit.tools.concurrency.semaphore import Gate, Gatehouse, Place, standing_in


async def is_free(house: Gatehouse, *gates: Gate) -> bool:
    """Say whether the gates can be passed now."""
    with anyio.move_on_after(0):
        (await house.enter(gates)).leave()
        return True
    return False


def test_a_limit_below_one_is_refused() -> None:
    """Nobody could ever pass."""
    with pytest.raises(ValueError, match="limit is 0"):
        Gate(0)


async def test_those_who_wait_enter_in_the_order_they_came() -> None:
    """One leaves, one enters."""
    house, gate, order = Gatehouse(), Gate(1), list[int]()
    first = await house.enter([gate])

    async def pass_through(number: int) -> None:
        place = await house.enter([gate])
        order.append(number)
        place.leave()

    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            for number in range(4):
                group.start_soon(pass_through, number)
                await anyio.wait_all_tasks_blocked()
            assert order == []
            first.leave()

    assert order == [0, 1, 2, 3]


async def test_leaving_twice_frees_one_place() -> None:
    """A place is given back once."""
    house, gate = Gatehouse(), Gate(2)
    first, _ = await house.enter([gate]), await house.enter([gate])
    first.leave()
    first.leave()

    assert await is_free(house, gate)
    await house.enter([gate])
    assert not await is_free(house, gate)


async def test_who_waits_for_one_gate_holds_no_other() -> None:
    """The wide gate stays free for others while the narrow one is full."""
    house, wide, narrow = Gatehouse(), Gate(2), Gate(1)
    first = await house.enter([wide, narrow])

    async def second() -> None:
        (await house.enter([wide, narrow])).leave()

    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            group.start_soon(second)
            await anyio.wait_all_tasks_blocked()
            assert await is_free(house, wide)
            first.leave()

    assert gate_counts(wide, narrow) == (0, 0)


def gate_counts(*gates: Gate) -> tuple[int, ...]:
    """Return how many count against each gate."""
    return tuple(gate.taken for gate in gates)


async def test_one_who_gives_up_leaves_the_queue() -> None:
    """While waiting; and at the very moment of being let in."""
    house, gate = Gatehouse(), Gate(1)
    first = await house.enter([gate])
    scopes = [anyio.CancelScope() for _ in range(2)]

    async def wait(scope: anyio.CancelScope) -> None:
        with scope:
            await house.enter([gate])
            pytest.fail("it was cancelled")

    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            for scope in scopes:
                group.start_soon(wait, scope)
            await anyio.wait_all_tasks_blocked()
            scopes[0].cancel()
            await anyio.wait_all_tasks_blocked()
            scopes[1].cancel()
            first.leave()

    assert await is_free(house, gate)
    assert gate.taken == 0


async def test_who_stands_inside_borrows_the_place() -> None:
    """One at a time; the others wait for it or for a free one, and nobody waits for ever."""
    house, gate, order = Gatehouse(), Gate(1), list[str]()

    async def inner(name: str) -> None:
        place = await house.enter([gate])
        order.append(f"{name} in")
        await anyio.wait_all_tasks_blocked()
        order.append(f"{name} out")
        place.leave()

    outer = await house.enter([gate])
    with anyio.fail_after(5), standing_in(outer):
        async with anyio.create_task_group() as group:
            group.start_soon(inner, "a")
            group.start_soon(inner, "b")
    assert not await is_free(house, gate)
    outer.leave()

    assert order in (["a in", "a out", "b in", "b out"], ["b in", "b out", "a in", "a out"])
    assert await is_free(house, gate)


async def test_a_place_borrowed_is_lent_on() -> None:
    """Agents in agents in agents."""
    house, gate = Gatehouse(), Gate(1)

    async def descend(depth: int) -> None:
        place = await house.enter([gate])
        if depth:
            with standing_in(place):
                await descend(depth - 1)
        place.leave()

    with anyio.fail_after(5):
        await descend(5)

    assert gate.taken == 0


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["outer first", "inner first"])
async def test_a_place_counts_until_both_have_left(order: Sequence[int]) -> None:
    """What was lent to a thread that goes on is not free because its lender has ended."""
    house, gate = Gatehouse(), Gate(1)
    outer = await house.enter([gate])
    with standing_in(outer):
        places: list[Place] = [outer, await house.enter([gate])]

    places[order[0]].leave()
    assert not await is_free(house, gate)
    places[order[1]].leave()
    assert await is_free(house, gate)
    assert gate.taken == 0


async def test_nothing_is_borrowed_from_who_has_left() -> None:
    """Its place may be another's by now."""
    house, gate = Gatehouse(), Gate(1)
    outer = await house.enter([gate])
    outer.leave()
    other = await house.enter([gate])
    with standing_in(outer):
        assert not await is_free(house, gate)
    other.leave()


async def test_a_place_of_another_house_is_not_borrowed() -> None:
    """Each keeps its own limits."""
    houses, gate = (Gatehouse(), Gatehouse()), Gate(1)
    with standing_in(await houses[0].enter([gate])):
        assert not await is_free(houses[1], gate)


async def test_a_thread_gives_its_place_back() -> None:
    """Whoever waits in an event loop is woken from there."""
    house, gate = Gatehouse(), Gate(1)
    place = await house.enter([gate])

    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            group.start_soon(house.enter, [gate])
            await anyio.wait_all_tasks_blocked()
            await anyio.to_thread.run_sync(place.leave)


@pytest.mark.parametrize("other", ["asyncio", "trio"])
async def test_a_limit_holds_over_event_loops(other: str) -> None:
    """A loop in another thread waits for this one's place, and this one for its."""
    house, gate = Gatehouse(), Gate(1)
    most, running, lock = [0], [0], threading.Lock()

    async def work(times: int) -> None:
        for _ in range(times):
            place = await house.enter([gate])
            with lock:
                running[0] += 1
                most.append(running[0])
            await anyio.lowlevel.checkpoint()
            with lock:
                running[0] -= 1
            place.leave()

    async def many() -> None:
        async with anyio.create_task_group() as group:
            for _ in range(5):
                group.start_soon(work, 20)

    with anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            group.start_soon(anyio.to_thread.run_sync, lambda: anyio.run(many, backend=other))
            group.start_soon(many)

    assert (max(most), len(most), gate.taken) == (1, 201, 0)


@pytest.mark.parametrize("other", ["asyncio", "trio"])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_one_whose_event_loop_is_gone_is_passed_over(other: str) -> None:
    """The place goes to the next."""
    house, gate = Gatehouse(), Gate(1)
    place = await house.enter([gate])
    left: list[object] = []

    async def wait_and_leave() -> None:
        # Not awaited to its end: the loop is closed around it.
        waiting = house.enter([gate])
        left.extend((waiting, waiting.send(None)))

    await anyio.to_thread.run_sync(lambda: anyio.run(wait_and_leave, backend=other))

    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            group.start_soon(house.enter, [gate])
            await anyio.wait_all_tasks_blocked()
            place.leave()
    left.clear()
    gc.collect()
