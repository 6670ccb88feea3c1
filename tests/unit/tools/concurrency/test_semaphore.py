"""Semaphores: acquired atomically, in order, over loops and threads, and reentrant."""

import gc
import threading
from collections.abc import Sequence

import anyio
import anyio.from_thread
import anyio.lowlevel
import anyio.to_thread
import pytest

from agentkit.tools.concurrency.semaphore import Permit, Semaphore, SemaphorePool, holding


async def is_free(pool: SemaphorePool, *semaphores: Semaphore) -> bool:
    """Return whether the semaphores can be passed now."""
    with anyio.move_on_after(0):
        (await pool.acquire(semaphores)).release()
        return True
    return False


def test_a_limit_below_one_is_refused() -> None:
    """No permit could ever be acquired."""
    with pytest.raises(ValueError, match="limit is 0"):
        Semaphore(0)


async def test_waiters_get_permits_in_the_order_they_came() -> None:
    """Each released permit goes to the next waiter."""
    pool, semaphore, order = SemaphorePool(), Semaphore(1), list[int]()
    first = await pool.acquire([semaphore])

    async def pass_through(number: int) -> None:
        permit = await pool.acquire([semaphore])
        order.append(number)
        permit.release()

    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            for number in range(4):
                group.start_soon(pass_through, number)
                await anyio.wait_all_tasks_blocked()
            assert order == []
            first.release()

    assert order == [0, 1, 2, 3]


async def test_a_second_release_does_nothing() -> None:
    """A permit is released once."""
    pool, semaphore = SemaphorePool(), Semaphore(2)
    first, _ = await pool.acquire([semaphore]), await pool.acquire([semaphore])
    first.release()
    first.release()

    assert await is_free(pool, semaphore)
    await pool.acquire([semaphore])
    assert not await is_free(pool, semaphore)


async def test_a_waiter_for_one_semaphore_holds_no_other() -> None:
    """The wide semaphore stays free for others while the narrow one is full."""
    pool, wide, narrow = SemaphorePool(), Semaphore(2), Semaphore(1)
    first = await pool.acquire([wide, narrow])

    async def second() -> None:
        (await pool.acquire([wide, narrow])).release()

    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            group.start_soon(second)
            await anyio.wait_all_tasks_blocked()
            assert await is_free(pool, wide)
            first.release()

    assert taken_counts(wide, narrow) == (0, 0)


def taken_counts(*semaphores: Semaphore) -> tuple[int, ...]:
    """Return how many count against each semaphore."""
    return tuple(semaphore.taken for semaphore in semaphores)


async def test_a_cancelled_waiter_leaves_the_queue() -> None:
    """While it waits, and at the moment it gets its permit."""
    pool, semaphore = SemaphorePool(), Semaphore(1)
    first = await pool.acquire([semaphore])
    scopes = [anyio.CancelScope() for _ in range(2)]

    async def wait(scope: anyio.CancelScope) -> None:
        with scope:
            await pool.acquire([semaphore])
            pytest.fail("it was cancelled")

    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            for scope in scopes:
                group.start_soon(wait, scope)
            await anyio.wait_all_tasks_blocked()
            scopes[0].cancel()
            await anyio.wait_all_tasks_blocked()
            scopes[1].cancel()
            first.release()

    assert await is_free(pool, semaphore)
    assert semaphore.taken == 0


async def test_code_inside_a_permit_reuses_it() -> None:
    """One call at a time; the others wait for it or for a free permit, and none waits for ever."""
    pool, semaphore, order = SemaphorePool(), Semaphore(1), list[str]()

    async def inner(name: str) -> None:
        permit = await pool.acquire([semaphore])
        order.append(f"{name} in")
        await anyio.wait_all_tasks_blocked()
        order.append(f"{name} out")
        permit.release()

    outer = await pool.acquire([semaphore])
    with anyio.fail_after(60), holding(outer):
        async with anyio.create_task_group() as group:
            group.start_soon(inner, "a")
            group.start_soon(inner, "b")
    assert not await is_free(pool, semaphore)
    outer.release()

    assert order in (["a in", "a out", "b in", "b out"], ["b in", "b out", "a in", "a out"])
    assert await is_free(pool, semaphore)


