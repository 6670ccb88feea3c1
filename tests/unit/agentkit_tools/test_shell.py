"""The tool `shell` runs commands in isolation and returns how they ended."""

from pathlib import Path

import anyio
import pytest

from agentkit import Agent, ConfigError, RunContext, ToolError
from agentkit.event import ToolProgressed
from agentkit.testing import ScriptedModel, tool_call
from agentkit_tools.isolation import CommandLimits
from agentkit_tools.shell import CommandResult, shell
from tests.tool_results import structured


async def test_a_command_is_run_and_its_output_is_progress(tmp_path: Path) -> None:
    """The result is structured; the rest of a long output can be read."""
    run, read = shell(tmp_path, allow_write=True, approval="allow")
    command = "echo first; sleep 1; seq 9000; exit 3"
    model = ScriptedModel(tool_call("shell", command=command), "Done.")

    async with Agent(model, tools=[run, read]).stream("Go.") as events:
        seen = [event async for event in events]
        result = events.result

    ended = structured(result.history[2])
    progress = [event.message for event in seen if isinstance(event, ToolProgressed)]
    assert progress[0] == "first\n"
    assert ended["exit_code"] == 3
    assert ended["killed"] is None
    assert ended["output"].startswith("first\n1\n2\n")
    assert ended["output"].endswith("9000\n")
    hidden = int(ended["note"].partition("first_line=")[2].removesuffix(")."))
    assert read(ended["output_id"], hidden).startswith(f"{hidden - 1}\n")


def run_with(limits: CommandLimits, folder: Path, command: str) -> CommandResult:
    """Run a command with limits."""
    run, _ = shell(folder, limits=limits)

    async def call() -> CommandResult:
        result: CommandResult = await run(RunContext(deps=None), command)
        return result

    return anyio.run(call)


def test_a_killed_command_says_why(tmp_path: Path) -> None:
    """With what it printed until then."""
    result = run_with(CommandLimits(seconds=1.5), tmp_path, "echo begun; sleep 30")

    assert result.exit_code is None
    assert result.killed == "timeout"
    assert result.output == "begun\n"
    assert result.note == "It ran longer than 1.5 s and was killed."
    printing = run_with(CommandLimits(output_bytes=50_000), tmp_path, "yes")
    assert printing.killed == "output"
    assert printing.note is not None
    assert printing.note.startswith("It printed more than 50,000 bytes and was killed.")


def test_commands_with_effects_need_approval(tmp_path: Path) -> None:
    """A command in a folder that it cannot change has none."""
    reading, more = shell(tmp_path)
    writing, _ = shell(tmp_path, allow_write=True)
    connected, _ = shell(tmp_path, network=True)

    assert reading.approval == "allow"
    assert not reading.annotations.destructive_hint
    assert not reading.annotations.open_world_hint
    assert writing.approval == "ask"
    assert writing.annotations.destructive_hint
    assert connected.approval == "ask"
    assert connected.annotations.open_world_hint
    assert more.annotations.read_only_hint
    assert "there is no network" in writing.description
    assert "can be read, not changed" in reading.description


def test_a_command_with_a_zero_is_refused(tmp_path: Path) -> None:
    """No program can get it."""
    with pytest.raises(ToolError, match="zero character"):
        run_with(CommandLimits(), tmp_path, "echo \0")


def test_a_folder_must_exist(tmp_path: Path) -> None:
    """Before a model is called."""
    with pytest.raises(ConfigError, match="not a folder"):
        shell(tmp_path / "none")
