"""The list of steps that a model keeps."""

from agentkit import Agent
from agentkit.cli.run_display import note_lines
from agentkit.event import ToolCallFinished
from agentkit.json_schema import JsonObject
from agentkit.message import ToolCall, ToolResult
from agentkit.testing import ScriptedModel, tool_call
from agentkit_tools.plan import update_plan

STEPS = [
    {"step": "read", "status": "done"},
    {"step": "think", "status": "in_progress"},
    {"step": "wait", "status": "dropped"},
    {"step": "write"},
]


async def test_a_plan_is_a_result_that_the_user_sees() -> None:
    """One line for each step."""
    events = []

    async def listen(record: object) -> None:
        events.append(record.event)  # type: ignore[attr-defined]  # an EventRecord

    model = ScriptedModel(tool_call("update_plan", steps=STEPS), "Done.")
    await Agent(model, tools=[update_plan]).run("Go.", listener=listen)

    (finished,) = [event for event in events if isinstance(event, ToolCallFinished)]
    assert [line.text for line in note_lines(finished)] == [
        "  [x] read", "  [>] think", "  [-] wait", "  [ ] write",
    ]  # fmt: skip
    assert finished.result.structured_content == {
        "plan": [*STEPS[:3], {"step": "write", "status": "pending"}]
    }


async def test_only_one_step_is_in_progress() -> None:
    """The model is told, and the list is not taken."""
    steps = [{"step": name, "status": "in_progress"} for name in ("a", "b")]
    model = ScriptedModel(tool_call("update_plan", steps=steps), "Done.")

    result = await Agent(model, tools=[update_plan]).run("Go.")

    assert "Only one step" in result.history[2].text


def test_the_result_of_another_tool_is_no_plan() -> None:
    """Although it has a field of this name."""
    call = ToolCall(id="call00001", name="other", arguments="{}")
    contents: list[JsonObject] = [{"plan": "free"}, {"plan": [], "price": 1}, {"plan": [1]}]
    for content in contents:
        result = ToolResult("call00001", "text", structured_content=content)
        (line,) = note_lines(ToolCallFinished(call=call, result=result, seconds=0))
        assert line.text == "← text  (0 ms)"


def test_the_schemas_are_exact() -> None:
    """What is shown is the output schema."""
    assert update_plan.annotations.read_only_hint
    assert update_plan.input_schema["required"] == ["steps"]
    assert update_plan.output_schema is not None
    assert update_plan.output_schema["required"] == ["plan"]
