"""Limits beyond one turn: of a tool, of a group, of the process."""

from dataclasses import replace

import anyio
import pytest

from agentkit.tools.concurrency.concurrency_limits import UNLIMITED, ConcurrencyLimits
from agentkit.tools.tool import Tool, tool


@tool(max_concurrency=1)
def narrow() -> None:
    """Run alone."""


@tool(concurrency_group="disk")
def read() -> None:
    """Read."""


@tool(concurrency_group="disk")
def write() -> None:
    """Write."""


@tool(concurrency_group="net")
def fetch() -> None:
    """Fetch."""


@tool
def think() -> None:
    """Think."""


async def is_free(limits: ConcurrencyLimits, made: Tool) -> bool:
    """Return whether a tool may run now."""
    with anyio.move_on_after(0):
        (await limits.acquire(made)).release()
        return True
    return False


async def test_without_limits_no_call_waits() -> None:
    """Nor in a group that has no limit."""
    limits = ConcurrencyLimits()

    for made in (read, fetch, think):
        held = [await limits.acquire(made) for _ in range(3)]
        assert await is_free(limits, made)
        for one in held:
            one.release()


async def test_a_renamed_tool_shares_the_limit_of_its_function() -> None:
    """It is the same function."""
    limits = ConcurrencyLimits()
    held = await limits.acquire(narrow)

    assert not await is_free(limits, narrow)
    assert not await is_free(limits, replace(narrow, name="other"))
    assert await is_free(limits, think)
    assert await is_free(ConcurrencyLimits(), narrow)
    held.release()
    assert await is_free(limits, narrow)


async def test_tools_of_a_group_share_its_limit() -> None:
    """Tools of other groups do not."""
    limits = ConcurrencyLimits(groups={"disk": 2, "net": 1})
    held = [await limits.acquire(read), await limits.acquire(write)]

    assert not await is_free(limits, read)
    assert not await is_free(limits, write)
    assert await is_free(limits, fetch)
    assert await is_free(limits, think)
    held[1].release()
    assert await is_free(limits, read)
    held[0].release()


async def test_all_tools_share_the_limit_of_the_process() -> None:
    """Whatever their groups."""
    limits = ConcurrencyLimits(process=2, groups={"disk": 1})
    held = [await limits.acquire(read), await limits.acquire(think)]

    assert not await is_free(limits, fetch)
    held[1].release()
    assert await is_free(limits, fetch)
    assert not await is_free(limits, write)
    held[0].release()


async def test_a_permit_is_released_by_its_last_holder() -> None:
    """A thread that goes on keeps it."""
    limits = ConcurrencyLimits(process=1)
    held = await limits.acquire(think)
    held.retain()

    held.release()
    assert not await is_free(limits, think)
    held.release()
    assert await is_free(limits, think)


async def test_the_limits_of_unused_tools_are_freed() -> None:
    """Tools come and go with the servers that offer them."""
    limits = ConcurrencyLimits()
    held = await limits.acquire(narrow)
    assert not await is_free(limits, narrow)
    held.release()

    assert limits.tools_in_use == 0


def test_a_call_without_a_limit_releases_nothing() -> None:
    """There is no permit."""
    UNLIMITED.retain()
    UNLIMITED.release()
    UNLIMITED.release()

    assert UNLIMITED.permit is None


@pytest.mark.parametrize("limits", [{"process": 0}, {"groups": {"disk": -1}}])
def test_a_limit_below_one_is_refused(limits: dict[str, int | dict[str, int]]) -> None:
    """No call could ever run."""
    with pytest.raises(ValueError, match="must be 1 or more"):
        ConcurrencyLimits(**limits)  # type: ignore[arg-type] # either kind of limit
