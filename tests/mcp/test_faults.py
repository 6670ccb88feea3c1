"""MCP servers that die, hang or speak nonsense cost their own tools and nothing else."""

from pathlib import Path

import anyio
import pytest

from agentkit import Agent
from agentkit.errors import ToolsetError
from agentkit.event import ToolCallStarted
from agentkit.mcp.client.mcp_toolset import MCPToolset
from agentkit.mcp.client.server_connection import RestartSettings
from tests.integration.conftest import no_task_left, nothing_left
from tests.mcp.raw import is_alive, noted, ran, raw, script, seen

__all__ = ["no_task_left", "nothing_left"]
pytestmark = pytest.mark.usefixtures("no_task_left")

SHORT = RestartSettings(start_seconds=0.3, restarts=0, first_delay_seconds=0.01)


async def test_a_server_killed_during_a_call_is_restarted() -> None:
    """The call returns an error that its effect is unknown; a later call works."""
    toolset = raw()
    async with toolset.open():
        first = await ran(toolset, ("seen", {}), ("die", {}))
        later = await ran(toolset, ("seen", {}))
        reports = first.reports + later.reports
        with anyio.fail_after(60):
            while "my last words" not in reports:  # they come from another process
                reports += (await ran(toolset, ("seen", {}))).reports

    killed = first.results[1]
    assert killed.is_error
    assert "was lost during this call" in killed.text
    assert seen(later.results[0])["pid"] != seen(first.results[0])["pid"]


async def test_a_server_that_dies_during_a_line_is_restarted() -> None:
    """Half a message is ignored."""
    done = await ran(raw(), ("half", {}), ("echo", {"a": 1}))

    assert "was lost" in done.results[0].text
    assert done.results[1].text == '{"a": 1}'


async def test_a_server_that_dies_each_time_is_given_up() -> None:
    """After its restarts, its tools are not offered, and the run continues."""
    done = await ran(raw(), *[("die", {})] * 5)

    texts = [one.text for one in done.results]
    assert all("was lost" in text for text in texts[:3])
    assert all(one.is_error for one in done.results)
    assert done.offered[0] > {"die", "echo"}
    assert done.offered[-1] == frozenset()
    assert "Its tools are not available" in done.reports


async def test_a_server_that_exits_at_once_is_reported_with_its_last_output() -> None:
    """A run that requires it fails; otherwise the run continues."""
    with pytest.raises(ToolsetError, match="cannot find my database"):
        await Agent(script(), tools=[raw("exits")]).run("hi")

    done = await ran(raw("exits", required=False))

    assert "cannot find my database" in done.reports
    assert done.offered == (frozenset(),)


async def test_a_program_that_does_not_exist_fails_the_run() -> None:
    """It is a configuration error."""
    toolset = MCPToolset.stdio("/nowhere/server", name="lost")

    with pytest.raises(ToolsetError, match="'/nowhere/server' cannot be started"):
        await Agent(script(), tools=[toolset]).run("hi")


@pytest.mark.parametrize("quirk", ["silent", "garbage"])
async def test_a_server_that_never_completes_the_handshake_is_given_up(quirk: str) -> None:
    """In time, and the run continues without it."""
    with anyio.fail_after(60):
        done = await ran(raw(quirk, restart=SHORT, required=False))

    assert "Its tools are not available" in done.reports
    assert done.offered == (frozenset(),)


@pytest.mark.parametrize("quirk", ["discover=dies", "discover=silent"])
async def test_a_server_that_fails_with_the_newer_protocol_is_asked_in_the_earlier(
    quirk: str,
) -> None:
    """No one has to say so."""
    done = await ran(raw(quirk, restart=RestartSettings(start_seconds=0.5)), ("echo", {"a": 1}))

    assert done.results[0].text == '{"a": 1}'


async def test_lines_that_are_not_messages_are_skipped_and_reported() -> None:
    """Many servers print to standard output."""
    done = await ran(raw("noisy"), ("echo", {"a": 1}))

    assert done.results[0].text == '{"a": 1}'
    assert "not a message: Debug: a line came" in done.reports


