"""Runs of an agent with `raw_server.py`.

In:  the server's quirks, and the calls that a scripted model makes.
Out: the results of the calls, the events of the run.
"""

import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Unpack

import anyio

from agentkit import Agent, ToolResult
from agentkit.event import RunEvent, ToolsetReported
from agentkit.mcp.client.client_settings import MCPOptions
from agentkit.mcp.client.mcp_toolset import MCPToolset
from agentkit.mcp.client.server_connection import RestartSettings
from agentkit.message import AssistantMessage, ToolCall
from agentkit.testing import ScriptedModel
from agentkit.tools.toolset import Toolset

SERVER = Path(__file__).with_name("raw_server.py")
QUICK = RestartSettings(start_seconds=5, restarts=2, first_delay_seconds=0.02)


def raw(*quirks: str, **options: Unpack[MCPOptions]) -> MCPToolset:
    """Return the toolset of a raw server with these quirks."""
    given: MCPOptions = {"restart": QUICK, **options}
    # Isolated and without `site`, Python starts in half the time.
    return MCPToolset.stdio(sys.executable, "-I", "-S", str(SERVER), *quirks, name="raw", **given)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """A run with one call in each turn."""

    results: tuple[ToolResult, ...]
    events: tuple[RunEvent, ...]
    offered: tuple[frozenset[str], ...]

    @property
    def reports(self) -> str:
        """Return what the toolset reported, a line each."""
        return "\n".join(one.message for one in self.events if isinstance(one, ToolsetReported))


def script(*calls: tuple[str, Any]) -> ScriptedModel:
    """Return a model that makes these calls, one in each turn, and then answers."""
    answers = [
        AssistantMessage(
            tool_calls=[ToolCall(id=f"call{at:05}", name=name, arguments=json.dumps(arguments))]
        )
        for at, (name, arguments) in enumerate(calls)
    ]
    return ScriptedModel(*answers, "done")


async def ran(toolset: Toolset, *calls: tuple[str, Any]) -> Ran:
    """Run an agent that makes these calls."""
    model = script(*calls)
    async with Agent(model, tools=[toolset]).stream("Please.") as stream:
        events = [event async for event in stream]
    assert stream.result.text == "done"
    results = [one for one in stream.result.history if isinstance(one, ToolResult)]
    offered = [frozenset(tool.name for tool in one.tools) for one in model.requests]
    return Ran(results=tuple(results), events=tuple(events), offered=tuple(offered))


def seen(result: ToolResult) -> dict[str, Any]:
    """Return the server's own counters."""
    read: dict[str, Any] = json.loads(result.text)
    return read


async def noted(notes: Path, word: str, times: int = 1) -> None:
    """Wait until the server has noted a word."""
    with anyio.fail_after(60):
        while not _is_noted(notes, word, times):  # noqa: ASYNC110  # another process writes it
            await anyio.sleep(0.005)


def _is_noted(notes: Path, word: str, times: int) -> bool:
    return notes.exists() and notes.read_text().split().count(word) >= times


def is_alive(process: int) -> bool:
    """Return whether a process is there; one that is about to end has a short time to do so."""
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline:
        try:
            os.kill(process, 0)
            state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return False
        if state == "Z":  # its new parent has not looked yet
            return False
        time.sleep(0.01)
    return True
