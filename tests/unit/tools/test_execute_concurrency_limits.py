"""Many calls at once: within the limits, in order, with flat memory; agents as tools."""

import threading
import tracemalloc
from functools import partial
from typing import Any

import anyio
import anyio.from_thread
import anyio.lowlevel
import pytest

from agentkit.event import RunEvent, ToolCallStarted
from agentkit.tools.concurrency.concurrency_limits import ConcurrencyLimits
from agentkit.tools.tool import Tool, tool
from tests.unit.tools.running import Listener, execute, ready

BIG = 200_000


class Crowd:
    """Counts how many run at the same time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.now = 0
        self.most = 0
        self.most_tasks = 0

    def __enter__(self) -> None:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self.now -= 1


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
async def test_a_thousand_calls_keep_a_limit_of_eight(is_async: bool) -> None:
    """Never more than eight at once, in order, and no more tasks than that."""
    crowd = Crowd()

    async def work(n: int) -> int:
        with crowd:
            crowd.most_tasks = max(crowd.most_tasks, len(anyio.get_running_tasks()))
            await anyio.lowlevel.checkpoint()
            return n

    def block(n: int) -> int:
        with crowd:
            return n

    made = tool(work if is_async else block)
    calls = [ready(made, f'{{"n": {n}}}', f"c{n}") for n in range(1000)]
    tasks = len(anyio.get_running_tasks())

    results = await execute(*calls, concurrency=8, within_seconds=60)

    assert [result.text for result in results] == [str(n) for n in range(1000)]
    assert crowd.most <= 8
    # Seven workers next to this task, and the watch.
    assert not is_async or (crowd.most, crowd.most_tasks - tasks) == (8, 8)


async def test_many_calls_need_only_the_memory_of_the_running_ones() -> None:
    """What a tool holds while it runs is held eight times, not two hundred times."""

    async def work() -> str:
        held = bytearray(BIG)
        await anyio.lowlevel.checkpoint()
        return f"{len(held)}"

    calls = [ready(work, id=f"c{n}") for n in range(200)]
    tracemalloc.start()
    try:
        await execute(*calls, concurrency=8, within_seconds=60)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 8 * BIG + 4_000_000


@pytest.mark.parametrize(
    ("options", "limits", "most"),
    [
        ({"max_concurrency": 2}, ConcurrencyLimits(), 2),
        ({"concurrency_group": "disk"}, ConcurrencyLimits(groups={"disk": 3}), 3),
        ({}, ConcurrencyLimits(process=4), 4),
        (
            {"max_concurrency": 3, "concurrency_group": "disk"},
            ConcurrencyLimits(groups={"disk": 2}, process=5),
            2,
        ),
    ],
    ids=["tool", "group", "process", "all"],
)
@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
async def test_limits_hold_over_runs(
    options: dict[str, Any], limits: ConcurrencyLimits, most: int, is_async: bool
) -> None:
    """Two turns of different runs share them."""
    crowd = Crowd()
    full = threading.Barrier(most)

    async def work() -> None:
        with crowd:
            await anyio.wait_all_tasks_blocked()

    def block() -> None:
        with crowd:
            # As many as may be are in here together.
            full.wait(5)

    made = tool(name="t", **options)(work if is_async else block)
    assert isinstance(made, Tool)
    turns = [[ready(made, id=f"{turn}-{n}") for n in range(6)] for turn in range(2)]

    async with anyio.create_task_group() as group:
        for calls in turns:
            group.start_soon(partial(execute, *calls, concurrency_limits=limits))

    assert crowd.most == most


async def test_the_limit_of_a_tool_holds_without_limits_of_the_agent() -> None:
    """Nothing has to be configured for it."""
    crowd = Crowd()

    @tool(max_concurrency=1)
    async def work() -> None:
        """Work."""
        with crowd:
            await anyio.lowlevel.checkpoint()

    await execute(*[ready(work, id=f"c{n}") for n in range(4)])

    assert crowd.most == 1


async def test_a_call_starts_when_it_has_its_permit() -> None:
    """No start is reported before, and its timeout begins then."""
    listener, limits, go_on = Listener(), ConcurrencyLimits(process=1), anyio.Event()

    @tool(timeout_seconds=60)
    async def first() -> None:
        """Wait."""
        await go_on.wait()

    @tool(timeout_seconds=0.05)
    async def second() -> str:
        """End at once."""
        return "done"

    calls = [ready(first), ready(second, id="c2")]

    def starts() -> list[str]:
        return [event.call.id for event in listener.events if isinstance(event, ToolCallStarted)]

    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:

            async def run() -> None:
                results = await execute(*calls, concurrency_limits=limits, emit=listener)
                assert results[1].text == "done"

            group.start_soon(run)
            await anyio.wait_all_tasks_blocked()
            await anyio.sleep(0.1)
            assert starts() == ["c1"]
            go_on.set()

    assert starts() == ["c1", "c2"]


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
async def test_a_tool_that_runs_tools_does_not_wait_for_itself(is_async: bool) -> None:
    """An agent as a tool holds the permit that its own tools need."""
    limits, crowd = ConcurrencyLimits(process=1, groups={"g": 1}), Crowd()

    @tool(concurrency_group="g", max_concurrency=1)
    async def leaf(n: int) -> int:
        """Be a tool of the inner agent."""
        with crowd:
            await anyio.lowlevel.checkpoint()
        return n

    async def inner() -> str:
        calls = [ready(leaf, f'{{"n": {n}}}', f"i{n}") for n in range(5)]
        return "".join(result.text for result in await execute(*calls, concurrency_limits=limits))

    def inner_in_thread() -> str:
        text: str = anyio.from_thread.run(inner)
        return text

    outer = tool(name="outer", concurrency_group="g")(inner if is_async else inner_in_thread)
    assert isinstance(outer, Tool)

    results = await execute(ready(outer), ready(outer, id="c2"), concurrency_limits=limits)

    assert [result.text for result in results] == ["01234", "01234"]
    assert crowd.most == 1


async def test_a_slow_listener_slows_the_calls() -> None:
    """Events are not queued without bound."""
    waiting: list[RunEvent] = []

    async def emit(event: RunEvent) -> None:
        waiting.append(event)
        await anyio.wait_all_tasks_blocked()
        assert len(waiting) <= 2
        waiting.remove(event)

    async def work() -> None: ...

    results = await execute(*[ready(work, id=f"c{n}") for n in range(10)], emit=emit, concurrency=2)

    assert len(results) == 10
