"""Middleware around calls, results that are stored, and checks after a crash."""

from typing import Any

import anyio
import anyio.lowlevel
import pytest

from agentkit.clock import SystemClock
from agentkit.errors import ToolError
from agentkit.event import ToolCallFinished, ToolCallStarted, ignore
from agentkit.message import ToolResult
from agentkit.tools.execute import find_outcome
from agentkit.tools.run_context import RunContext, RunLink
from agentkit.tools.tool import tool
from agentkit.tools.tool_run import CallOptions, Proceed
from agentkit.tools.validate import ReadyCall
from tests.unit.tools.running import Listener, execute, ready


async def double(a: int) -> str:
    """Double."""
    return str(2 * a)


async def test_middleware_sees_the_call_and_its_result() -> None:
    """And may change the result."""
    seen: list[object] = []

    async def middleware(call: ReadyCall, proceed: Proceed) -> ToolResult:
        result = await proceed()
        seen.append((call.call.id, result.text))
        return ToolResult(result.call_id, "hidden")

    results = await execute(
        ready(double, '{"a": 1}'), ready(double, '{"a": 2}', "c2"), middleware=middleware
    )

    assert sorted(seen, key=str) == [("c1", "2"), ("c2", "4")]
    assert results == [ToolResult("c1", "hidden"), ToolResult("c2", "hidden")]


async def test_a_stored_result_replaces_running_the_tool() -> None:
    """It gets the id of this call; listeners receive a start and an end all the same."""
    listener, call = Listener(), ready(double, '{"a": 1}')

    async def middleware(_: ReadyCall, proceed: Proceed) -> ToolResult:
        del proceed
        return ToolResult("old", "remembered")

    results = await execute(call, middleware=middleware, emit=listener)

    assert results == [ToolResult("c1", "remembered")]
    assert listener.events[0] == ToolCallStarted(call=call.call)
    assert isinstance(listener.events[1], ToolCallFinished)
    assert len(listener.events) == 2


async def test_middleware_may_retry_a_call() -> None:
    """It is one call: one start and one end."""
    listener, tries = Listener(), list[int]()

    async def flaky() -> str:
        tries.append(1)
        if len(tries) < 3:
            raise ToolError("busy")
        return "done"

    async def middleware(_: ReadyCall, proceed: Proceed) -> ToolResult:
        result = await proceed()
        while result.is_error:
            result = await proceed()
        return result

    (result,) = await execute(ready(flaky), middleware=middleware, emit=listener)

    assert result.text == "done"
    assert [event.type for event in listener.events] == ["tool_call_started", "tool_call_finished"]


@pytest.mark.parametrize("hangs", [[1], [2], [1, 2]])
async def test_middleware_may_retry_a_call_that_timed_out(hangs: list[int]) -> None:
    """Each attempt has the tool's timeout, and the last one counts."""
    attempts = 0

    async def work() -> str:
        nonlocal attempts
        attempts += 1
        if attempts in hangs:
            await anyio.sleep_forever()
        return f"attempt {attempts}"

    async def retry(_: ReadyCall, proceed: Proceed) -> ToolResult:
        await proceed()
        return await proceed()

    (result,) = await execute(ready(work), middleware=retry, timeout_seconds=0.01)

    assert result.is_error == (2 in hangs)
    assert result.text == (
        "The tool 'work' was stopped after 0.01 seconds." if 2 in hangs else "attempt 2"
    )


@pytest.mark.parametrize("count", [1, 3])
async def test_an_exception_of_the_middleware_ends_the_calls(count: int) -> None:
    """It is not a result for the model; the other calls are stopped."""

    async def middleware(call: ReadyCall, proceed: Proceed) -> ToolResult:
        if call.call.id == "c0":
            raise LookupError("no journal")
        return await proceed()

    async def wait() -> None:
        await anyio.sleep_forever()

    with pytest.raises(LookupError, match="no journal"):
        await execute(*[ready(wait, id=f"c{n}") for n in range(count)], middleware=middleware)


async def test_middleware_gets_the_result_before_it_is_cut() -> None:
    """A journal stores it complete."""
    seen: list[int] = []

    async def work() -> str:
        return "x" * 100

    async def middleware(_: ReadyCall, proceed: Proceed) -> ToolResult:
        result = await proceed()
        seen.append(len(result.text))
        return result

    (result,) = await execute(ready(work), middleware=middleware, max_characters=10)

    assert seen == [100]
    assert result.text.startswith("x" * 10 + "\n[cut here")


async def test_results_are_delivered_as_soon_as_they_exist() -> None:
    """A cancellation in the middle loses none."""
    finished: dict[str, ToolResult] = {}

    async def work(a: int) -> str:
        if a:
            await anyio.sleep_forever()
        return "done"

    calls = [ready(work, f'{{"a": {n}}}', f"c{n}") for n in range(2)]
    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: execute(*calls, finished=finished))
            await anyio.wait_all_tasks_blocked()
            group.cancel_scope.cancel()

    assert finished == {"c0": ToolResult("c0", "done")}


