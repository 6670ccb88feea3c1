"""MCP servers as a person writes them on the command line."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from agentkit import Agent, ConfigError
from agentkit.cli.agent_builder import AgentSelection, build_agent
from agentkit.cli.mcp import servers as servers_module
from agentkit.cli.mcp.servers import Servers, build_server, find_server
from agentkit.mcp.client.stdio_process import Command
from agentkit.mcp.client.transports import StdioTransport, StreamableHttpTransport
from agentkit.tools.toolset import Toolset


def transport_of(word: str) -> Any:
    """Return the way to the server that a word describes."""
    return build_server(word)._transport


@pytest.mark.parametrize(
    ("word", "command"),
    [
        ("npx -y 'a server' --x", Command(command="npx", args=("-y", "a server", "--x"))),
        ("A=1 B='2 3' run", Command(command="run", env={"A": "1", "B": "2 3"})),
        ("run A=1", Command(command="run", args=("A=1",))),
    ],
)
def test_a_command_is_split_as_in_a_shell(word: str, command: Command) -> None:
    """With variables before it."""
    assert transport_of(word) == StdioTransport(command=command)


def test_a_url_is_a_http_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With a login only on a terminal."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert transport_of("http://localhost:1/mcp") == StreamableHttpTransport(
        url="http://localhost:1/mcp"
    )

    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert transport_of("https://localhost:1/mcp").auth is not None


@pytest.mark.parametrize(
    ("word", "complaint"),
    [
        ("", "does not name an MCP server"),
        ("A=1", "does not name an MCP server"),
        ("run 'x", "is not a valid command line"),
    ],
)
def test_a_word_that_names_no_server_is_a_config_error(word: str, complaint: str) -> None:
    """The message says what to write."""
    with pytest.raises(ConfigError, match=complaint):
        build_server(word)


def test_a_server_in_a_file_is_found_by_its_name(tmp_path: Path) -> None:
    """An unknown name is an error that lists the names."""
    path = tmp_path / "mcp.json"
    path.write_text(json.dumps({"mcpServers": {"a": {"command": "x"}, "b": {"command": "y"}}}))

    assert find_server("a", config=path).name == "a"
    with pytest.raises(ConfigError, match="has no server 'c'; it has a, b"):
        find_server("c", config=path)


def test_the_tools_of_servers_are_added_to_those_of_the_agent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None named, none added, and nothing of it loaded."""
    path = tmp_path / "mcp.json"
    path.write_text(json.dumps({"mcpServers": {"a": {"command": "x"}}}))
    servers = Servers(words=["npx b"], config=path, may_sample=True)

    alone = build_agent(AgentSelection(model="sandbox:mixtral-8x22b")).agent
    more: Agent[object] = build_agent(
        AgentSelection(model="sandbox:mixtral-8x22b", servers=servers)
    ).agent

    assert isinstance(more.toolset, Toolset)
    assert type(more.toolset) is not type(alone.toolset)
    monkeypatch.setattr(servers_module, "mcp", None)
    assert Servers().toolset() is None


@pytest.mark.parametrize("is_password", [False, True])
def test_values_that_a_file_leaves_open_are_asked_for_on_a_terminal(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *,
    is_password: bool,
) -> None:
    """A password without showing it; elsewhere the file is an error."""
    path = tmp_path / "mcp.json"
    asked = {"id": "key", "description": "Your key", "default": "d", "password": is_password}
    path.write_text(
        json.dumps(
            {"servers": {"a": {"command": "x", "args": ["${input:key}"]}}, "inputs": [asked]}
        )
    )
    shown: list[str] = []

    def getpass(prompt: str, *, stream: object) -> str:  # noqa: ARG001  # as it is called
        shown.append(prompt)
        return "typed"

    monkeypatch.setattr("getpass.getpass", getpass)
    monkeypatch.setattr(sys, "stdin", io.StringIO("typed\n"))
    with pytest.raises(ConfigError, match="The input 'key' has no value"):
        find_server("a", config=path)
    for stream in (sys.stdin, sys.stderr):
        monkeypatch.setattr(stream, "isatty", lambda: True)

    toolset = find_server("a", config=path)

    assert toolset._transport.command.args == ("typed",)
    assert shown == (["Your key: "] if is_password else [])
    assert capsys.readouterr().err == ("" if is_password else "Your key (d): ")
