"""What a request says about calls holds, whatever the model answers."""

import json
from typing import Any

import pytest

from agentkit import Agent, AssistantMessage, Budget, ModelSettings, tool
from agentkit.chat import ToolChoice
from agentkit.durable.journal import MemoryJournal
from agentkit.errors import ProtocolError
from agentkit.event import AnswerRepaired, ToolCallRejected
from agentkit.history import History
from agentkit.message import ToolCall, ToolResult
from agentkit.testing import ScriptedModel, tool_call
from agentkit.tools.approval import Approval

ONE_AT_A_TIME = ModelSettings(parallel_tool_calls=False)


class Notes:
    """A tool that notes what it was called with."""

    def __init__(self) -> None:
        self.taken: list[str] = []

    def tool(self, **options: Any) -> Any:
        """Return the tool."""

        @tool(**options)
        def note(text: str) -> str:
            """Note something."""
            self.taken.append(text)
            return f"noted {text}"

        return note


def _calls(*texts: str) -> AssistantMessage:
    calls = [
        ToolCall(id=f"note{at:05}", name="note", arguments=json.dumps({"text": text}))
        for at, text in enumerate(texts)
    ]
    return AssistantMessage("", tool_calls=calls)


async def test_only_the_first_of_several_calls_runs_if_one_is_allowed() -> None:
    """The model reads that the others were not run, and may call again."""
    notes = Notes()
    model = ScriptedModel(_calls("a", "b", "c"), "done")
    agent = Agent(model, tools=[notes.tool(read_only=True)], settings=ONE_AT_A_TIME)

    result = await agent.run("go")

    assert notes.taken == ["a"]
    results = [message for message in result.history if isinstance(message, ToolResult)]
    assert [one.is_error for one in results] == [False, True, True]
    assert "only one call at a time" in results[1].text
    assert result.output == "done"


@pytest.mark.parametrize("settings", [ModelSettings(), ModelSettings(parallel_tool_calls=True)])
async def test_all_calls_run_by_default(settings: ModelSettings) -> None:
    """The setting is not given, or allows it."""
    notes = Notes()
    agent = Agent(ScriptedModel(_calls("a", "b"), "done"), tools=[notes.tool(read_only=True)])

    await agent.run("go", settings=settings)

    assert sorted(notes.taken) == ["a", "b"]


async def test_a_call_that_is_not_run_uses_no_budget_and_is_reported() -> None:
    """Its tool is not started."""
    notes = Notes()
    model = ScriptedModel(
        _calls("a", "b"),
        AssistantMessage("", tool_calls=[tool_call("note", text="c")]),
        "done",
    )
    agent = Agent(model, tools=[notes.tool()], settings=ONE_AT_A_TIME, budget=Budget(tool_calls=2))

    async with agent.stream("go") as run:
        rejected = [event.call.id async for event in run if isinstance(event, ToolCallRejected)]

    assert notes.taken == ["a", "c"]
    assert rejected == ["note00001"]


async def test_only_the_first_call_needs_approval() -> None:
    """An approval of a later one, given by mistake, runs nothing."""
    notes = Notes()
    model = ScriptedModel(_calls("a", "b"), "done")
    agent = Agent(model, tools=[notes.tool(approval="ask")], settings=ONE_AT_A_TIME)
    suspended = await agent.run("go")

    approvals = [Approval.approve(call) for call in suspended.open_calls]
    result = await agent.run(history=suspended.history, approvals=approvals)

    assert suspended.stop_reason == "suspended"
    assert notes.taken == ["a"]
    assert result.output == "done"


async def test_a_call_whose_first_has_its_result_already_is_not_run_either() -> None:
    """The result came from outside while the run was suspended."""
    notes = Notes()
    agent = Agent(ScriptedModel("done"), tools=[notes.tool()], settings=ONE_AT_A_TIME)
    asked = await Agent(ScriptedModel(_calls("a", "b")), tools=[notes.tool(approval="ask")]).run(
        "go"
    )
    history = History([*asked.history, ToolResult("note00000", "noted elsewhere")])

    await agent.run(history=history)

    assert notes.taken == []


async def test_a_replay_keeps_that_a_call_was_not_run() -> None:
    """Also if the second life allows several calls."""
    notes = Notes()
    journal = MemoryJournal()
    tools = [notes.tool()]
    first = Agent(ScriptedModel(_calls("a", "b"), "done"), tools=tools, settings=ONE_AT_A_TIME)
    done = await first.run("go", journal=journal, run_id="one")

    again = await Agent(ScriptedModel(), tools=tools).run("go", journal=journal, run_id="one")

    assert again.history == done.history
    assert notes.taken == ["a"]


async def test_no_call_runs_if_none_is_allowed() -> None:
    """The text of the answer counts, and the drop is reported."""
    notes = Notes()
    answer = AssistantMessage("Here.", tool_calls=_calls("a").tool_calls)
    agent = Agent(ScriptedModel(answer), tools=[notes.tool()])

    async with agent.stream("go", tool_choice=ToolChoice(mode="none")) as run:
        repairs = [event.repair async for event in run if isinstance(event, AnswerRepaired)]

    assert notes.taken == []
    assert run.result.output == "Here."
    assert run.result.history.open_calls == ()
    assert [(one.kind, one.before) for one in repairs] == [("dropped_call", "note")]


async def test_an_answer_of_calls_alone_is_an_error_if_none_is_allowed() -> None:
    """There is no answer in it."""
    notes = Notes()
    agent = Agent(ScriptedModel(_calls("a")), tools=[notes.tool()])

    with pytest.raises(ProtocolError, match="did not allow") as caught:
        await agent.run("go", tool_choice=ToolChoice(mode="none"))

    assert caught.value.kind == "empty_response"
    assert notes.taken == []
