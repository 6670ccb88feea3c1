"""MCP servers that send more than anyone can use."""

import resource
import time

import pytest

from agentkit.history import History
from agentkit.mcp.client.stdio_process import MAX_INVALID_LINES
from agentkit.tools.tool_search import SEARCH_THRESHOLD
from tests.integration.conftest import no_task_left, nothing_left
from tests.mcp.raw import ran, raw, seen

__all__ = ["no_task_left", "nothing_left"]
pytestmark = pytest.mark.usefixtures("no_task_left")


def memory_bytes() -> int:
    """Return the most memory that this process ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1_024


async def test_of_five_thousand_tools_a_run_is_offered_the_needed_ones() -> None:
    """They are listed in reasonable time, and only once."""
    toolset = raw("many=5000")
    async with toolset.open():
        started = time.process_time()
        assert len(await toolset.list_tools(History())) > 5_000
        seconds = time.process_time() - started
        done = await ran(
            toolset, ("find_tools", {"query": "parcel 4998"}), ("parcel_4998", {"order_4998": "7"})
        )

    assert seconds < 5
    assert len(done.offered[0]) < SEARCH_THRESHOLD
    assert "parcel_4998" in done.offered[1]
    assert done.results[1].text == '{"order_4998": "7"}'


async def test_a_list_without_end_is_given_up() -> None:
    """The run continues without these tools."""
    done = await ran(raw("endless"))

    assert "the list has no end" in done.reports
    assert done.offered == (frozenset(),)


async def test_a_result_that_is_too_long_is_an_error_and_fills_no_memory() -> None:
    """The connection stays open."""
    before = memory_bytes()
    done = await ran(raw(), ("big", {"bytes": 50_000_000}), ("echo", {"a": 1}))

    assert done.results[0].is_error
    assert "exceeds 16 MB" in done.results[0].text
    assert done.results[1].text == '{"a": 1}'
    assert memory_bytes() - before < 80_000_000


async def test_a_long_result_arrives() -> None:
    """Ten megabytes are within the limit."""
    done = await ran(raw(), ("big", {"bytes": 10_000_000}))

    assert not done.results[0].is_error
    assert done.results[0].text.startswith("xxx")


async def test_many_change_notifications_list_the_tools_once_a_turn() -> None:
    """However many the server sends."""
    done = await ran(raw(), ("storm", {"times": 10_000}), ("seen", {}))

    assert done.results[0].text == "calm again"
    assert seen(done.results[1])["lists"] <= 2


async def test_a_flood_of_log_messages_is_cut_and_reported() -> None:
    """A call neither waits for its listeners nor fills the memory."""
    done = await ran(raw(), ("flood", {"times": 10_000}))

    assert done.results[0].text == "calm again"
    assert "line 0" in done.reports
    assert len(done.events) < 10_100


async def test_a_flood_on_the_error_output_does_not_block() -> None:
    """A pipe that is not read would."""
    done = await ran(raw(), ("stderr", {"megabytes": 100}))

    assert done.results[0].text == "calm again"


async def test_endless_invalid_output_ends_the_connection() -> None:
    """After a number of lines, not after a time."""
    done = await ran(raw("garbage", required=False))

    assert f"{MAX_INVALID_LINES} lines that are not messages" in done.reports