async def run_and_cancel(middleware: Any, *, after: anyio.Event, **options: Any) -> None:
    """Run a call that ends at once, and cancel it while `middleware` is at work."""
    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            group.start_soon(
                lambda: execute(ready(double, '{"a": 1}'), middleware=middleware, **options)
            )
            await after.wait()
            group.cancel_scope.cancel()


async def test_a_result_that_is_being_stored_is_not_lost() -> None:
    """The writing continues for the time of a cleanup."""
    writing, finished = anyio.Event(), dict[str, ToolResult]()

    async def middleware(_: ReadyCall, proceed: Proceed) -> ToolResult:
        result = await proceed()
        writing.set()
        for _step in range(20):
            await anyio.lowlevel.checkpoint()
        return result

    await run_and_cancel(middleware, after=writing, finished=finished)

    assert finished == {"c1": ToolResult("c1", "2")}


async def test_storing_without_end_is_cut_short() -> None:
    """Then the result is lost, and is not reported as stored."""
    writing, finished = anyio.Event(), dict[str, ToolResult]()

    async def middleware(_: ReadyCall, proceed: Proceed) -> ToolResult:
        result = await proceed()
        writing.set()
        await anyio.sleep_forever()
        return result

    await run_and_cancel(middleware, after=writing, finished=finished, cleanup_seconds=0.01)

    assert finished == {}


async def test_middleware_before_the_tool_is_cancelled_at_once() -> None:
    """No result exists yet that could be lost."""
    waiting = anyio.Event()

    async def middleware(_: ReadyCall, proceed: Proceed) -> ToolResult:
        waiting.set()
        await anyio.sleep_forever()
        return await proceed()

    await run_and_cancel(middleware, after=waiting, cleanup_seconds=3600)


@pytest.mark.parametrize("step", [*range(30)])
async def test_a_result_is_stored_whenever_the_cancellation_comes(step: int) -> None:
    """The journal has its time as soon as there is a result to store."""
    came_back, finished = list[int](), dict[str, ToolResult]()

    async def middleware(_: ReadyCall, proceed: Proceed) -> ToolResult:
        result = await proceed()
        came_back.append(1)
        for _step in range(5):
            await anyio.lowlevel.checkpoint()
        return result

    async def act() -> str:
        for _step in range(3):
            await anyio.lowlevel.checkpoint()
        return "done"

    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: execute(ready(act), middleware=middleware, finished=finished))
            for _ in range(step):
                await anyio.lowlevel.checkpoint()
            group.cancel_scope.cancel()

    assert len(came_back) == len(finished)


def paying(check: Any) -> ReadyCall:
    """Return a call of a tool that has this check."""

    @tool(find_outcome=check)
    def pay(amount: int) -> dict[str, int]:
        """Pay."""
        return {"paid": amount}

    return ready(pay, '{"amount": 5}')


async def outcome(call: ReadyCall, **options: Any) -> ToolResult | None:
    """Ask how a call ended."""
    shared = CallOptions(deps={"paid": 5}, emit=ignore, clock=SystemClock(), **options)
    with anyio.fail_after(60):
        return await find_outcome(call, shared)


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
async def test_a_check_finds_out_how_a_call_ended(is_async: bool) -> None:
    """It gets context and arguments, and its value is the tool's."""
    seen: list[object] = []

    def find(context: RunContext[dict[str, int]], arguments: dict[str, int]) -> dict[str, int]:
        seen.append((context.idempotency_key, context.tool_name, arguments))
        return context.deps

    async def find_later(context: RunContext[Any], arguments: dict[str, int]) -> dict[str, int]:
        return find(context, arguments)

    call = paying(find_later if is_async else find)

    assert await outcome(call, link=lambda _: RunLink(idempotency_key="run/c1")) == ToolResult(
        call_id="c1",
        content=ToolResult("c1", '{"paid": 5}').content,
        structured_content={"paid": 5},
    )
    assert seen == [("run/c1", "pay", {"amount": 5})]


async def test_a_check_may_not_know() -> None:
    """There is no check, it returns "unknown", it fails, or it takes too long."""

    async def nothing(context: RunContext, arguments: dict[str, Any]) -> None:
        del context, arguments

    async def fail(context: RunContext, arguments: dict[str, Any]) -> None:
        raise ToolError(f"{context.tool_name} {arguments}")

    async def wait(context: RunContext, arguments: dict[str, Any]) -> None:
        del context, arguments
        await anyio.sleep_forever()

    for check in (None, nothing, fail, wait):
        assert await outcome(paying(check), timeout_seconds=0.01) is None


async def test_a_check_that_returns_an_invalid_value_is_at_fault() -> None:
    """As the tool would be."""

    def find(context: RunContext, arguments: dict[str, Any]) -> dict[str, str]:
        del context, arguments
        return {"paid": "much"}

    found = await outcome(paying(find))

    assert found is not None
    assert found.is_error
    assert "does not fit the tool's output schema" in found.text


def test_a_check_must_be_callable() -> None:
    """The error comes when the tool is made."""
    with pytest.raises(Exception, match="find_outcome"):
        tool(double, find_outcome="no")  # type: ignore[call-overload]  # on purpose
