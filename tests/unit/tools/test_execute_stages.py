"""The plan: what reads runs together, what has effects runs alone."""

import pytest

from agentkit.message import ToolCall
from agentkit.tools.binding import BoundArguments
from agentkit.tools.execute import plan_calls
from agentkit.tools.tool import tool
from agentkit.tools.validate import ReadyCall


@tool(read_only=True)
def r() -> None:
    """Read."""


@tool
def w() -> None:
    """Write."""


@tool(parallel=True)
def p() -> None:
    """Write to a file that no other call uses."""


@tool(read_only=True, parallel=False)
def s() -> None:
    """Read something that only one may read."""


TOOLS = {one.name: one for one in (r, w, p, s)}


@pytest.mark.parametrize(
    ("asked", "stages"),
    [
        ("", []),
        ("r", ["r"]),
        ("rrr", ["rrr"]),
        ("ww", ["w", "w"]),
        ("rrwrr", ["rr", "w", "rr"]),
        ("wrprw", ["w", "rpr", "w"]),
        ("rss", ["r", "s", "s"]),
    ],
)
def test_calls_keep_their_order_in_stages(asked: str, stages: list[str]) -> None:
    """A write and a read after it are meant in this order."""
    calls = [
        ReadyCall(
            call=ToolCall(id=str(position), name=name),
            tool=TOOLS[name],
            arguments={},
            bound=BoundArguments(),
        )
        for position, name in enumerate(asked)
    ]

    planned = plan_calls(calls)

    assert ["".join(call.call.name for call in stage) for stage in planned] == stages
    assert [call for stage in planned for call in stage] == calls
