"""Threads for sync tools: never more than the limit, whatever was abandoned."""

import threading
from collections.abc import Callable
from contextvars import ContextVar

import anyio
import anyio.lowlevel
import pytest

from agentkit.tools.concurrency.worker_threads import ThreadFailure, run_in_thread
from tests.unit.tools.running import abandon_once_started

NAME: ContextVar[str] = ContextVar("name", default="none")


async def test_a_function_runs_in_a_thread_with_the_context_of_its_caller() -> None:
    """Its value is returned."""
    NAME.set("caller")

    assert await run_in_thread(NAME.get) == "caller"
    assert await run_in_thread(threading.get_ident) != threading.get_ident()


@pytest.mark.parametrize("error", [ValueError("x"), StopIteration("y")], ids=repr)
async def test_an_exception_is_returned_as_a_value(error: Exception) -> None:
    """Also one that a future could not carry."""

    def fail() -> None:
        raise error

    assert await run_in_thread(fail) == ThreadFailure(error=error)


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit()])
async def test_an_exit_raised_in_a_thread_is_returned_as_a_value(error: BaseException) -> None:
    """A worker thread cannot end the program."""

    def leave() -> None:
        raise error

    assert await run_in_thread(leave) == ThreadFailure(error=error)


async def test_an_abandoned_function_keeps_its_permit_until_it_ends() -> None:
    """With one permit, the next starts only when the first thread is really free."""
    started, release, order = threading.Event(), threading.Event(), []

    def first() -> None:
        started.set()
        release.wait(60)
        order.append("first")

    def second() -> None:
        order.append("second")

    with anyio.fail_after(60):
        await abandon_once_started(first, started, limit=1)
        async with anyio.create_task_group() as group:
            group.start_soon(run_in_thread, second)
            await anyio.wait_all_tasks_blocked()
            assert order == []
            release.set()

    assert order == ["first", "second"]


async def test_a_function_cancelled_before_its_start_never_starts() -> None:
    """No thread had taken it."""
    began: list[int] = []

    with anyio.CancelScope() as scope:
        scope.cancel()
        await run_in_thread(lambda: began.append(1))

    assert await run_in_thread(lambda: list(began)) == []


async def test_a_dropped_function_releases_its_permit() -> None:
    """While it waits for a permit, and after."""
    release = threading.Event()

    def block() -> bool:
        return release.wait(5)

    async def wait_for_place(function: Callable[[], object]) -> None:
        with anyio.move_on_after(0.01):
            await run_in_thread(function)

    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: run_in_thread(block, limit=1))
            await anyio.wait_all_tasks_blocked()
            for _ in range(3):
                await wait_for_place(block)
            release.set()
        assert await run_in_thread(lambda: "free") == "free"
