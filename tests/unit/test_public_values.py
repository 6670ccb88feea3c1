"""Public values print shortly, can be copied and pickled, and are read by pydantic."""

import copy
import pickle
from dataclasses import replace
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter

from agentkit import (
    Agent,
    Approval,
    AssistantMessage,
    AudioContent,
    Budget,
    ContextSettings,
    EmbeddedResource,
    EventRecord,
    History,
    ImageContent,
    ModelSettings,
    OutputSettings,
    ReasoningContent,
    ResourceLink,
    RunEvent,
    RunResult,
    SystemMessage,
    TextContent,
    TextReceived,
    ToolCall,
    ToolCallFinished,
    ToolChoice,
    ToolResult,
    Usage,
    UserMessage,
    Verdict,
)
from agentkit.model import ModelRequest, RateLimit, RetrySettings
from agentkit.testing import ScriptedModel, tool_call

CALL = ToolCall(id="c1", name="pay", arguments='{"amount": 5}')
VALUES: list[Any] = [
    SystemMessage("Be brief."),
    UserMessage(["Look:", ImageContent(data="AAAA", mime_type="image/png")]),
    AssistantMessage(["Hm.", ReasoningContent("think")], tool_calls=[CALL], is_incomplete=True),
    ToolResult("c1", "5", structured_content={"result": 5}, meta={"a": 1}),
    CALL,
    TextContent("hi"),
    AudioContent(data="AAAA", mime_type="audio/wav"),
    ResourceLink(uri="file:///a", name="a"),
    EmbeddedResource(uri="file:///a", text="a"),
    Budget(turns=3, cost_usd=0.5),
    ModelSettings(temperature=0.5, stop=("a",)),
    OutputSettings(retries=1),
    ContextSettings(window_tokens=1000),
    ToolChoice(mode="required"),
    Usage(input_tokens=3, output_tokens=4),
    Verdict("deny", reason="no"),
    Approval.approve(CALL, arguments={"amount": 1}),
    TextReceived("hi"),
    ToolCallFinished(call=CALL, result=ToolResult("c1", "5"), seconds=0.5),
    RetrySettings(attempts=2),
    RateLimit(requests_per_minute=3),
    ModelRequest(history=History([UserMessage("hi")])),
    History([UserMessage("hi"), AssistantMessage(tool_calls=[CALL])]),
]
COMPARED = [one for one in VALUES if not isinstance(one, History | ModelRequest)]


def _name(value: Any) -> str:
    return type(value).__name__


def _result() -> RunResult[str]:
    return Agent(ScriptedModel("Hello." * 3)).run_sync("hi " * 1000)


@pytest.mark.parametrize("value", VALUES, ids=_name)
def test_a_value_can_be_copied_and_pickled(value: Any) -> None:
    """The copies are equal to it, and of its class."""
    copies = [copy.copy(value), copy.deepcopy(value), pickle.loads(pickle.dumps(value))]

    assert copies == [value] * 3
    assert {type(one) for one in copies} == {type(value)}
    assert repr(copies[2]) == repr(value)


@pytest.mark.parametrize("value", COMPARED, ids=_name)
def test_a_value_prints_as_it_is_written(value: Any) -> None:
    """With the name of its class, and nothing of agentkit's insides."""
    assert repr(value).startswith(f"{type(value).__name__}(")
    assert " object at 0x" not in repr(value)
    assert " _" not in repr(value)


def test_a_message_prints_only_what_was_given() -> None:
    """So that a conversation can be read."""
    assert repr(UserMessage("hi")) == "UserMessage((TextContent('hi'),))"
    assert repr(AssistantMessage(tool_calls=[ToolCall(id="a", name="f")])) == (
        "AssistantMessage(tool_calls=(ToolCall(id='a', name='f'),))"
    )
    assert repr(ToolResult("a", is_error=True)) == "ToolResult('a', is_error=True)"
    assert repr(Budget(turns=3)) == "Budget(turns=3)"


@pytest.mark.parametrize("value", COMPARED, ids=_name)
def test_a_value_is_read_by_pydantic(value: Any) -> None:
    """From the JSON that pydantic writes of it."""
    adapter = TypeAdapter(type(value))

    assert adapter.validate_json(adapter.dump_json(value)) == value


@pytest.mark.parametrize("value", COMPARED[:5], ids=_name)
def test_a_message_can_be_changed_by_replace(value: Any) -> None:
    """With the same checks as its constructor."""
    assert replace(value) == value


def test_a_tool_call_is_a_field_of_a_pydantic_model() -> None:
    """As in the body of a request to a web service."""

    class Body(BaseModel):
        call: ToolCall
        results: list[ToolResult] = []

    body = Body.model_validate_json(
        '{"call": {"id": "c1", "name": "pay", "arguments": "{\\"amount\\": 5}"},'
        ' "results": [{"call_id": "c1", "content": [{"type": "text", "text": "5"}]}]}'
    )

    assert body.call == CALL
    assert body.results == [ToolResult("c1", "5")]
    assert Body.model_validate_json(body.model_dump_json()) == body
    assert Body.model_json_schema()["$defs"]["ToolCall"]["required"] == ["id", "name"]


def test_an_event_is_read_by_pydantic_as_one_of_all_events() -> None:
    """A program that stores events reads them so."""
    adapter: TypeAdapter[RunEvent] = TypeAdapter(RunEvent)

    assert adapter.validate_json(adapter.dump_json(TextReceived("hi"))) == TextReceived("hi")


def test_a_result_prints_its_output_and_not_its_conversation() -> None:
    """With why the run stopped, and what it used."""
    shown = repr(_result())

    assert shown.startswith("RunResult('Hello.Hello.Hello.', stop_reason='answered', tokens=")
    assert len(shown) < 200


def test_a_result_can_be_copied_and_pickled() -> None:
    """Also one whose output would raise an error."""
    limited = Budget(turns=1, closing_answer=False)
    stopped = Agent(ScriptedModel(tool_call("pay")), budget=limited).run_sync("hi")

    assert not stopped.has_output
    for result in (_result(), stopped):
        again = pickle.loads(pickle.dumps(result))
        assert again == result == copy.deepcopy(result)
        assert repr(again) == repr(result)
        assert again.new_messages == result.new_messages


def test_a_record_can_be_pickled() -> None:
    """And has a form in JSON."""
    records: list[EventRecord] = []

    async def listen(record: EventRecord) -> None:
        records.append(record)

    Agent(ScriptedModel("a")).run_sync("hi", listener=listen)

    assert pickle.loads(pickle.dumps(records)) == records
    assert records[-1].to_json().startswith("{")
