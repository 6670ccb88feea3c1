"""Stopping tools: one cancellation, time to clean up, then the end."""

import signal
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Any

import anyio
import anyio.from_thread
import anyio.lowlevel
import pytest

from agentkit.event import ToolCallAbandoned, ToolCallFinished, ToolCallStarted
from agentkit.message import ToolResult
from agentkit.tools.concurrency.concurrency_limits import ConcurrencyLimits
from agentkit.tools.run_context import RunContext
from agentkit.tools.tool import tool
from tests.unit.tools.running import Listener, abandon_once_started, execute, ready


async def test_a_tool_with_its_own_task_group_is_stopped_at_its_timeout() -> None:
    """Its group raises the cancellation, alone or together with errors."""

    async def fail_when_cancelled() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            raise ValueError("on the way out")

    async def work() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(fail_when_cancelled)
            await anyio.sleep_forever()

    (result,) = await execute(ready(work), timeout_seconds=0.01)

    assert result.is_error


@pytest.mark.parametrize("own", [None, 0.01])
async def test_an_async_tool_is_stopped_at_its_timeout(own: float | None) -> None:
    """At the timeout of the run, or at its own, which takes precedence."""
    stopped = anyio.Event()

    @tool(timeout_seconds=own)
    async def wait() -> None:
        """Wait."""
        try:
            await anyio.sleep_forever()
        finally:
            stopped.set()

    (result,) = await execute(ready(wait), timeout_seconds=0.01 if own is None else 60)

    assert result == ToolResult(
        "c1", "The tool 'wait' was stopped after 0.01 seconds.", is_error=True
    )
    assert stopped.is_set()


async def test_a_sync_tool_goes_on_after_its_timeout() -> None:
    """A thread cannot be stopped, and the result says that it may still run."""
    release = threading.Event()

    def block() -> None:
        release.wait(60)

    try:
        (result,) = await execute(ready(block), timeout_seconds=1)
    finally:
        release.set()

    assert result.text == ("The tool 'block' was stopped after 1 seconds. It may still be running.")


async def run_other_tasks(steps: int = 20) -> None:
    """Give way often, as a cleanup that talks to a server does."""
    for _ in range(steps):
        await anyio.lowlevel.checkpoint()


async def cancelled(
    work: Callable[[], Coroutine[Any, Any, object]], *, seconds: float = 60
) -> None:
    """Begin `work`, cancel it when it waits, and see that it ends within bounds."""
    with anyio.fail_after(seconds):
        async with anyio.create_task_group() as group:
            group.start_soon(work)
            await anyio.wait_all_tasks_blocked()
            group.cancel_scope.cancel()


@pytest.mark.parametrize("count", [1, 3])
async def test_a_tool_cleans_up_after_its_timeout(count: int) -> None:
    """Its `finally` can await; the other calls go on."""
    cleaned: list[str] = []

    async def wait(context: RunContext) -> None:
        try:
            await anyio.sleep_forever()
        finally:
            await run_other_tasks()
            cleaned.append(context.call_id)

    results = await execute(*[ready(wait, id=f"c{n}") for n in range(count)], timeout_seconds=0.01)

    assert sorted(cleaned) == [f"c{n}" for n in range(count)]
    assert {result.text for result in results} == {
        "The tool 'wait' was stopped after 0.01 seconds."
    }


@pytest.mark.parametrize("count", [1, 3])
async def test_a_tool_cleans_up_after_its_caller_is_cancelled(count: int) -> None:
    """The cancellation continues after the cleanup."""
    cleaned: list[str] = []

    async def wait(context: RunContext) -> None:
        try:
            await anyio.sleep_forever()
        finally:
            await run_other_tasks()
            cleaned.append(context.call_id)

    async def run() -> None:
        await execute(*[ready(wait, id=f"c{n}") for n in range(count)])
        pytest.fail("it was cancelled")

    await cancelled(run)

    assert sorted(cleaned) == [f"c{n}" for n in range(count)]


