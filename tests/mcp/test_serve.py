"""`agentkit mcp serve` as a process."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

TOOLS = Path(__file__).with_name("noisy_tools.py")
LIMIT_SECONDS = 300
HELLO = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "test", "version": "1"},
}


@contextmanager
def serving(
    folder: Path, *words: str, env: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Run the command in a folder; it is gone afterwards."""
    command = [sys.executable, "-m", "agentkit", "mcp", "serve", "--tools", str(TOOLS), *words]
    with subprocess.Popen(  # noqa: S603 - constant arguments
        command,
        cwd=folder,
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def ask(process: subprocess.Popen[str], method: str, params: Mapping[str, Any], number: int) -> Any:
    """Send a request, and return the result that comes next."""
    send(process, {"id": number, "method": method, "params": params})
    assert process.stdout is not None
    answer = json.loads(process.stdout.readline())
    assert answer["id"] == number
    return answer["result"]


def send(process: subprocess.Popen[str], message: Mapping[str, Any]) -> None:
    """Send a message."""
    assert process.stdin is not None
    process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    process.stdin.flush()


def until(happened: Callable[[], bool]) -> None:
    """Wait for what another process does."""
    end = time.monotonic() + LIMIT_SECONDS
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_standard_output_holds_the_protocol_only(tmp_path: Path) -> None:
    """Output of tools is on standard error, and their standard input is empty."""
    with serving(tmp_path) as process:
        info = ask(process, "initialize", HELLO, 1)
        send(process, {"method": "notifications/initialized"})
        shouted = ask(process, "tools/call", {"name": "shout"}, 2)
        answer = ask(process, "tools/call", {"name": "listen"}, 3)
        out, err = process.communicate(timeout=LIMIT_SECONDS)

    assert info["serverInfo"]["name"] == "agentkit"
    assert shouted["content"] == [{"type": "text", "text": "shouted"}]
    assert answer["content"] == [{"type": "text", "text": "read ''"}]
    assert out == ""
    assert process.returncode == 0
    assert sorted(err.splitlines()) == ["by a child", "by descriptor", "printed", "written"]


def test_it_ends_at_once_with_ctrl_c(tmp_path: Path) -> None:
    """During a call, although its standard input is still open."""
    with serving(tmp_path) as process:
        ask(process, "initialize", HELLO, 1)
        send(process, {"method": "notifications/initialized"})
        send(process, {"id": 2, "method": "tools/call", "params": {"name": "hang"}})
        until((tmp_path / "begun").exists)
        process.send_signal(signal.SIGINT)
        assert process.wait(LIMIT_SECONDS) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""

    assert (tmp_path / "cleaned").exists()


def test_over_http_it_requires_the_token_and_ends_at_once(tmp_path: Path) -> None:
    """The token does not appear in its output."""
    token = "k3pt-s3cret"  # noqa: S105 - a made-up one
    (tmp_path / "token").write_text(f"{token}\n")
    with serving(tmp_path, "--http", "0", "--token-file", "token") as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        url = line.removeprefix("Serving MCP at ").split(". ")[0]
        hang = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "tools/call",
            "params": {
                "name": "hang",
                "_meta": {
                    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                    "io.modelcontextprotocol/clientCapabilities": {},
                },
            },
        }
        headers = {
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": "2026-07-28",
            "Mcp-Method": "tools/call",
            "Mcp-Name": "hang",
        }
        with httpx.Client(trust_env=False, headers=headers, timeout=LIMIT_SECONDS) as client:
            refused = client.post(url, json=hang)
            client.headers["Authorization"] = f"Bearer {token}"
            seconds = 2
            while not (tmp_path / "begun").exists():  # a busy machine begins a call late
                with pytest.raises(httpx.TimeoutException):
                    client.post(url, json=hang, timeout=seconds)
                seconds *= 2
        until((tmp_path / "cleaned").exists)
        process.terminate()
        out, err = process.communicate(timeout=LIMIT_SECONDS)

    assert refused.status_code == 401
    assert process.returncode == 0
    assert (out, err) == ("", "")
    assert token not in line


@pytest.fixture(scope="module")
def families(tmp_path_factory: pytest.TempPathFactory) -> Iterator[subprocess.Popen[str]]:
    """Serve the families for code and data, for a folder with a table and a repository."""
    folder = tmp_path_factory.mktemp("families")
    (folder / "orders.csv").write_text("city,amount\nOslo,10\n")
    author = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    for words in (
        ("init", "--quiet", "--initial-branch=main"),
        ("add", "orders.csv"),
        (*author, "commit", "--quiet", "--message=First orders"),
    ):
        subprocess.run(["/usr/bin/env", "git", *words], cwd=folder, check=True)  # noqa: S603 - constant
    names = "files,shell,python,cpython,tables,git,sql=postgresql://localhost/none"
    with serving(folder, "--tools", names, "--allow-write") as process:
        ask(process, "initialize", HELLO, 1)
        send(process, {"method": "notifications/initialized"})
        yield process


def offered(process: subprocess.Popen[str]) -> Mapping[str, Any]:
    """Return the tools that a server lists."""
    return {each["name"]: each for each in ask(process, "tools/list", {}, 2)["tools"]}


def call(process: subprocess.Popen[str], name: str, **arguments: Any) -> Any:
    """Call a tool, and return its result."""
    return ask(process, "tools/call", {"name": name, "arguments": arguments}, 3)


def test_families_for_code_and_data_are_served(families: subprocess.Popen[str]) -> None:
    """With their effects and the schemas of their results."""
    tools = offered(families)
    found = call(families, "query_tables", statement="SELECT sum(amount) FROM orders")
    counted = call(families, "python", code="6 * 7")

    assert {"edit_file", "shell", "python", "cpython", "list_tables", "sql_write"} <= tools.keys()
    assert tools["shell"]["outputSchema"]["properties"].keys() >= {"exit_code", "killed", "output"}
    assert tools["shell"]["annotations"]["destructiveHint"]
    assert tools["sql_query"]["annotations"]["readOnlyHint"]
    assert not tools["sql_write"]["annotations"]["readOnlyHint"]
    assert found["structuredContent"]["rows"] == [[10]]
    assert counted["structuredContent"]["value"] == 42


def test_a_repository_is_served(families: subprocess.Popen[str]) -> None:
    """It is read; a commit needs approval, which this client cannot be asked for."""
    tools = offered(families)
    log = call(families, "git_log")
    refused = call(families, "git_commit", message="Second", paths=["orders.csv"])
    unchanged = call(families, "git_log")

    assert tools["git_log"]["annotations"]["readOnlyHint"]
    assert tools["git_log"]["outputSchema"]["required"] == ["commits", "next_skip"]
    assert [each["subject"] for each in log["structuredContent"]["commits"]] == ["First orders"]
    assert not tools["git_commit"]["annotations"]["readOnlyHint"]
    assert "First orders" in log["content"][0]["text"]
    assert refused["isError"]
    assert "approv" in refused["content"][0]["text"]
    assert unchanged == log
