"""A result of a text and a value."""

from dataclasses import dataclass

from agentkit import ToolResult
from agentkit_tools.text_result import text_result


@dataclass
class _Point:
    x: int


@dataclass
class _Line:
    points: list[_Point]


def test_a_result_has_the_text_and_the_value_as_json() -> None:
    """With what the value holds."""
    assert text_result("a line", _Line([_Point(1), _Point(2)])) == ToolResult(
        "", "a line", structured_content={"points": [{"x": 1}, {"x": 2}]}
    )
