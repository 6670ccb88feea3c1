"""The file in which other MCP clients keep their servers."""

import json
from pathlib import Path
from typing import Any

import pytest

from agentkit import ConfigError
from agentkit.mcp.client.mcp_toolset import MCPToolset
from agentkit.mcp.client.stdio_process import Command
from agentkit.mcp.client.transports import StdioTransport, StreamableHttpTransport


@pytest.fixture
def write(tmp_path: Path) -> Any:
    """Return what writes a file and gives its path."""

    def save(content: Any) -> Path:
        path = tmp_path / "mcp.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return save


def doors(path: Path) -> dict[str, Any]:
    """Return the ways to the servers in a file."""
    return {name: one._transport for name, one in MCPToolset.load_servers(path).items()}


def test_servers_of_every_kind_are_read(write: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables are replaced, and fields of other programs ignored."""
    monkeypatch.setenv("MCP_TEST_TOKEN", "s3cret")
    monkeypatch.delenv("MCP_TEST_NOT_SET", raising=False)
    path = write(
        {
            "mcpServers": {
                "files": {
                    "command": "npx",
                    "args": ["-y", "server", "${MCP_TEST_NOT_SET:-/srv/x}"],
                    "env": {"TOKEN": "${MCP_TEST_TOKEN}"},
                    "cwd": "/",
                    "alwaysAllow": ["read"],
                },
                "web": {
                    "type": "http",
                    "url": "https://example.com/mcp",
                    "headers": {"Authorization": "Bearer ${MCP_TEST_TOKEN}"},
                },
                "old": {"type": "sse", "url": "https://example.com/sse"},
                "off": {"command": "x", "disabled": True},
            },
            "inputs": [],
        }
    )

    found = doors(path)

    assert found["files"] == StdioTransport(
        command=Command(
            command="npx", args=("-y", "server", "/srv/x"), env={"TOKEN": "s3cret"}, cwd="/"
        )
    )
    assert found["web"] == StreamableHttpTransport(
        url="https://example.com/mcp", headers={"Authorization": "Bearer s3cret"}
    )
    assert found["old"] == StreamableHttpTransport(url="https://example.com/sse", is_sse=True)
    assert "off" not in found
    assert "s3cret" not in repr(found)


def test_the_key_servers_is_accepted(write: Any) -> None:
    """Some editors write it; `timeout` applies to its server."""
    path = write({"servers": {"a": {"command": "x", "timeout": 3}}})

    assert list(MCPToolset.load_servers(path)) == ["a"]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("{", "is not JSON"),
        ("[]", "has no object 'mcpServers'"),
        ({"mcpServers": {"a": 3}}, "'a': the server: Input should be"),
        ({"mcpServers": {"a": {}}}, "'a' must have either a 'command' or a 'url'"),
        ({"mcpServers": {"a": {"command": "x", "url": "y"}}}, "either a 'command' or a 'url'"),
        ({"mcpServers": {"a": {"command": ["x"]}}}, "'a': command: Input should be a valid string"),
        ({"mcpServers": {"a": {"command": "${NO_SUCH_VAR_1}"}}}, "The variable 'NO_SUCH_VAR_1'"),
    ],
)
def test_an_error_names_the_file_and_the_server(write: Any, content: Any, complaint: str) -> None:
    """In one line."""
    path = write(content)

    with pytest.raises(ConfigError) as caught:
        MCPToolset.from_config(path)

    assert complaint in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_missing_file_is_a_config_error(tmp_path: Path) -> None:
    """Before anything runs."""
    with pytest.raises(ConfigError, match=r"nothere\.json': No such file"):
        MCPToolset.from_config(tmp_path / "nothere.json")


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (("npx", "-y", "@scope/server-memory@1.2.3"), "server-memory"),
        (("uvx", "mcp-server-git"), "mcp-server-git"),
        (("python", "-m", "mcp_server_time"), "mcp_server_time"),
        (("/usr/bin/my-server", "--flag"), "my-server"),
        (("python3", "folder/tool.py"), "tool"),
    ],
)
def test_the_default_name_is_the_package_or_script(words: tuple[str, ...], name: str) -> None:
    """If no name was given."""
    assert MCPToolset.stdio(*words).name == name


def test_the_default_name_of_a_url_is_its_host() -> None:
    """And `repr` does not show the bearer token."""
    toolset = MCPToolset.http("https://example.com/mcp", token="s3cret")  # noqa: S106

    assert toolset.name == "example.com"
    assert toolset.namespace == "example_com"
    assert "s3cret" not in repr(toolset._transport)
