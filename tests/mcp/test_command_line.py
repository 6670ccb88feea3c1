"""MCP servers on the command line of agentkit, in processes of their own."""

import json
import shlex
import sys
from pathlib import Path

import pytest

from agentkit.cli.main import main

SERVER = shlex.join([sys.executable, "-m", "agentkit", "mcp", "serve", "--tools", "calculator"])
SANDBOX = ("--model", "sandbox:mixtral-8x22b", "--tools", "none")


def shell(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """Run a command line and return its code."""
    monkeypatch.setattr(sys, "argv", ["agentkit", *words])
    return main()


def test_a_run_uses_the_tools_of_a_server(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Named by its command, or in a file."""
    path = tmp_path / "mcp.json"
    command, *args = shlex.split(SERVER)
    path.write_text(json.dumps({"mcpServers": {"calc": {"command": command, "args": args}}}))

    by_command = shell(monkeypatch, "run", "What is 6 * 7?", *SANDBOX, "--mcp", SERVER)
    first = capsys.readouterr()
    by_file = shell(monkeypatch, "run", "What is 6 * 8?", *SANDBOX, "--mcp-config", str(path))
    second = capsys.readouterr()

    assert (by_command, by_file) == (0, 0), first.err + second.err
    assert "42" in first.out
    assert '→ calculate(expression="6 * 7")' in first.err
    assert "48" in second.out


def test_a_server_that_cannot_be_used_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what it wrote last, and before anything is asked."""
    fails = shlex.join([sys.executable, "-c", "import sys; sys.exit('no licence')"])

    code = shell(monkeypatch, "run", "?", *SANDBOX, "--mcp", fails)

    shown = capsys.readouterr()
    assert code == 2
    assert shown.err.splitlines()[-1].endswith("its last output: no licence.")
    assert "Traceback" not in shown.err
