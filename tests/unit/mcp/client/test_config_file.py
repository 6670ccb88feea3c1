"""The file in which other MCP clients keep their servers."""

import json
from pathlib import Path
from typing import Any

import pytest

from agentkit import ConfigError
from agentkit.mcp.client.config_file import TRUST, ConfigInput
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


def read_servers(path: Path) -> dict[str, Any]:
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

    found = read_servers(path)

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


def test_the_default_name_of_a_url_is_its_host_name() -> None:
    """And `repr` does not show the bearer token."""
    toolset = MCPToolset.http("https://example.com/mcp", token="s3cret")  # noqa: S106

    assert toolset.name == "example.com"
    assert toolset.namespace == "example_com"
    assert "s3cret" not in repr(toolset._transport)


def command_of(path: Path, **options: Any) -> Command:
    """Return how the only server of a file is started."""
    (toolset,) = MCPToolset.load_servers(path, **options).values()
    transport: Any = toolset._transport
    command: Command = transport.command
    return command


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("${MCP_TEST_A}", "a"),
        ("${env:MCP_TEST_A}", "a"),
        ("x${env:MCP_TEST_A}y${MCP_TEST_A}", "xaya"),
        ("${MCP_TEST_B:-b}", "b"),
        ("${env:MCP_TEST_B:-}", ""),
        ("${userHome}", str(Path.home())),
        ("${MCP_TEST_C}", "${MCP_TEST_A}"),
        ("$MCP_TEST_A {x}", "$MCP_TEST_A {x}"),
    ],
)
def test_placeholders_are_replaced_once(
    write: Any, monkeypatch: pytest.MonkeyPatch, written: str, value: str
) -> None:
    """A value is not read for placeholders again."""
    monkeypatch.setenv("MCP_TEST_A", "a")
    monkeypatch.setenv("MCP_TEST_C", "${MCP_TEST_A}")
    monkeypatch.delenv("MCP_TEST_B", raising=False)
    path = write({"mcpServers": {"a": {"command": "x", "args": [written], "env": {"K": written}}}})

    command = command_of(path)

    assert (command.args, command.env) == ((value,), {"K": value})


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        ("${command:pick}", r"'${command:pick}' is not supported"),
        ("${1}", r"'${1}' is not supported"),
        ("${}", r"'${}' is not supported"),
        ("${A:-${B}}", "is not supported"),
        ("${env:MCP_TEST_NOT_SET}", "'MCP_TEST_NOT_SET'"),
        ("${MCP_TEST_A", "is not supported"),
        ("${input:nothing}", "has no entry 'nothing' in 'inputs'"),
        ("${input:key}", "The input 'key' has no value: Your key."),
        ("${input:run}", "of the type 'command', which is not supported"),
    ],
)
def test_no_placeholder_reaches_a_server(
    write: Any, monkeypatch: pytest.MonkeyPatch, written: str, complaint: str
) -> None:
    """It would be the value of its secret."""
    monkeypatch.delenv("MCP_TEST_NOT_SET", raising=False)
    inputs = [
        {"type": "promptString", "id": "key", "description": "Your key"},
        {"type": "command", "id": "run"},
    ]
    for entry in (
        {"command": "x", "env": {"K": written}},
        {"url": "https://example.com", "headers": {"K": written}},
        {"url": f"https://example.com/{written}"},
    ):
        path = write({"servers": {"a": entry}, "inputs": inputs})
        with pytest.raises(ConfigError) as caught:
            MCPToolset.load_servers(path)

        assert complaint in str(caught.value)


@pytest.mark.parametrize(("answer", "value"), [("typed", "typed"), ("", "d"), (None, "d")])
def test_the_user_is_asked_for_inputs(write: Any, answer: str | None, value: str) -> None:
    """Once for each, and only for those of servers that are on."""
    described = {"id": "key", "description": "Key", "default": "d", "password": True}
    path = write(
        {
            "servers": {
                "a": {"command": "x", "args": ["${input:key}"], "env": {"K": "${input:key}"}},
                "off": {"command": "${input:other}", "disabled": True},
            },
            "inputs": [described, {"id": "other"}, 7],
        }
    )
    asked: list[ConfigInput] = []

    def ask(one: ConfigInput) -> str | None:
        asked.append(one)
        return answer

    command = command_of(path, ask_input=ask)

    assert (command.args, command.env) == ((value,), {"K": value})
    assert asked == [ConfigInput(id="key", description="Key", default="d", is_password=True)]


