"""Running calls: in order, in parallel, in time, and whatever a tool does."""

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import anyio
import anyio.from_thread
import anyio.lowlevel
import pytest

from agentkit.agent.report import Report
from agentkit.clock import SystemClock
from agentkit.content import text_blocks
from agentkit.errors import ToolError
from agentkit.event import (
    EventRecord,
    RunEvent,
    ToolCallFinished,
    ToolCallStarted,
    ToolProgressed,
    ToolResultTruncated,
)
from agentkit.message import ToolResult
from agentkit.tools.run_context import RunContext, RunLink
from agentkit.tools.tool import Tool
from tests.unit.tools.running import Listener, execute, ready


async def test_sync_and_async_tools_are_run() -> None:
    """A sync tool in a thread, an async one in the event loop."""
    main = threading.get_ident()

    def sync_tool(a: int) -> list[int | bool]:
        return [a, threading.get_ident() == main]

    async def async_tool(a: int) -> list[int | bool]:
        await anyio.lowlevel.checkpoint()
        return [a, threading.get_ident() == main]

    results = await execute(ready(sync_tool, '{"a": 1}'), ready(async_tool, '{"a": 2}', "c2"))

    assert [result.text for result in results] == ["[1, false]", "[2, true]"]


async def test_no_calls_give_no_results() -> None:
    """Nothing is started."""
    assert await execute() == []


async def test_a_sync_function_may_return_an_awaitable() -> None:
    """As a wrapper around an async function does."""

    async def work() -> str:
        return "done"

    def wrapper() -> Any:
        return work()

    assert (await execute(ready(wrapper)))[0].text == "done"


async def test_calls_run_in_parallel_with_results_in_order() -> None:
    """The first ends last: each waits for the next, so all were running."""
    events = [anyio.Event() for _ in range(4)]
    events[3].set()

    async def chain(position: int) -> int:
        await events[position].wait()
        if position:
            events[position - 1].set()
        return position

    calls = [ready(chain, f'{{"position": {n}}}', f"c{n}") for n in range(4)]

    results = await execute(*calls)

    assert [(result.call_id, result.text) for result in results] == [
        ("c0", "0"),
        ("c1", "1"),
        ("c2", "2"),
        ("c3", "3"),
    ]


@pytest.mark.parametrize("concurrency", [1, 2, 3])
async def test_no_more_calls_run_than_the_limit(concurrency: int) -> None:
    """And as many as it allows do."""
    running = most = 0

    async def work() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await anyio.wait_all_tasks_blocked()
        running -= 1

    calls = [ready(work, id=f"c{n}") for n in range(7)]

    assert len(await execute(*calls, concurrency=concurrency)) == 7
    assert most == concurrency


async def test_a_limit_below_one_is_refused() -> None:
    """No call could run."""
    with pytest.raises(ValueError, match="concurrency is 0"):
        await execute(concurrency=0)