async def test_a_call_that_never_returns_times_out_and_is_cancelled_at_the_server() -> None:
    """The next call works."""
    done = await ran(raw(call_timeout_seconds=1.5), ("hang", {}), ("seen", {}))

    assert done.results[0].is_error
    assert "1.5" in done.results[0].text
    assert seen(done.results[1])["cancelled"] == 1


async def test_leaving_a_run_cancels_its_call_at_the_server(
    tmp_path: Path,
) -> None:
    """So that it does not continue to work for no one."""
    notes = tmp_path / "notes"
    toolset = raw(f"notes={notes}")
    async with toolset.open():
        async with Agent(script(("hang", {})), tools=[toolset]).stream("hi") as stream:
            async for event in stream:
                if isinstance(event, ToolCallStarted):
                    await noted(notes, "hanging")
                    break
        await noted(notes, "cancelled")
        later = await ran(toolset, ("seen", {}))

    assert seen(later.results[0])["cancelled"] == 1


async def test_results_that_violate_the_protocol_are_read_as_far_as_possible() -> None:
    """The tool has run; its result is not thrown away."""
    text = {"type": "text", "text": "a"}
    wrong: list[object] = [
        {"content": [{"type": "hologram", "data": "a"}]},
        {"content": "not a list"},
        {"content": [{"type": "image", "data": 5, "mimeType": "image/png"}]},
        {"content": [text], "isError": {}},
        {},
    ]
    calls = [("give", {"result": one}) for one in wrong]

    done = await ran(raw(), *calls, ("give", {"result": {"content": [text]}}))

    assert [one.text for one in done.results] == [
        "[A content block of type 'hologram' could not be read.]",
        "not a list",
        "[A content block of type 'image' could not be read.]",
        "a",
        "",
        "a",
    ]
    assert not any(one.is_error for one in done.results)
    assert "violates the protocol: content.0" in done.reports


async def test_structured_content_that_violates_its_schema_is_an_error() -> None:
    """Readers may rely on the schema."""
    results: list[object] = [
        {"content": [], "structuredContent": value} for value in ({"n": "one"}, {"n": 1})
    ]

    done = await ran(
        raw("broken_output"),
        *[("give", {"result": one}) for one in results],
    )

    assert done.results[0].is_error
    assert not done.results[1].is_error
    assert done.results[1].structured_content == {"n": 1}


async def test_unusable_schemas_cost_their_own_tools_only() -> None:
    """A reference to the network is not fetched, and nothing hangs."""
    with anyio.fail_after(60):
        done = await ran(
            raw("schemas"),
            ("slow", {"text": "a" * 5_000 + "!"}),
            ("recursive", {"inner": {"inner": {}}}),
        )

    assert {"slow", "recursive", "echo"} <= done.offered[0]
    assert not {"fetched", "deep", "circular"} & done.offered[0]
    assert done.results[0].is_error
    assert done.results[1].text == '{"inner": {"inner": {}}}'
    for name in ("fetched", "deep", "circular"):
        assert f"'{name}'" in done.reports


async def test_a_list_that_cannot_be_read_costs_this_server_only() -> None:
    """At once, with the reason."""
    with anyio.fail_after(60):
        done = await ran(raw("bottomless"))

    assert "Its tools cannot be listed" in done.reports
    assert done.offered == (frozenset(),)


async def test_a_tool_without_a_schema_is_offered_without_parameters() -> None:
    """It costs nothing else, and is reported."""
    done = await ran(raw("null_schema"))

    assert {"null", "echo"} <= done.offered[0]
    assert "Its tool 'null' has no input schema" in done.reports


@pytest.mark.parametrize("quirk", ["stubborn", "polite"])
async def test_no_process_of_a_server_outlives_it(quirk: str) -> None:
    """Neither itself nor its children, even if they ignore signals."""
    done = await ran(raw(quirk), ("child", {}), ("seen", {}))

    assert not is_alive(int(done.results[0].text))
    assert not is_alive(seen(done.results[1])["pid"])