def test_an_input_may_be_one_of_several(write: Any) -> None:
    """Written as texts, or as objects with a value."""
    options = ["a", {"label": "B", "value": "b"}, 3]
    path = write(
        {
            "servers": {"a": {"command": "${input:x}"}},
            "inputs": [{"type": "pickString", "id": "x", "options": options}],
        }
    )

    assert command_of(path, ask_input=lambda one: one.options[1]).command == "b"
    with pytest.raises(ConfigError, match="must be one of a, b, 3"):
        command_of(path, ask_input=lambda _: "c")


@pytest.mark.parametrize(
    "off", [{"disabled": True}, {"enabled": False}, {"enabled": False, "disabled": False}]
)
def test_a_server_that_is_off_is_not_looked_at(write: Any, off: dict[str, bool]) -> None:
    """Whatever else is wrong with it."""
    bad = {"command": ["x"], "env": {"K": "${MCP_TEST_NOT_SET}"}, "type": "other", **off}

    assert MCPToolset.load_servers(write({"mcpServers": {"a": bad}})) == {}


@pytest.mark.parametrize(
    "text",
    [
        '{"mcpServers": {"a": {"command": "x", "args": ["//b", "/*c*/", "d,"],},},}',
        '// servers\n{"mcpServers": {"a": {"command": "x", /* a, b } */ "args":\n'
        '["//b", "/*c*/", "d,", // last\n]}}}',
        '\ufeff{"mcpServers": {"a": {"command": "x", "args": ["//b", "/*c*/", "d,"]}}}',
        '{"mcp": {"servers": {"a": {"command": "x", "args": ["//b", "/*c*/", "d,"]}}}}',
    ],
    ids=["commas", "comments", "mark", "settings"],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_files_are_read_as_editors_write_them(tmp_path: Path, text: str, encoding: str) -> None:
    """With comments, trailing commas and a byte order mark."""
    path = tmp_path / "mcp.json"
    path.write_bytes(text.removeprefix("\ufeff" * (encoding == "utf-16")).encode(encoding))

    assert command_of(path) == Command(command="x", args=("//b", "/*c*/", "d,"))


def test_numbers_and_booleans_are_written_as_text(write: Any) -> None:
    """A process takes nothing else; null means not set."""
    env = {"PORT": 8080, "RATE": 0.5, "DEBUG": True, "NONE": None}
    path = write({"mcpServers": {"a": {"command": "x", "args": [1], "env": env, "cwd": None}}})

    command = command_of(path)

    assert command.args == ("1",)
    assert command.env == {"PORT": "8080", "RATE": "0.5", "DEBUG": "true"}


def test_the_workspace_is_the_folder_around_that_of_the_editor(tmp_path: Path) -> None:
    """`.vscode/mcp.json` is in a folder of the workspace."""
    text = json.dumps({"servers": {"a": {"command": "${workspaceFolder}${/}run"}}})
    (tmp_path / ".vscode").mkdir()
    for folder in (tmp_path, tmp_path / ".vscode"):
        (folder / "mcp.json").write_text(text)

        assert command_of(folder / "mcp.json").command == str(tmp_path / "run")


@pytest.mark.parametrize(
    ("entry", "trusted"), [({}, False), ({TRUST: True}, True), ({TRUST: False}, False)]
)
def test_a_file_may_trust_the_hints_of_a_server(
    write: Any, entry: dict[str, bool], trusted: bool
) -> None:
    """For each server by itself; without the key, they are not trusted."""
    path = write({"mcpServers": {"a": {"command": "x", **entry}}})

    toolset = MCPToolset.load_servers(path)["a"]

    assert toolset._options.get("trusts_annotations", False) is trusted


def test_trust_in_hints_is_given_by_true_alone(write: Any) -> None:
    """A word such as "no" must not count as trust."""
    path = write({"mcpServers": {"a": {"command": "x", TRUST: "no"}}})

    with pytest.raises(ConfigError, match="'a'"):
        MCPToolset.load_servers(path)
