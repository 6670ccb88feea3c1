"""Valid names for tools that others have named."""

import re

import pytest

from agentkit import tool
from agentkit.errors import ToolDefinitionError
from agentkit.tools import StaticToolset
from agentkit.tools.tool_options import valid_tool_name


@pytest.mark.parametrize("name", ["a", "files.read-2", "A" * 128])
def test_a_valid_name_is_unchanged(name: str) -> None:
    """Up to the maximum length."""
    assert valid_tool_name(name) == name


def test_different_names_stay_different() -> None:
    """Separators, other scripts, and long names with a common beginning."""
    names = [
        "a/b",
        "a b",
        "a:b",
        "検索",
        "天气查询",
        "",
        "x" * 200 + "1",
        "x" * 200 + "2",
        "\ud800",
    ]

    valid = [valid_tool_name(name) for name in names]

    assert len(set(valid)) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]{1,128}", name) for name in valid)
    assert valid[0].startswith("a_b_")
    assert valid[3].startswith("tool_")


def test_a_name_is_the_same_each_time() -> None:
    """On every machine."""
    assert valid_tool_name("a/b") == "a_b_c14cddc0"


def test_functions_with_names_of_other_scripts_are_tools() -> None:
    """Their names stay different, and rules know them by their own."""

    def 検索(words: str) -> None: ...  # noqa: N802  # other scripts have no case
    def 天气查询(city: str) -> None: ...  # noqa: N802  # likewise
    def größe(of: str) -> None: ...

    tools = StaticToolset([検索, 天气查询, größe]).tools

    assert [one.own_name for one in tools] == ["検索", "天气查询", "größe"]
    assert len({one.name for one in tools}) == 3
    assert tools[2].name.startswith("gr_e_")
    with pytest.raises(ToolDefinitionError, match="cannot be the name of a tool"):
        tool(name="検索")(検索)
