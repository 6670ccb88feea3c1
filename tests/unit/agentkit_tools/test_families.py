"""Each family of ready-made tools can be loaded."""

import subprocess
from pathlib import Path

import pytest

import agentkit_tools
from agentkit import ConfigError
from agentkit.errors import MissingExtraError
from agentkit.tools import StaticToolset
from agentkit_tools import FAMILIES, load_tools

DOCUMENT = Path(__file__).parent / "openapi" / "shop.json"
SETTINGS = {
    "web": "brave:SEARCH_KEY",
    "http": "https://api.example.com",
    "openapi": f"{DOCUMENT}",
    "sql": "postgresql://localhost/data",
}
"""For the families that take one."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder that is a repository of git, and nothing more."""
    subprocess.run(["/usr/bin/env", "git", "init", "--quiet", tmp_path], check=True)  # noqa: S603 - constant
    return tmp_path


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_has_tools(name: str, folder: Path) -> None:
    """Each tool has a description."""
    tools = load_tools(name, folder=folder, setting=SETTINGS.get(name))

    assert tools
    assert all(tool.description for tool in tools)


def test_all_families_can_be_used_together(folder: Path) -> None:
    """No two tools have the same name."""
    tools = [
        tool
        for name in FAMILIES
        for tool in load_tools(name, folder=folder, allow_write=True, setting=SETTINGS.get(name))
    ]

    assert len(StaticToolset(tools).tools) == len(tools)


def test_an_unknown_family_is_an_error_that_lists_the_known_ones() -> None:
    """In one line."""
    with pytest.raises(ConfigError, match="known are calculator, clock, units, files"):
        load_tools("weather")


def test_the_error_of_a_missing_package_names_the_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Before a model is called."""
    monkeypatch.setattr(agentkit_tools, "find_spec", lambda _: None)

    with pytest.raises(MissingExtraError, match=r"install 'mixtral-agentkit\[tools-units\]'"):
        load_tools("units")
    assert load_tools("calculator")


def test_a_setting_for_tools_that_take_none_is_an_error() -> None:
    """It would be ignored."""
    with pytest.raises(ConfigError, match="take no setting"):
        load_tools("clock", setting="UTC")


@pytest.mark.parametrize("name", ["http", "openapi"])
def test_the_error_of_a_missing_setting_describes_it(name: str) -> None:
    """Before anything is loaded."""
    with pytest.raises(ConfigError, match=f"need a setting: {name}="):
        load_tools(name)