async def test_a_cleanup_without_end_is_cut_short() -> None:
    """After a timeout and after a cancellation of the caller."""
    ended: list[str] = []

    async def stay(context: RunContext) -> None:
        try:
            await anyio.sleep_forever()
        finally:
            try:
                await anyio.sleep_forever()
            finally:
                ended.append(context.call_id)

    await execute(ready(stay), timeout_seconds=0.01, cleanup_seconds=0.01)
    await cancelled(lambda: execute(ready(stay, id="c2"), cleanup_seconds=0.01))

    assert ended == ["c1", "c2"]


@pytest.mark.parametrize("by", ["time", "caller"])
async def test_a_tool_that_only_yields_to_the_event_loop_is_cancelled_too(by: str) -> None:
    """It yields again and again, and cleans up like any other."""
    cleaned = anyio.Event()

    async def spin() -> None:
        try:
            while True:
                await anyio.lowlevel.checkpoint()
        finally:
            await run_other_tasks()
            cleaned.set()

    limit = 0.01 if by == "time" else None
    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            group.start_soon(
                lambda: execute(ready(spin), timeout_seconds=limit, cleanup_seconds=3600)
            )
            if by == "caller":
                await run_other_tasks(50)
                group.cancel_scope.cancel()

    assert cleaned.is_set()


async def test_the_return_value_of_a_stopped_tool_is_dropped() -> None:
    """Its task group ends early and without an error; a part of the result would look complete."""
    finished: dict[str, ToolResult] = {}

    async def fetch_all() -> str:
        async with anyio.create_task_group() as group:
            group.start_soon(anyio.sleep_forever)
        return "all is there"

    async def swallow() -> str:
        with suppress(anyio.get_cancelled_exc_class()):
            await anyio.sleep_forever()
        return "all is there"

    for function in (fetch_all, swallow):
        (result,) = await execute(ready(function), timeout_seconds=0.01)
        await cancelled(partial(execute, ready(function, id="c2"), finished=finished))

        assert result.is_error
        assert "was stopped after 0.01 seconds" in result.text
    assert finished == {}


async def test_each_tool_has_its_own_timeout() -> None:
    """The shortest ends first, whichever began first."""
    listener = Listener()

    async def wait() -> None:
        await anyio.sleep_forever()

    calls = [
        ready(tool(name=f"t{limit}", timeout_seconds=limit / 4)(wait), id=f"c{limit}")
        for limit in (6, 1, 3)
    ]
    results = await execute(*calls, emit=listener)

    ended = [event.call.id for event in listener.events if isinstance(event, ToolCallFinished)]
    assert ended == ["c1", "c3", "c6"]
    assert [result.call_id for result in results] == ["c6", "c1", "c3"]


async def test_a_blocking_tool_holds_its_permit_after_its_timeout() -> None:
    """Until it really ends."""
    listener, limits, release = Listener(), ConcurrencyLimits(process=1), threading.Event()

    def block() -> None:
        release.wait(60)

    async def quick() -> str:
        return "done"

    blocked = ready(block)
    try:
        (result,) = await execute(
            blocked, emit=listener, timeout_seconds=1, concurrency_limits=limits
        )
        with anyio.move_on_after(0.05) as waited:
            await execute(ready(quick, id="c2"), concurrency_limits=limits)
    finally:
        release.set()

    assert listener.events[:2] == [
        ToolCallStarted(call=blocked.call),
        ToolCallAbandoned(call=blocked.call, seconds=1),
    ]
    assert isinstance(listener.events[2], ToolCallFinished)
    assert result.text.endswith("It may still be running.")
    assert waited.cancelled_caught
    assert (await execute(ready(quick, id="c3"), concurrency_limits=limits))[0].text == "done"


