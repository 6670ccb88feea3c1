"""Which coroutine functions have nothing to await."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial, wraps
from types import coroutine
from typing import Any

import pytest

from agentkit.tools.concurrency.graceful_cancel import has_no_await


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
    yield


@wraps(counts)
def returns_a_coroutine() -> Any:
    """Look like one that counts, and give one that waits."""
    return awaits()


@wraps(counts)
async def wrapper() -> int:
    """Wait for what it wraps."""
    return await awaits()


@pytest.mark.parametrize("function", [counts, holds_a_waiting_one, Counter().count])
def test_a_coroutine_function_without_an_await_never_suspends(
    function: Callable[..., object],
) -> None:
    """Such a call ends in one step."""
    assert has_no_await(function)


@pytest.mark.parametrize(
    "function",
    [
        awaits,
        loops,
        lists,
        enters,
        wrapper,
        returns_a_coroutine,
        from_generator,
        Counter().wait,
        Counter(),
        partial(counts),
        len,
        Counter,
    ],
    ids=lambda function: getattr(function, "__qualname__", type(function).__name__),
)
def test_a_function_that_may_suspend_is_recognised(function: Callable[..., object]) -> None:
    """Also one whose code is not known, or that only looks as if it had no await."""
    assert not has_no_await(function)
