"""Coroutines of every form can be stopped, and run if they are not."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial, wraps
from types import coroutine
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from agentkit.clock import SystemClock
from agentkit.event import ignore
from agentkit.tools.tool_run import CallOptions, ToolRun
from tests.unit.tools.running import ready


async def counts() -> int:
    """Only count."""
    return sum(range(3))


async def holds_a_waiting_one() -> Callable[[], Any]:
    """Make a function that waits, and not wait for it."""

    async def inner() -> None:
        await counts()

    return inner


class Counter:
    """Has methods of both kinds."""

    async def count(self) -> int:
        """Only count."""
        return 1

    async def wait(self) -> int:
        """Wait for the other."""
        return await self.count()

    async def __call__(self) -> int:
        """Only count."""
        return 1


async def awaits() -> int:
    """Wait once."""
    return await counts()


async def _numbers() -> AsyncIterator[int]:
    yield 1


@asynccontextmanager
async def _context() -> AsyncIterator[None]:
    yield


async def loops() -> None:
    """Wait for the next."""
    async for _ in _numbers():
        pass


async def lists() -> list[int]:
    """Wait inside a comprehension."""
    return [number async for number in _numbers()]


async def enters() -> None:
    """Wait on entry."""
    async with _context():
        pass


@coroutine
def from_generator() -> Any:
    """Wait in the old way."""
    yield from anyio.lowlevel.checkpoint().__await__()


@wraps(counts)
def returns_a_coroutine() -> Any:
    """Look like one that counts, and give one that waits."""
    return awaits()


@wraps(counts)
async def wrapper() -> int:
    """Wait for what it wraps."""
    return await awaits()


def _tool_run() -> ToolRun:
    """Return the run of a call, whose coroutine is given later."""
    return ToolRun(ready(counts), CallOptions(deps=None, emit=ignore, clock=SystemClock()))


@pytest.mark.parametrize(
    ("function", "result"),
    [
        (counts, 3),
        (Counter().count, 1),
        (Counter().wait, 1),
        (Counter(), 1),
        (awaits, 3),
        (loops, None),
        (lists, [1]),
        (enters, None),
        (wrapper, 3),
        (returns_a_coroutine, 3),
        (from_generator, None),
        (partial(counts), 3),
    ],
    ids=lambda value: getattr(value, "__qualname__", type(value).__name__),
)
async def test_a_coroutine_of_any_form_runs_to_its_end(
    function: Callable[[], Any], result: object
) -> None:
    """Whether it waits once, often or never."""
    tool_run = _tool_run()

    assert await tool_run.within(60, function()) == result
    assert tool_run.stopped_by is None


@pytest.mark.parametrize("function", [awaits, holds_a_waiting_one, Counter().count])
async def test_a_coroutine_that_never_suspends_ends_although_its_caller_is_cancelled(
    function: Callable[[], Any],
) -> None:
    """Only a wait can be cancelled."""
    tool_run = _tool_run()
    with anyio.CancelScope() as scope:
        scope.cancel()
        result = await tool_run.within(60, function())

    assert result is not None
    assert tool_run.stopped_by is None