async def test_a_blocking_tool_without_a_free_thread_is_not_run() -> None:
    """The result does not say that it may still run."""
    started, release, ran = threading.Event(), threading.Event(), list[int]()

    def hold() -> None:
        started.set()
        release.wait(60)

    def block() -> None:
        ran.append(1)

    try:
        await abandon_once_started(hold, started, limit=1)
        (result,) = await execute(ready(block), timeout_seconds=0.01)
    finally:
        release.set()

    assert result.text == "The tool 'block' was not run: no thread was free for 0.01 seconds."
    assert ran == []


async def test_a_blocking_tool_holds_its_permit_after_its_caller_is_cancelled() -> None:
    """No one waits for it, and no other call gets its permit."""
    limits, begun, release = ConcurrencyLimits(process=1), threading.Event(), threading.Event()

    def block() -> None:
        begun.set()
        release.wait(60)

    async def quick() -> str:
        return "done"

    try:
        with anyio.fail_after(60):
            async with anyio.create_task_group() as group:
                group.start_soon(lambda: execute(ready(block), concurrency_limits=limits))
                await anyio.to_thread.run_sync(begun.wait, 5)
                group.cancel_scope.cancel()
        with anyio.move_on_after(0.05) as waited:
            await execute(ready(quick), concurrency_limits=limits)
    finally:
        release.set()

    assert waited.cancelled_caught
    assert (await execute(ready(quick), concurrency_limits=limits))[0].text == "done"


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_tool_cleans_up_after_an_interrupt(backend: str) -> None:
    """Ctrl-C does not cancel a scope of agentkit, and stops tools like one."""
    cleaned: list[str] = []

    async def wait() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            await run_other_tasks()
            cleaned.append("done")

    async def interrupt() -> None:
        await anyio.wait_all_tasks_blocked()
        signal.raise_signal(signal.SIGINT)
        await anyio.sleep_forever()

    async def run() -> None:
        await execute(ready(wait), ready(interrupt, id="c2"))

    with pytest.raises(KeyboardInterrupt):
        anyio.run(run, backend=backend)

    assert cleaned == ["done"]


async def test_a_cleanup_is_not_cancelled_again_by_the_caller() -> None:
    """After a timeout, a cancellation of the caller does not interrupt the cleanup."""
    cleaning, go_on, cleaned = anyio.Event(), anyio.Event(), anyio.Event()

    async def wait() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            cleaning.set()
            await go_on.wait()
            cleaned.set()

    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: execute(ready(wait), timeout_seconds=0.01))
            await cleaning.wait()
            group.cancel_scope.cancel()
            go_on.set()

    assert cleaned.is_set()


CASES = [*range(60)]


@pytest.mark.parametrize("step", CASES)
async def test_a_cancellation_at_any_step_loses_no_finished_result(step: int) -> None:
    """Only the call in flight may have an effect and no result; every permit is released."""
    effects: list[str] = []
    finished: dict[str, ToolResult] = {}
    limits = ConcurrencyLimits(process=2, groups={"g": 1})

    @tool(concurrency_group="g", max_concurrency=1)
    async def act(context: RunContext) -> str:
        """Have an effect at the last moment."""
        await run_other_tasks(3)
        effects.append(context.call_id)
        return "done"

    @tool
    async def look() -> str:
        """Look."""
        await run_other_tasks(2)
        return "seen"

    calls = [ready(act if n % 2 else look, id=f"c{n}") for n in range(6)]
    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            run = partial(execute, *calls, concurrency_limits=limits, finished=finished)
            group.start_soon(partial(run, emit=Listener()))
            await run_other_tasks(step)
            group.cancel_scope.cancel()

    assert len(set(effects) - set(finished)) <= 1
    assert {one for one in finished if int(one[1:]) % 2} <= set(effects)
    assert all(result.text in ("done", "seen") for result in finished.values())
    assert (await execute(ready(act, id="c9"), concurrency_limits=limits))[0].text == "done"
    assert limits.tools_in_use == 0
