"""Threads for sync tools: never more than the limit, whatever was abandoned."""

import threading
from collections.abc import Callable
from contextvars import ContextVar

import anyio
import anyio.lowlevel
import pytest

from agentkit.tools.concurrency.worker_threads import ThreadFailure, ThreadJob
from tests.unit.tools.running import abandon_once_started

NAME: ContextVar[str] = ContextVar("name", default="none")


async def test_a_function_runs_in_a_thread_with_the_context_of_its_caller() -> None:
    """Its value is returned."""
    NAME.set("caller")

    assert await ThreadJob(NAME.get).run() == "caller"
    assert await ThreadJob(threading.get_ident).run() != threading.get_ident()


@pytest.mark.parametrize("error", [ValueError("x"), StopIteration("y")], ids=repr)
async def test_an_exception_is_returned_as_a_value(error: Exception) -> None:
    """Also one that a future could not carry."""

    def fail() -> None:
        raise error

    assert await ThreadJob(fail).run() == ThreadFailure(error=error)


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit()])
async def test_an_exit_raised_in_a_thread_is_returned_as_a_value(error: BaseException) -> None:
    """A worker thread cannot end the program."""

    def leave() -> None:
        raise error

    assert await ThreadJob(leave).run() == ThreadFailure(error=error)


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
            group.start_soon(ThreadJob(second).run)
            await anyio.wait_all_tasks_blocked()
            assert order == []
            release.set()

    assert order == ["first", "second"]


async def test_a_function_cancelled_before_its_start_never_starts() -> None:
    """No thread had taken it."""
    began: list[int] = []

    with anyio.CancelScope() as scope:
        scope.cancel()
        await ThreadJob(lambda: began.append(1)).run()

    assert await ThreadJob(lambda: list(began)).run() == []


async def test_a_dropped_function_releases_its_permit() -> None:
    """While it waits for a permit, and after."""
    release = threading.Event()

    def block() -> bool:
        return release.wait(5)

    async def wait_for_place(function: Callable[[], object]) -> None:
        with anyio.move_on_after(0.01):
            await ThreadJob(function).run()

    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: ThreadJob(block).run(limit=1))
            await anyio.wait_all_tasks_blocked()
            for _ in range(3):
                await wait_for_place(block)
            release.set()
        assert await ThreadJob(lambda: "free").run() == "free"
