"""The tool lists of ten servers that are not ours: each tool is offered, or the reason reported."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
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
MESSAGES = (
    {
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "test", "version": "1"},
        },
    },
    {"method": "notifications/initialized"},
)


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


def raw_tools(words: Sequence[str], folder: Path) -> list[dict[str, Any]]:
    """Return what the server lists, read without any client."""
    with subprocess.Popen(  # noqa: S603  # constant arguments
        words,
        cwd=folder,
        env=environment(folder),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            answers = _answers(process.stdout)
            for message in MESSAGES:
                _send(process.stdin, message)
            next(one for one in answers if one.get("id") == 1)
            tools: list[dict[str, Any]] = []
            cursor: str | None = None
            for number in range(2, 50):
                params = {} if cursor is None else {"cursor": cursor}
                _send(process.stdin, {"id": number, "method": "tools/list", "params": params})
                page = next(one for one in answers if one.get("id") == number)["result"]
                tools += page["tools"]
                cursor = page.get("nextCursor")
                if cursor is None:
                    break
            return tools
        finally:
            process.kill()


def _send(stream: Any, message: dict[str, Any]) -> None:
    stream.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    stream.flush()


def _answers(stream: Any) -> Iterator[dict[str, Any]]:
    for line in stream:
        yield json.loads(line)


@pytest.mark.timeout(2 * LIMIT_SECONDS)
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("name", SERVERS)
async def test_every_tool_is_offered_or_the_reason_is_reported(name: str, tmp_path: Path) -> None:
    """With its own name, and with a schema that providers accept."""
    words = command(name)
    listed = raw_tools(words, tmp_path)
    toolset = MCPToolset.stdio(
        *words, env=environment(tmp_path), cwd=tmp_path, name=name, search_threshold=None
    )

    async with toolset.open():
        offered = {tool.own_name: tool for tool in await toolset.list_tools(History())}
        reports = "\n".join(report.message for report in toolset.take_reports())

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
