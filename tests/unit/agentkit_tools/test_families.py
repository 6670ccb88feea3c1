"""The families of ready-made tools."""

from pathlib import Path

import pytest

import agentkit_tools
from agentkit import ConfigError, MissingExtraError, StaticToolset
from agentkit_tools import FAMILIES, load_tools


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_gives_tools(name: str, tmp_path: Path) -> None:
    """Each with a description."""
    tools = load_tools(name, folder=tmp_path)

    assert tools
    assert all(tool.description for tool in tools)


def test_all_families_can_be_used_together(tmp_path: Path) -> None:
    """No two tools have one name."""
    tools = [
        tool for name in FAMILIES for tool in load_tools(name, folder=tmp_path, allow_write=True)
    ]

    assert len(StaticToolset(tools).tools) == len(tools)


def test_an_unknown_family_is_refused_with_the_known_ones() -> None:
    """One line for the user."""
    with pytest.raises(ConfigError, match="known are calculator, clock, units, files"):
        load_tools("weather")


def test_a_family_whose_package_is_missing_names_the_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Before anything is asked of a model."""
    monkeypatch.setattr(agentkit_tools, "find_spec", lambda _: None)

    with pytest.raises(MissingExtraError, match=r"install 'mixtral-agentkit\[tools-units\]'"):
        load_tools("units")
    assert load_tools("calculator")
