"""The MCP inspector's command line lists and calls what we serve."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.mcp.npm import NoNpmError, command
from tests.mcp.test_serve import serving

LIMIT_SECONDS = 300
SERVER = [sys.executable, "-m", "agentkit", "mcp", "serve", "--tools", "calculator"]


@pytest.fixture(scope="module")
def inspector() -> list[str]:
    """Return its command."""
    try:
        return command("@modelcontextprotocol/inspector")
    except NoNpmError as error:
        if "CI" in os.environ:
            raise
        pytest.skip(str(error))


def inspect(inspector: list[str], folder: Path, *words: str) -> Any:
    """Return what it prints."""
    done = subprocess.run(  # noqa: S603 - constant arguments
        [*inspector, "--cli", *words],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_it_lists_and_calls_our_tools_over_stdio(inspector: list[str], tmp_path: Path) -> None:
    """It starts the server itself."""
    listed = inspect(inspector, tmp_path, *SERVER, "--method", "tools/list")
    called = inspect(
        inspector,
        tmp_path,
        *SERVER,
        *("--method", "tools/call", "--tool-name", "calculate", "--tool-arg", "expression=6*7"),
    )

    assert [tool["name"] for tool in listed["tools"]] == ["calculate"]
    assert called == {"content": [{"type": "text", "text": "42"}], "isError": False}


def test_it_lists_and_calls_our_tools_over_http(inspector: list[str], tmp_path: Path) -> None:
    """With the token."""
    (tmp_path / "token").write_text("t0ken")
    with serving(tmp_path, "--http", "0", "--token-file", "token") as process:
        assert process.stderr is not None
        url = process.stderr.readline().removeprefix("Serving MCP at ").split(". ")[0]
        header = ("--header", "Authorization: Bearer t0ken")
        listed = inspect(inspector, tmp_path, url, *header, "--method", "tools/list")
        called = inspect(
            inspector,
            tmp_path,
            *(url, *header),
            *("--method", "tools/call", "--tool-name", "shout"),
        )

    assert [tool["name"] for tool in listed["tools"]] == ["shout", "listen", "hang"]
    assert called == {"content": [{"type": "text", "text": "shouted"}], "isError": False}
