"""Events as JSON lines."""

import json

from agentkit.chat import Repair
from agentkit.event import AnswerRepaired, ToolCallFinished, event_to_json, ignore
from agentkit.message import ToolCall, ToolResult


async def test_events_are_lines_of_json() -> None:
    """The field `type` identifies the event."""
    event = ToolCallFinished(
        call=ToolCall(id="1", name="add"), result=ToolResult.of("1", "2"), seconds=0.5
    )

    line = event_to_json(event)

    assert "\n" not in line
    assert json.loads(line)["type"] == "tool_call_finished"
    assert json.loads(line)["result"]["content"][0]["text"] == "2"
    repaired = AnswerRepaired(repair=Repair(kind="minted_id", before="", after="call00001"))
    assert json.loads(event_to_json(repaired))["repair"]["kind"] == "minted_id"
    assert await ignore(event) is None  # type: ignore[func-returns-value]  # that is the point
