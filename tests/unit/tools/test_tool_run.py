"""An exception of a tool is its own failure, unless the user or the caller ends it."""

import asyncio  # noqa: TID251 - what only asyncio can do is tested
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest

from tests.unit.tools.running import execute, ready


def fine() -> str:
    """Return at once."""
    return "fine"


def leave() -> None:
    """Leave the program."""
    sys.exit(3)


async def leave_at_once() -> None:
    """Leave the program without any wait."""
    sys.exit(3)


async def leave_later() -> None:
    """Leave the program after a wait."""
    await anyio.lowlevel.checkpoint()
    sys.exit(3)


async def leave_in_a_group() -> None:
    """Leave the program with other errors."""
    await anyio.lowlevel.checkpoint()
    raise BaseExceptionGroup("", [ValueError("x"), SystemExit(3)])


async def stop_generator() -> None:
    """Raise what a closed generator gets."""
    await anyio.lowlevel.checkpoint()
    raise GeneratorExit


def interrupt() -> None:
    """Raise what Ctrl-C raises, in a worker thread."""
    raise KeyboardInterrupt


async def cancelled_alone() -> None:
    """Let out the cancellation of a scope that has ended."""
    kept: BaseException | None = None
    with anyio.CancelScope() as scope:
        scope.cancel()
        try:
            await anyio.lowlevel.checkpoint()
        except anyio.get_cancelled_exc_class() as error:
            kept = error
    assert kept is not None
    raise kept


class Unprintable(BaseException):
    """An exception whose text cannot be had."""

    def __str__(self) -> str:
        sys.exit(4)


async def raise_unprintable() -> None:
    """Raise it."""
    raise Unprintable


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize(
    ("function", "text"),
    [
        pytest.param(leave, "SystemExit: 3", id="exit in a thread"),
        pytest.param(leave_at_once, "SystemExit: 3", id="exit at once"),
        pytest.param(leave_later, "SystemExit: 3", id="exit"),
        pytest.param(leave_in_a_group, "ValueError: x; SystemExit: 3", id="exit in a group"),
        pytest.param(stop_generator, "GeneratorExit", id="generator exit"),
        pytest.param(interrupt, "KeyboardInterrupt", id="interrupt in a thread"),
        pytest.param(raise_unprintable, "Unprintable", id="exception without text"),
    ],
)
async def test_an_exit_raised_by_a_tool_is_a_failure_of_the_tool(
    function: Callable[..., Any], text: str, count: int
) -> None:
    """The call next to it keeps its result."""
    results = await execute(*[ready(function), ready(fine, id="c2")][:count])

    assert [result.is_error for result in results] == [True, False][:count]
    assert [result.text for result in results] == [text, "fine"][:count]


@pytest.mark.parametrize("count", [1, 2])
async def test_a_cancellation_raised_by_a_tool_is_a_failure_of_the_tool(count: int) -> None:
    """No scope is cancelled, so it is not the caller's."""
    results = await execute(*[ready(cancelled_alone), ready(fine, id="c2")][:count])

    assert [result.is_error for result in results] == [True, False][:count]
    assert "cancelled" in results[0].text


async def wait_for_cancelled_child() -> None:
    """Wait for a task that was cancelled."""
    child = asyncio.ensure_future(asyncio.sleep(60))
    child.cancel()
    await child


async def cancel_itself() -> None:
    """Cancel the task it runs in, as old timeout libraries do."""
    cancel_current_task()
    await asyncio.sleep(60)


async def time_out() -> None:
    """Let a library's timeout pass."""
    async with asyncio.timeout(0):
        await asyncio.sleep(60)


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize(
    ("function", "text"),
    [
        pytest.param(wait_for_cancelled_child, "cancelled", id="child"),
        pytest.param(time_out, "TimeoutError", id="timeout"),
    ],
)
async def test_a_cancellation_on_asyncio_inside_a_tool_is_its_failure(
    function: Callable[..., Any], text: str, count: int
) -> None:
    """The calls that follow run as usual."""
    results = await execute(*[ready(function), ready(fine, id="c2")][:count])

    assert text in results[0].text
    assert [result.text for result in results[1:]] == ["fine"][: count - 1]
    assert (await execute(ready(anyio.lowlevel.checkpoint)))[0].text == "null"


async def cancel_after_a_timeout() -> None:
    """Cancel the task it runs in after the event loop did so for a timeout, which has passed."""
    with suppress(TimeoutError):
        await time_out()
    await anyio.lowlevel.checkpoint()
    await cancel_itself()


async def cancel_and_fail() -> None:
    """Cancel the task it runs in, and raise something else."""
    cancel_current_task()
    raise ValueError("fails")


async def cancel_and_return() -> str:
    """Cancel the task it runs in after a wait, and return at once."""
    await anyio.lowlevel.checkpoint()
    cancel_current_task()
    return "returned"


async def cancel_without_wait() -> str:
    """Cancel the task it runs in, and return without any wait."""
    cancel_current_task()
    return "returned"