async def test_a_reused_permit_is_reused_again_deeper_inside() -> None:
    """As by agents in agents in agents."""
    pool, semaphore = SemaphorePool(), Semaphore(1)

    async def descend(depth: int) -> None:
        permit = await pool.acquire([semaphore])
        if depth:
            with holding(permit):
                await descend(depth - 1)
        permit.release()

    with anyio.fail_after(60):
        await descend(5)

    assert semaphore.taken == 0


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["outer first", "inner first"])
async def test_a_permit_counts_until_the_outer_and_the_inner_one_are_released(
    order: Sequence[int],
) -> None:
    """A permit reused by a thread that goes on is not free when the outer call has ended."""
    pool, semaphore = SemaphorePool(), Semaphore(1)
    outer = await pool.acquire([semaphore])
    with holding(outer):
        permits: list[Permit] = [outer, await pool.acquire([semaphore])]

    permits[order[0]].release()
    assert not await is_free(pool, semaphore)
    permits[order[1]].release()
    assert await is_free(pool, semaphore)
    assert semaphore.taken == 0


async def test_a_released_permit_is_not_reused() -> None:
    """Another call may hold it by now."""
    pool, semaphore = SemaphorePool(), Semaphore(1)
    outer = await pool.acquire([semaphore])
    outer.release()
    other = await pool.acquire([semaphore])
    with holding(outer):
        assert not await is_free(pool, semaphore)
    other.release()


async def test_a_permit_of_another_pool_is_not_reused() -> None:
    """Each pool has its own limits."""
    pools, semaphore = (SemaphorePool(), SemaphorePool()), Semaphore(1)
    with holding(await pools[0].acquire([semaphore])):
        assert not await is_free(pools[1], semaphore)


async def test_a_thread_releases_its_permit() -> None:
    """It wakes the waiter in the event loop."""
    pool, semaphore = SemaphorePool(), Semaphore(1)
    permit = await pool.acquire([semaphore])

    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            group.start_soon(pool.acquire, [semaphore])
            await anyio.wait_all_tasks_blocked()
            await anyio.to_thread.run_sync(permit.release)


@pytest.mark.parametrize("other", ["asyncio", "trio"])
async def test_a_limit_holds_over_event_loops(other: str) -> None:
    """A loop in another thread waits for this one's permit, and this one for its."""
    pool, semaphore = SemaphorePool(), Semaphore(1)
    most, running, lock = [0], [0], threading.Lock()

    async def work(times: int) -> None:
        for _ in range(times):
            permit = await pool.acquire([semaphore])
            with lock:
                running[0] += 1
                most.append(running[0])
            await anyio.lowlevel.checkpoint()
            with lock:
                running[0] -= 1
            permit.release()

    async def many() -> None:
        async with anyio.create_task_group() as group:
            for _ in range(5):
                group.start_soon(work, 20)

    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            group.start_soon(anyio.to_thread.run_sync, lambda: anyio.run(many, backend=other))
            group.start_soon(many)

    assert (max(most), len(most), semaphore.taken) == (1, 201, 0)


@pytest.mark.parametrize("other", ["asyncio", "trio"])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_a_waiter_whose_event_loop_has_ended_is_skipped(other: str) -> None:
    """The permit goes to the next."""
    pool, semaphore = SemaphorePool(), Semaphore(1)
    permit = await pool.acquire([semaphore])
    left: list[object] = []

    async def wait_and_leave() -> None:
        # Not awaited to its end: the loop is closed around it.
        waiting = pool.acquire([semaphore])
        left.extend((waiting, waiting.send(None)))

    await anyio.to_thread.run_sync(lambda: anyio.run(wait_and_leave, backend=other))

    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            group.start_soon(pool.acquire, [semaphore])
            await anyio.wait_all_tasks_blocked()
            permit.release()
    left.clear()
    gc.collect()
