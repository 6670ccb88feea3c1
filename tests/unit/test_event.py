"""Events as JSON lines."""

import json
from datetime import UTC, datetime

from agentkit.chat import Repair
from agentkit.event import (
    AnswerRepaired,
    EventRecord,
    RunEvent,
    ToolCallFinished,
    ignore,
)
from agentkit.message import ToolCall, ToolResult


def as_json(event: RunEvent) -> str:
    """Return the record of an event as a line of JSON, read back once."""
    record = EventRecord(run_id="r", event=event, at=datetime(2024, 1, 1, tzinfo=UTC), seq=1)
    assert EventRecord.from_json(record.to_json()) == record
    return record.to_json()


async def test_events_are_lines_of_json() -> None:
    """The field `type` identifies the event."""
    event = ToolCallFinished(
        call=ToolCall(id="1", name="add"), result=ToolResult("1", "2"), seconds=0.5
    )

    line = as_json(event)

    assert "\n" not in line
    assert json.loads(line)["event"]["type"] == "tool_call_finished"
    assert json.loads(line)["event"]["result"]["content"][0]["text"] == "2"
    repaired = AnswerRepaired(repair=Repair(kind="minted_id", before="", after="call00001"))
    assert json.loads(as_json(repaired))["event"]["repair"]["kind"] == "minted_id"
    assert await ignore(event) is None  # type: ignore[func-returns-value]  # that is the point
