"""The tool lists of ten servers that are not ours: each tool is offered, or the reason reported."""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from agentkit.history import History
from agentkit.mcp import MCPToolset
from tests.mcp import npm

LIMIT_SECONDS = 120
SERVERS: dict[str, Sequence[str]] = {
    "everything": ["@modelcontextprotocol/server-everything"],
    "filesystem": ["@modelcontextprotocol/server-filesystem", "."],
    "memory": ["@modelcontextprotocol/server-memory"],
    "sequential-thinking": ["@modelcontextprotocol/server-sequential-thinking"],
    "notion": ["@notionhq/notion-mcp-server"],
    "playwright": ["@playwright/mcp", "--headless"],
    "context7": ["@upstash/context7-mcp"],
    "chrome-devtools": ["chrome-devtools-mcp", "--headless", "--no-usage-statistics"],
    "git": [sys.executable, "-m", "mcp_server_git"],
    "time": [sys.executable, "-m", "mcp_server_time"],
}
RECORDED = '"$@" | tee "$0"'
"""A command of the shell: the server, whose output is also written to a file."""


def command(name: str) -> list[str]:
    """Return the command of a server; without npm, only CI must have it."""
    package, *words = SERVERS[name]
    if package == sys.executable:
        return [package, *words]
    try:
        return [*npm.command(package), *words]
    except npm.NoNpmError as error:
        if "CI" in os.environ:
            raise
        pytest.skip(str(error))


def environment(folder: Path) -> dict[str, str]:
    """Return the variables of a server: nothing of the user's, and no key."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "MEMORY_FILE_PATH": str(folder / "memory.jsonl"),
        "NOTION_TOKEN": "none",
    }


def raw_tools(output: Path) -> list[dict[str, Any]]:
    """Return what a server listed, read from its output without the client."""
    messages = map(json.loads, output.read_text(encoding="utf-8").splitlines())
    results = [message.get("result", {}) for message in messages]
    pages = [result for result in results if "tools" in result]
    assert not pages[-1].get("nextCursor")
    return [tool for page in pages for tool in page["tools"]]


@pytest.mark.timeout(2 * LIMIT_SECONDS)
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("name", SERVERS)
async def test_every_tool_is_offered_or_the_reason_is_reported(name: str, tmp_path: Path) -> None:
    """With its own name, and with a schema that providers accept."""
    output = tmp_path / "output.jsonl"
    toolset = MCPToolset.stdio(
        *("/bin/sh", "-c", RECORDED, str(output), *command(name)),
        env=environment(tmp_path),
        cwd=tmp_path,
        name=name,
        search_threshold=None,
    )

    async with toolset.open():
        offered = {tool.own_name: tool for tool in await toolset.list_tools(History())}
        reports = "\n".join(report.message for report in toolset.take_reports())

    listed = raw_tools(output)
    assert listed
    missing = [tool["name"] for tool in listed if tool["name"] not in offered]
    assert [one for one in missing if repr(one) not in reports] == []
    assert offered.keys() <= {tool["name"] for tool in listed}
    for tool in offered.values():
        Draft202012Validator.check_schema(dict(tool.input_schema))
        assert tool.input_schema["type"] == "object"


def test_there_are_ten_servers() -> None:
    """From npm and PyPI."""
    assert len(SERVERS) == 10
