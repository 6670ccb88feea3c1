"""An agent over the sandbox uses MCP servers that are not ours, and their effects are checked.

A configuration file names five servers; each test starts them once.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from agentkit import Agent, ToolResult
from agentkit.content import ContentBlock, ResourceLink
from agentkit.event import RunEvent, ToolProgressed, ToolsetReported
from agentkit.mcp.client.mcp_toolset import MCPToolset
from agentkit.mcp.client.server_requests import ElicitationRequest, ElicitationResponse
from agentkit.tools.toolset import Toolset
from tests.integration.conftest import no_task_left, nothing_left
from tests.mcp import npm
from tests.mcp.raw import ran

__all__ = ["no_task_left", "nothing_left"]
pytestmark = pytest.mark.usefixtures("no_task_left")


def node_server(name: str, *arguments: str) -> dict[str, object]:
    """Return the entry of a server from npm."""
    try:
        command, *words = npm.command(f"@modelcontextprotocol/server-{name}")
    except npm.NoNpmError as error:
        if "CI" in os.environ:
            raise
        pytest.skip(str(error))
    return {"command": command, "args": [*words, *arguments]}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Return a file with five servers, next to an empty repository."""
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "config", "user.name", "Ada")
    git(tmp_path, "config", "user.email", "ada@example.org")
    memory = {"MEMORY_FILE_PATH": str(tmp_path / "memory.jsonl")}
    servers = {
        "everything": node_server("everything"),
        "filesystem": node_server("filesystem", str(tmp_path)),
        "memory": {**node_server("memory"), "env": memory},
        "git": {"command": sys.executable, "args": ["-m", "mcp_server_git"]},
        "time": {"command": sys.executable, "args": ["-m", "mcp_server_time"]},
    }
    path = tmp_path / "mcp.json"
    path.write_text(json.dumps({"mcpServers": servers}))
    return path


def git(folder: Path, *words: str) -> str:
    """Return the output of git."""
    done = subprocess.run(  # noqa: S603 - constant arguments
        ["git", "-C", str(folder), *words],  # noqa: S607
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


async def asked(toolset: Toolset, question: str) -> tuple[ToolResult, Sequence[RunEvent]]:
    """Return the result of the one call for a question, and the events of the run."""
    async with Agent("sandbox:mixtral-8x22b", tools=[toolset]).stream(question) as stream:
        events = [event async for event in stream]
    (result,) = (one for one in stream.result.history if isinstance(one, ToolResult))
    assert not result.is_error, result.text
    return result, events


def kinds(content: Sequence[ContentBlock]) -> list[str]:
    """Return what kinds of content there are, in order."""
    return [block.type for block in content]


async def test_tools_of_several_servers_work_in_one_run(
    config: Path,
) -> None:
    """By four servers of one file at once."""
    folder = config.parent
    toolset = MCPToolset.from_config(config, search_threshold=None)
    async with toolset.open():
        await asked(toolset, f'Write the file with path "{folder}/a.txt" and content "Buy milk".')
        await asked(toolset, f'Git add the files "a.txt" in repo path "{folder}".')
        await asked(toolset, f'Git commit with message "Add a note" in repo path "{folder}".')
        log, _ = await asked(toolset, f'Git log of the repo path "{folder}".')
        clock, _ = await asked(
            toolset,
            'Convert the time 16:30 from source timezone "Asia/Kolkata" '
            'to target timezone "Asia/Tokyo".',
        )
        entity = {"name": "Ada", "entityType": "person", "observations": ["writes programs"]}
        other = {**entity, "name": "Bob"}
        await ran(toolset, ("create_entities", {"entities": [entity, other]}))
        created = (folder / "memory.jsonl").read_text()
        await asked(toolset, 'Delete the entities with entity names "Bob".')

    assert (folder / "a.txt").read_text() == "Buy milk"
    assert git(folder, "log", "--format=%s", "--name-only").split("\n\n") == [
        "Add a note",
        "a.txt\n",
    ]
    assert git(folder, "log", "--format=%H").strip() in log.text
    assert "20:00:00+09:00" in clock.text
    assert '"Bob"' in created
    kept = [json.loads(line) for line in (folder / "memory.jsonl").read_text().splitlines()]
    assert kept == [{"type": "entity", **entity}]


async def test_all_kinds_of_results_arrive(config: Path) -> None:
    """Also progress, logs, elicitation, sampling, resources and prompts."""
    questions: list[ElicitationRequest] = []

    async def answer(question: ElicitationRequest) -> ElicitationResponse:
        questions.append(question)
        return ElicitationResponse(action="accept", content={"name": "Grace"})

    servers = MCPToolset.load_servers(config, on_elicitation=answer, on_sampling="run")
    toolset = servers["everything"]
    async with toolset.open():
        echo, _ = await asked(toolset, 'Echo the message "hello there".')
        total, _ = await asked(toolset, "Get the sum of 17 and 25.")
        weather, _ = await asked(toolset, "Get the structured content for the location Chicago.")
        noted, _ = await asked(toolset, 'Get the annotated message with message type "error".')
        image, _ = await asked(toolset, "Get the tiny image.")
        links, _ = await asked(toolset, "Get the resource links, count 4.")
        _, long = await asked(
            toolset, "Trigger the long running operation with duration 0.1 and steps 3."
        )
        _, logged = await asked(toolset, "Toggle the simulated logging.")
        sampled, _ = await asked(
            toolset, 'Trigger a sampling request with the prompt "A fox?" and max tokens 20.'
        )
        filled, _ = await asked(toolset, "Trigger an elicitation request.")
        resources = await toolset.list_resources()
        (read,) = await toolset.read_resource(resources[0].uri)
        prompts = [prompt.name for prompt in await toolset.list_prompts()]
        (message,) = await toolset.prompt("args-prompt", city="Paris")

    assert echo.text == "Echo: hello there"
    assert "is 42" in total.text
    assert isinstance(weather.structured_content, dict)
    assert set(weather.structured_content) == {"temperature", "conditions", "humidity"}
    assert noted.content[0].annotations == {"audience": ["user", "assistant"], "priority": 1.0}  # type: ignore[union-attr]
    assert kinds(image.content) == ["text", "image", "text"]
    assert kinds(links.content) == ["text", *["resource_link"] * 4]
    assert all(
        link.uri.startswith("demo:") for link in links.content[1:] if isinstance(link, ResourceLink)
    )
    progress = [one for one in long if isinstance(one, ToolProgressed)]
    assert [(one.progress, one.total) for one in progress] == [(1, 3), (2, 3), (3, 3)]
    assert any(isinstance(one, ToolsetReported) for one in logged)
    assert '"model": "sandbox:mixtral-8x22b"' in sampled.text
    assert "Name: Grace" in filled.text
    assert [question.server for question in questions] == ["everything"]
    assert read.text
    assert "args-prompt" in prompts
    assert "Paris" in message.text
