"""However a run with an MCP server is left, nothing is left behind and nothing odd is raised."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import anyio
import pytest

from agentkit import Agent
from agentkit.event import ToolCallStarted
from tests.integration.conftest import no_task_left, nothing_left
from tests.mcp.raw import SERVER, ran, raw, script, seen

__all__ = ["no_task_left", "nothing_left"]


class OddError(Exception):
    """Raised by the body of a test."""


@pytest.mark.usefixtures("no_task_left")
async def test_a_stream_is_left_early() -> None:
    """During a call."""
    async with Agent(script(("hang", {})), tools=[raw()]).stream("hi") as stream:
        async for event in stream:
            if isinstance(event, ToolCallStarted):
                break

    assert stream.history.messages[-1].text.startswith("The call of 'hang' was stopped")


@pytest.mark.usefixtures("no_task_left")
async def test_an_exception_of_the_body_is_raised_unchanged() -> None:
    """Not in a group, from the stream, the agent and the toolset."""
    toolset = raw()
    agent = Agent(script(("hang", {})), tools=[toolset])
    with pytest.raises(OddError):
        async with toolset.open(), agent, agent.stream("hi") as stream:
            async for event in stream:
                if isinstance(event, ToolCallStarted):
                    raise OddError


@pytest.mark.usefixtures("no_task_left")
@pytest.mark.parametrize("seconds", [0, 0.01, 0.03, 0.05, 0.08, 0.12, 0.2])
async def test_a_run_can_be_cancelled_at_any_moment(seconds: float) -> None:
    """While the server starts, lists tools, or works."""
    with anyio.move_on_after(seconds):
        await Agent(script(("echo", {}), ("hang", {})), tools=[raw()]).run("hi")


@pytest.mark.usefixtures("no_task_left")
async def test_fifty_runs_share_an_agent_that_is_kept_open() -> None:
    """And one server process; some are cancelled meanwhile."""
    toolset = raw()
    pids: set[int] = set()

    async def run(at: int) -> None:
        if at % 5 == 0:
            with anyio.move_on_after(0.005):
                await ran(toolset, ("hang", {}))
            return
        pids.add(seen((await ran(toolset, ("seen", {}))).results[0])["pid"])

    async with Agent(script(), tools=[toolset]), anyio.create_task_group() as group:
        for at in range(50):
            group.start_soon(run, at)

    assert len(pids) == 1


@pytest.mark.usefixtures("no_task_left")
async def test_a_toolset_is_opened_in_one_task_and_used_from_others() -> None:
    """By two agents at once."""
    toolset = raw()
    opened, used = anyio.Event(), anyio.Event()

    async def hold() -> None:
        async with toolset.open():
            opened.set()
            await used.wait()

    async def use() -> None:
        done = await ran(toolset, ("seen", {}))
        assert not done.results[0].is_error

    async with anyio.create_task_group() as group:
        group.start_soon(hold)
        await opened.wait()
        async with anyio.create_task_group() as users:
            users.start_soon(use)
            users.start_soon(use)
        used.set()


def test_ctrl_c_ends_a_command_line_and_its_server_at_once(tmp_path: Path) -> None:
    """During a call."""
    notes = tmp_path / "notes"
    server = f"{sys.executable} -I -S {SERVER} notes={notes}"
    words = ["run", "Do hang.", "--mcp", server, "--model", "sandbox:mixtral-8x22b"]
    process = subprocess.Popen(  # noqa: S603 - constant arguments
        [sys.executable, "-m", "agentkit", *words],
        env={**os.environ, "HOME": str(tmp_path)},
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with process:
        assert process.stderr is not None
        for line in process.stderr:
            if "→ hang(" in line:
                break
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)

    assert process.returncode == 130
    assert "Traceback" not in err
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)  # noqa: S607
    assert str(notes) not in listed.stdout
