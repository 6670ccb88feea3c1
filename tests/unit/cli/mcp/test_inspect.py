"""Inspecting an MCP server from the command line."""

import json
from pathlib import Path
from typing import Any

import pytest

from agentkit import ConfigError
from agentkit.cli.mcp import inspect
from agentkit.cli.mcp.inspect import (
    Inspection,
    call_tool,
    show_prompts,
    show_resources,
    show_tools,
)
from agentkit.mcp.client.mcp_toolset import MCPToolset
from tests.unit.mcp.demo_server import Demo

INSPECTION = Inspection(server="demo")
AS_JSON = Inspection(server="demo", as_json=True)


@pytest.fixture(autouse=True)
def _demo(monkeypatch: pytest.MonkeyPatch) -> None:
    def find(word: str, *, config: Path | None) -> Any:  # noqa: ARG001
        return MCPToolset.in_memory(Demo().server, trusts_annotations=True)

    monkeypatch.setattr(inspect, "find_server", find)


def test_the_tools_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """As a table, or as JSON."""
    assert show_tools(INSPECTION) == 0
    assert "add     a, b        Add two numbers." in capsys.readouterr().out

    assert show_tools(AS_JSON) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in listed][:2] == ["add", "show"]
    assert listed[0]["read_only"]


def test_a_tool_is_called(capsys: pytest.CaptureFixture[str]) -> None:
    """Its result on standard output, the rest elsewhere."""
    assert call_tool(INSPECTION, name="add", arguments='{"a": 1, "b": 2}') == 0
    shown = capsys.readouterr()
    assert shown.out == "sum\n"
    assert "1 of 2 half" in shown.err

    assert call_tool(AS_JSON, name="add", arguments='{"a": 1, "b": 2}') == 0
    assert json.loads(capsys.readouterr().out) == {"sum": 3}


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [("fail", "{}", "no"), ("add", "{", "was not run"), ("add", '{"a": 1}', "b: expected")],
)
def test_a_call_that_fails_has_its_own_exit_code(
    name: str, arguments: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The reason is on standard error."""
    assert call_tool(INSPECTION, name=name, arguments=arguments) == 1

    shown = capsys.readouterr()
    assert shown.out == ""
    assert message in shown.err


def test_a_missing_tool_is_a_config_error() -> None:
    """The message lists the names."""
    with pytest.raises(ConfigError, match="has no tool 'nope'; it has add, show"):
        call_tool(INSPECTION, name="nope", arguments="{}")


def test_content_of_every_kind_is_printed(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """Text as it is, the type of other content; the bytes of a resource into a pipe."""
    assert call_tool(INSPECTION, name="show", arguments="{}") == 0
    shown = capfdbinary.readouterr()
    assert shown.out == b"hello\nb\n"
    assert b"[image image/png]" in shown.err

    assert show_resources(INSPECTION, uri="demo://a") == 0
    assert capfdbinary.readouterr().out == b"abc\n\x00"


def test_resources_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """With their templates."""
    assert show_resources(INSPECTION, uri=None) == 0
    assert "demo://{name}" in capsys.readouterr().out

    assert show_resources(AS_JSON, uri=None) == 0
    assert json.loads(capsys.readouterr().out)[0]["uri"] == "demo://a"


def test_prompts_are_listed_and_filled_in(capsys: pytest.CaptureFixture[str]) -> None:
    """By NAME=VALUE."""
    assert show_prompts(INSPECTION, name=None, arguments=()) == 0
    assert "greet   who        Greet." in capsys.readouterr().out

    assert show_prompts(AS_JSON, name=None, arguments=()) == 0
    assert json.loads(capsys.readouterr().out) == [
        {
            "name": "greet",
            "description": "Greet.",
            "arguments": {"who": "whom"},
            "required": ["who"],
        }
    ]

    assert show_prompts(INSPECTION, name="greet", arguments=["who=Bo"]) == 0
    assert capsys.readouterr().out == "Greet Bo.\n"
    with pytest.raises(ConfigError, match="write NAME=VALUE"):
        show_prompts(INSPECTION, name="greet", arguments=["Bo"])