class OddError(Exception):
    """Has no text form."""

    def __str__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("bad\nvalue"), "ValueError: bad\nvalue"),
        (ToolError("Ask the user."), "Ask the user."),
        (ToolError(), "ToolError"),
        (KeyError(), "KeyError"),
        (OddError(), "OddError"),
        (StopIteration(), "StopIteration"),
        (TimeoutError("its own"), "TimeoutError: its own"),
        (ExceptionGroup("two", [ValueError("a"), ExceptionGroup("", [ToolError("b")])]),
         "ValueError: a; b"),
    ],
)  # fmt: skip
async def test_an_exception_of_a_tool_becomes_a_result(
    error: Exception, text: str, is_async: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Its message goes to the model; the traceback to the log."""
    if is_async and isinstance(error, StopIteration):
        text = "RuntimeError: coroutine raised StopIteration"

    async def async_tool() -> None:
        raise error

    def sync_tool() -> None:
        raise error

    with caplog.at_level(logging.WARNING, logger="agentkit.tools"):
        (result,) = await execute(ready(async_tool if is_async else sync_tool))

    assert result == ToolResult("c1", text, is_error=True)
    (record,) = caplog.records
    assert (record.exc_info is None) == isinstance(error, ToolError)
    assert record.getMessage().startswith("tool_call_failed tool_name=")


@pytest.mark.parametrize("level", [logging.WARNING, logging.DEBUG])
async def test_the_text_of_an_error_is_logged_at_debug_only(
    level: int, caplog: pytest.LogCaptureFixture
) -> None:
    """It may quote arguments and results; the type and the place are always there."""
    text = "canary-7193"

    async def refuse() -> None:
        raise ToolError(text)

    async def crash() -> None:
        raise ExceptionGroup(text, [ValueError(text), KeyError(text)])

    with caplog.at_level(level, logger="agentkit.tools"):
        await execute(ready(refuse))
        await execute(ready(crash))

    assert (text in caplog.text) is (level == logging.DEBUG)
    refused, crashed = [vars(one) for one in caplog.records if one.levelno == logging.WARNING]
    assert refused["error"] == (text if level == logging.DEBUG else "ToolError")
    assert all(part in crashed["exc_text"] for part in ("ValueError", "KeyError", "in crash"))


async def test_a_long_error_is_cut() -> None:
    """A traceback in a message would fill the conversation."""

    async def fail() -> None:
        raise ValueError("x" * 100_000)

    assert len((await execute(ready(fail)))[0].text) == 2000


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_an_interrupt_on_the_main_thread_passes_through(count: int, backend: str) -> None:
    """It is the user's Ctrl-C: alone; also raised in a group, and next to other calls."""

    async def fail() -> None:
        await anyio.wait_all_tasks_blocked()
        raise KeyboardInterrupt

    async def grouped() -> None:
        await anyio.wait_all_tasks_blocked()
        raise BaseExceptionGroup("", [ValueError(), KeyboardInterrupt()])

    async def run(function: Callable[..., object]) -> None:
        await execute(*[ready(function), ready(anyio.sleep_forever, id="c2")][:count])

    for function in (fail, grouped):
        with pytest.raises(KeyboardInterrupt):
            anyio.run(run, function, backend=backend)


async def test_a_tool_that_ends_in_time_is_not_cancelled() -> None:
    """The timeout is for each tool, from its own start."""

    async def work() -> str:
        await anyio.lowlevel.checkpoint()
        return "done"

    results = await execute(*[ready(work, id=f"c{n}") for n in range(3)], timeout_seconds=60)

    assert [result.text for result in results] == ["done"] * 3


@pytest.mark.parametrize("count", [1, 3])
async def test_cancellation_passes_through(count: int) -> None:
    """Every tool is stopped, and no result is invented."""
    started: list[str] = []
    stopped: list[str] = []

    async def wait(context: RunContext) -> None:
        started.append(context.call_id)
        try:
            await anyio.sleep_forever()
        finally:
            stopped.append(context.call_id)

    calls = [ready(wait, id=f"c{n}") for n in range(count)]
    with anyio.fail_after(60), anyio.CancelScope() as scope:
        async with anyio.create_task_group() as group:

            async def run() -> None:
                await execute(*calls)
                pytest.fail("it was cancelled")

            group.start_soon(run)
            await anyio.wait_all_tasks_blocked()
            scope.cancel()

    assert sorted(started) == sorted(stopped) == [f"c{n}" for n in range(count)]


class StepClock(SystemClock):
    """Goes on by one second each time it is asked."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def monotonic(self) -> float:
        """Return the next second."""
        self.seconds += 1
        return self.seconds


async def test_events_report_start_progress_and_end() -> None:
    """In the order they happen; a thread may report too."""
    events: list[RunEvent] = []

    async def emit(event: RunEvent) -> None:
        events.append(event)

    async def work(context: RunContext[str], a: int) -> str:
        await context.report_progress(a, 2, "half")
        return f"{context.deps} {context.tool_name} {context.idempotency_key}"

    def block(context: RunContext) -> str:
        anyio.from_thread.run(context.report_progress, 1.0)
        return "done"

    first, second = ready(work, '{"a": 1}'), ready(block, id="c2")

    results = await execute(first, second, emit=emit, clock=StepClock(), deps="d", concurrency=1)

    assert [result.text for result in results] == ["d work c1", "done"]
    assert events == [
        ToolCallStarted(call=first.call),
        ToolProgressed(call_id="c1", progress=1, total=2, message="half"),
        ToolCallFinished(call=first.call, result=results[0], seconds=1.0),
        ToolCallStarted(call=second.call),
        ToolProgressed(call_id="c2", progress=1.0),
        ToolCallFinished(call=second.call, result=results[1], seconds=1.0),
    ]


async def test_an_idempotency_key_can_be_given() -> None:
    """One that names the run as well as the call."""

    async def work(context: RunContext) -> str:
        return context.idempotency_key

    results = await execute(ready(work), link=lambda _: RunLink(idempotency_key="run-1/c1"))

    assert results[0].text == "run-1/c1"


@pytest.mark.parametrize("count", [1, 3])
async def test_a_listener_that_fails_is_not_a_failure_of_the_tool(count: int) -> None:
    """The event report catches what its listeners raise."""

    async def fail(record: EventRecord) -> None:
        if isinstance(record.event, ToolProgressed):
            raise LookupError("listener")

    async def work(context: RunContext) -> str:
        await context.report_progress(1)
        return "done"

    report = Report([fail], clock=StepClock())
    results = await execute(*[ready(work, id=f"c{n}") for n in range(count)], emit=report.emit)

    assert [result.text for result in results] == ["done"] * count


async def test_long_results_are_cut_for_the_model_only() -> None:
    """The listeners get the complete result."""
    listener = Listener()

    async def work() -> str:
        return "x" * 100

    call = ready(work)
    (result,) = await execute(call, emit=listener, max_characters=10, clock=StepClock())

    assert result.text == "x" * 10 + "\n[cut here: 10 of 100 characters are shown]"
    assert listener.events == [
        ToolCallStarted(call=call.call),
        ToolResultTruncated(call_id="c1", content=text_blocks("x" * 100)),
        ToolCallFinished(call=call.call, result=result, seconds=1.0),
    ]


async def test_a_note_is_placed_before_the_result() -> None:
    """Such as that a person changed the arguments."""

    async def work() -> str:
        return "done"

    (result,) = await execute(replace(ready(work), note="Changed."))

    assert result.text == "[Changed.]\ndone"


async def test_running_an_external_tool_is_an_error() -> None:
    """It has no function."""
    made = Tool.external(name="pick", description="Pick.", input_schema={"type": "object"})

    (result,) = await execute(ready(made))

    assert result.is_error
    assert "runs elsewhere" in result.text
