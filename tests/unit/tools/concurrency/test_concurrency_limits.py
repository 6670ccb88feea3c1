"""Limits beyond one turn: of a tool, of a group, of the process."""

from dataclasses import replace

import anyio
import pytest

from agentkit.tools.concurrency.concurrency_limits import FREE, ConcurrencyLimits
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


async def is_free(caps: ConcurrencyLimits, made: Tool) -> bool:
    """Say whether a tool may run now."""
    with anyio.move_on_after(0):
        (await caps.enter(made)).leave()
        return True
    return False


async def test_without_limits_nobody_waits() -> None:
    """A group that has no limit here has none."""
    caps = ConcurrencyLimits()

    for made in (read, fetch, think):
        held = [await caps.enter(made) for _ in range(3)]
        for one in held:
            one.leave()


async def test_a_tool_has_its_own_limit_in_all_its_forms() -> None:
    """Renamed, it is the same function."""
    caps = ConcurrencyLimits()
    held = await caps.enter(narrow)

    assert not await is_free(caps, narrow)
    assert not await is_free(caps, replace(narrow, name="other"))
    assert await is_free(caps, think)
    assert await is_free(ConcurrencyLimits(), narrow)
    held.leave()
    assert await is_free(caps, narrow)


async def test_tools_of_a_group_share_its_limit() -> None:
    """And no others."""
    caps = ConcurrencyLimits(groups={"disk": 2, "net": 1})
    held = [await caps.enter(read), await caps.enter(write)]

    assert not await is_free(caps, read)
    assert not await is_free(caps, write)
    assert await is_free(caps, fetch)
    assert await is_free(caps, think)
    held[1].leave()
    assert await is_free(caps, read)
    held[0].leave()


async def test_all_share_the_limit_of_the_process() -> None:
    """Whichever tools they are."""
    caps = ConcurrencyLimits(process=2, groups={"disk": 1})
    held = [await caps.enter(read), await caps.enter(think)]

    assert not await is_free(caps, fetch)
    held[1].leave()
    assert await is_free(caps, fetch)
    assert not await is_free(caps, write)
    held[0].leave()


async def test_a_place_is_given_back_by_its_last_keeper() -> None:
    """A thread that goes on keeps it."""
    caps = ConcurrencyLimits(process=1)
    held = await caps.enter(think)
    held.keep()

    held.leave()
    assert not await is_free(caps, think)
    held.leave()
    assert await is_free(caps, think)


async def test_nothing_is_kept_of_tools_that_are_not_in_use() -> None:
    """Tools come and go with the servers that offer them."""
    caps = ConcurrencyLimits()
    held = await caps.enter(narrow)
    assert not await is_free(caps, narrow)
    held.leave()

    assert caps.tools_in_use == 0


def test_no_place_is_easily_left() -> None:
    """Where there is no limit there is nothing to give back."""
    FREE.keep()
    FREE.leave()
    FREE.leave()

    assert FREE.place is None


@pytest.mark.parametrize("limits", [{"process": 0}, {"groups": {"disk": -1}}])
def test_a_limit_below_one_is_refused(limits: dict[str, int | dict[str, int]]) -> None:
    """Nothing could ever run."""
    with pytest.raises(ValueError, match="must be 1 or more"):
        ConcurrencyLimits(**limits)  # type: ignore[arg-type] # either kind of limit
