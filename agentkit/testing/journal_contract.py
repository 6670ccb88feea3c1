"""The contract of journals, as a check for every implementation.

In:  a function that opens the journal of one run, new or as an earlier life left it.
Out: nothing, or an `AssertionError` that says what is wrong.
"""

from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any

import anyio
from pydantic import TypeAdapter

from agentkit.agent.journal import HeldJournal, Journal
from agentkit.errors import JournalError
from agentkit.message import ToolResult

_VALUE = ToolResult(call_id="1", structured_content={"x": [1, None, "é\n\u2028"]})


class _Effects:
    """Counts what is done."""

    def __init__(self) -> None:
        self.done: list[str] = []

    async def act(self) -> ToolResult:
        self.done.append("act")
        return _VALUE

    async def fail(self) -> ToolResult:
        self.done.append("fail")
        raise ConnectionError("gone")

    async def unknown(self) -> ToolResult:
        self.done.append("unknown")
        return _VALUE


async def check_journal(reopen: Callable[[], Journal]) -> None:
    """Check that a journal remembers each effect once, by its key.

    Args:
        reopen: opens the journal of one run, the same at each call, as the next life of the run
            would. The run is new at the first call. A journal that holds something is released
            before the next call.

    Raises:
        AssertionError: the journal breaks its contract.
    """
    await _check_once(reopen)
    await _check_begun(reopen)
    await _check_repeatable(reopen)
    await _check_nested_and_parallel(reopen)
    await _check_cancellation(reopen)


async def _with(reopen: Callable[[], Journal], work: Callable[[Journal], Awaitable[Any]]) -> Any:
    journal = reopen()
    try:
        return await work(journal)
    finally:
        if isinstance(journal, HeldJournal):
            journal.release()


async def _check_once(reopen: Callable[[], Journal]) -> None:
    effects = _Effects()

    async def work(journal: Journal) -> ToolResult:
        return await journal.do("once", effects.act, codec=_codec, unknown=effects.unknown)

    values = [await _with(reopen, work) for _ in range(3)]
    _require(values == [_VALUE] * 3, f"A remembered value came back changed: {values}.")
    _require(effects.done == ["act"], f"An effect was done {effects.done} and not once.")


async def _check_begun(reopen: Callable[[], Journal]) -> None:
    """An effect with `unknown` that was begun and did not end is decided by it, once."""
    effects = _Effects()

    async def fail(journal: Journal) -> None:
        try:
            await journal.do("begun", effects.fail, codec=_codec, unknown=effects.unknown)
        except ConnectionError:
            return
        raise AssertionError("What an effect raises was not passed on.")

    async def work(journal: Journal) -> ToolResult:
        return await journal.do("begun", effects.act, codec=_codec, unknown=effects.unknown)

    await _with(reopen, fail)
    for _ in range(2):
        await _with(reopen, work)
    _require(
        effects.done == ["fail", "unknown"],
        f"An effect that was begun and did not end was followed by {effects.done[1:]}, not by "
        "'unknown' once.",
    )


async def _check_repeatable(reopen: Callable[[], Journal]) -> None:
    """An effect without `unknown` is simply run again."""
    effects = _Effects()

    async def fail(journal: Journal) -> None:
        try:
            await journal.do("repeatable", effects.fail, codec=_codec)
        except ConnectionError:
            return
        raise AssertionError("What an effect raises was not passed on.")

    async def work(journal: Journal) -> ToolResult:
        return await journal.do("repeatable", effects.act, codec=_codec)

    await _with(reopen, fail)
    for _ in range(2):
        await _with(reopen, work)
    _require(effects.done == ["fail", "act"], f"It was done {effects.done}, not once again.")


async def _check_nested_and_parallel(reopen: Callable[[], Journal]) -> None:
    """Effects nest and come side by side; a key that is in use is refused."""
    inner: list[str] = []

    async def work(journal: Journal) -> ToolResult:
        async def one(key: str) -> None:
            async def act() -> ToolResult:
                inner.append(key)
                await anyio.lowlevel.checkpoint()
                return _VALUE

            await journal.do(key, act, codec=_codec)

        async def outer() -> ToolResult:
            async with anyio.create_task_group() as group:
                for key in ("nested/a", "nested/b", "nested/c"):
                    group.start_soon(one, key)
            try:
                await journal.do("nested", outer, codec=_codec)
            except JournalError:
                return _VALUE
            raise AssertionError("A key that is in use was not refused.")

        return await journal.do("nested", outer, codec=_codec)

    for _ in range(2):
        _require(await _with(reopen, work) == _VALUE, "A nested effect lost its value.")
    _require(sorted(inner) == ["nested/a", "nested/b", "nested/c"], f"Nested effects: {inner}.")


async def _check_cancellation(reopen: Callable[[], Journal]) -> None:
    """An effect that has ended is recorded, also if its caller was cancelled meanwhile."""
    effects = _Effects()

    async def cancelled(journal: Journal) -> None:
        with anyio.CancelScope() as scope:

            async def act() -> ToolResult:
                scope.cancel()
                return await effects.act()

            await journal.do("cancelled", act, codec=_codec, unknown=effects.unknown)

    async def work(journal: Journal) -> ToolResult:
        return await journal.do("cancelled", effects.act, codec=_codec, unknown=effects.unknown)

    await _with(reopen, cancelled)
    _require(await _with(reopen, work) == _VALUE, "A value was lost to a cancellation.")
    _require(
        effects.done == ["act"],
        f"An effect ended, its caller was cancelled, and then it was done {effects.done}.",
    )


def _require(holds: object, otherwise: str) -> None:
    if not holds:
        raise AssertionError(otherwise)


@cache
def _codec() -> TypeAdapter[ToolResult]:
    return TypeAdapter(ToolResult)