def cancel_current_task() -> None:
    """Cancel the task, as a tool does that takes it for its own."""
    task = asyncio.current_task()
    assert task is not None
    task.cancel()


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize(
    ("function", "text"),
    [
        (cancel_itself, "cancelled"),
        (cancel_after_a_timeout, "cancelled"),
        (cancel_and_fail, "ValueError: fails"),
        (cancel_and_return, "returned"),
        (cancel_without_wait, "returned"),
    ],
)
async def test_a_tool_that_cancels_its_task_cancels_nothing_else(
    function: Callable[..., Any], text: str, count: int
) -> None:
    """Neither the calls next to it nor those that follow, nor the task of the run."""
    task = asyncio.current_task()
    assert task is not None
    results = await execute(*[ready(function), ready(fine, id="c2")][:count])
    await anyio.lowlevel.checkpoint()

    assert text in results[0].text
    assert [result.text for result in results[1:]] == ["fine"][: count - 1]
    assert task.cancelling() == 0


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_tool_that_cancels_its_task_does_not_hide_that_the_caller_does() -> None:
    """Both cancel the same task, the tool while it cleans up."""

    async def clean_up() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            await cancel_itself()

    task = asyncio.ensure_future(execute(ready(clean_up)))
    await anyio.wait_all_tasks_blocked()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_failing_child_is_no_cancellation_in_a_task_that_was_cancelled_before() -> None:
    """A caller may run an agent while it cleans up after its own cancellation."""
    texts: list[str] = []

    async def run_in_cleanup() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            texts.extend([one.text for one in await execute(ready(wait_for_cancelled_child))])

    task = asyncio.ensure_future(run_in_cleanup())
    await anyio.wait_all_tasks_blocked()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert "cancelled" in texts[0]


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("count", [1, 2])
async def test_a_cancelled_task_of_the_caller_cancels_the_calls(count: int) -> None:
    """By asyncio's own `task.cancel()`, which has no scope."""
    calls = [ready(anyio.sleep_forever, id=f"c{number}") for number in range(count)]
    task = asyncio.ensure_future(execute(*calls))
    await anyio.wait_all_tasks_blocked()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("count", [1, 2])
async def test_a_cancelled_caller_is_not_mistaken_for_a_failing_tool(count: int) -> None:
    """Also if the tool raises a cancellation of its own while it is stopped."""

    async def stubborn() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            await cancelled_alone()

    calls = [ready(stubborn, id=f"c{number}") for number in range(count)]
    finished: dict[str, Any] = {}
    with anyio.move_on_after(60) as scope:
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: execute(*calls, finished=finished))
            await anyio.wait_all_tasks_blocked()
            group.cancel_scope.cancel()

    assert not scope.cancelled_caught
    assert finished == {}


def test_a_coroutine_that_is_closed_from_outside_ends() -> None:
    """As an event loop that ends does with what is left."""

    class Pause:
        def __await__(self) -> Any:
            yield

    async def wait() -> None:
        await Pause()

    async def start() -> Any:
        running = execute(ready(wait), within_seconds=60)
        running.send(None)
        running.close()

    anyio.run(start)


def test_an_interrupt_in_an_event_loop_of_a_worker_thread_is_a_failure() -> None:
    """Ctrl-C reaches the main thread only."""
    texts: list[str] = []

    async def raise_interrupt() -> None:
        raise KeyboardInterrupt

    async def run() -> None:
        texts.extend(result.text for result in await execute(ready(raise_interrupt)))

    thread = threading.Thread(target=anyio.run, args=(run,))
    thread.start()
    thread.join(60)

    assert texts == ["KeyboardInterrupt"]


async def test_notes_of_an_exception_reach_the_model() -> None:
    """They often advise how to fix it."""

    async def fail() -> None:
        error = ValueError("no such page")
        error.add_note("Pages go from 1 to 9.")
        raise error

    (result,) = await execute(ready(fail))

    assert result.text == "ValueError: no such page\nPages go from 1 to 9."


async def test_a_cancellation_of_its_own_does_not_hold_off_that_of_the_caller() -> None:
    """The tool is stopped at its next wait, not after the time for a cleanup."""
    steps: list[str] = []

    async def work() -> None:
        with anyio.CancelScope() as own:
            own.cancel()
            await anyio.sleep_forever()
        steps.append("cancelled by itself")
        caller.cancel()
        await anyio.Lock().acquire()
        steps.append("went on")

    with anyio.fail_after(60), anyio.CancelScope() as caller:
        await execute(ready(work), cleanup_seconds=120)

    assert caller.cancelled_caught
    assert steps == ["cancelled by itself"]


async def test_a_cleanup_with_a_scope_of_its_own_is_not_cancelled_again() -> None:
    """What is cancelled within the cleanup does not end it."""
    cleaned = anyio.Event()

    async def wait() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            await anyio.lowlevel.checkpoint()
            with anyio.CancelScope() as own:
                own.cancel()
                await anyio.sleep_forever()
            await anyio.lowlevel.checkpoint()
            cleaned.set()

    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: execute(ready(wait)))
            await anyio.wait_all_tasks_blocked()
            group.cancel_scope.cancel()

    assert cleaned.is_set()
