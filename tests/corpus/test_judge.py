"""The comparison of the corpus finds every difference."""

from dataclasses import replace
from typing import Any

import pytest

from agentkit import Agent, AssistantMessage, History, ProviderError, Usage
from agentkit.agent.result import build_result
from agentkit.agent.step import Answered, RunState
from agentkit.budget.meter import NOTHING
from agentkit.message import ToolCall, ToolResult, UserMessage
from agentkit.model import ModelExchange, Repair
from agentkit.testing import ScriptedModel
from tests.corpus.judge import differences
from tests.corpus.play import DONE, Case, Seen

RAN = [{"name": "look", "arguments": {"at": "x"}}]
CALL = ToolCall(id="abcdefgh1", name="look", arguments='{"at": "x"}')
WIRE_CALL = {"id": CALL.id, "function": {"name": "look", "arguments": CALL.arguments}}
SECOND: dict[str, Any] = {
    "messages": [
        {"role": "user", "content": "?"},
        {"role": "assistant", "content": None, "tool_calls": [WIRE_CALL]},
        {"role": "tool", "tool_call_id": CALL.id, "content": "y"},
    ]
}


def case(outcome: str, **expected: Any) -> Case:
    """Return a case with this expectation."""
    nothing: dict[str, Any] = {"tool_calls": [], "text": None, "error_kind": None, "retry": None}
    return {"expected": {**nothing, "outcome": outcome, **expected}}


def seen(*messages: Any, **changes: Any) -> Seen:
    """Return a run with the right outcome."""
    history = History((UserMessage("?"), *messages))
    usage = Usage(input_tokens=1, output_tokens=2)
    answered = ModelExchange(turn=1, provider=None, model=None, usage=usage)
    state = RunState(history=history, answered=Answered(exchanges=(answered,)))
    run = Agent[Any](ScriptedModel())._new_run("?", {}, None)
    run.meter.charge(NOTHING, usage)
    result = build_result(run, state, "answered", agent="a", model="m")
    return replace(Seen(is_streamed=True, result=result, requests=[{}]), **changes)


CALLED = seen(
    AssistantMessage(tool_calls=[CALL]),
    ToolResult(CALL.id, "y"),
    AssistantMessage(DONE),
    ran=RAN,
    started=RAN,
    requests=[{}, SECOND],
)
REPAIRED = replace(CALLED, repairs=[Repair(kind="x", before="", after="")])
SAID = seen(AssistantMessage("Hello"), shown="Hello")
FAILED = Seen(
    is_streamed=True, error=ProviderError("no room", kind="server", retry="same"), shown="He"
)
REFUSED = seen(
    AssistantMessage(tool_calls=[CALL]),
    ToolResult(CALL.id, "There is no tool 'x'.", is_error=True),
    AssistantMessage(DONE),
    requests=[{}, SECOND],
)

AS_CALLED = case("tool_calls", tool_calls=RAN)
AS_REPAIRED = case("repair", tool_calls=RAN)
AS_SAID = case("text", text="Hello")
AS_FAILED = case(
    "error", error_kind="server", retry="same", message_contains="room", partial_text="He"
)
AS_REFUSED = case("error", error_kind="unknown_tool", retry="feedback")
EXPECTED = [AS_CALLED, AS_REPAIRED, AS_SAID, AS_FAILED, AS_REFUSED]


@pytest.mark.parametrize("at", range(5), ids=["called", "repaired", "said", "failed", "refused"])
def test_each_outcome_is_right_only_if_it_is_expected(at: int) -> None:
    """And wrong for all other cases."""
    outcomes = [CALLED, REPAIRED, SAID, FAILED, REFUSED]

    verdicts = [differences(expected, outcomes[at]) == [] for expected in EXPECTED]

    assert verdicts == [position == at for position in range(5)]


@pytest.mark.parametrize(
    ("expected", "outcome"),
    [
        (AS_CALLED, replace(CALLED, started=[*RAN, *RAN])),
        (AS_CALLED, replace(CALLED, ran=[*RAN, *RAN], started=[*RAN, *RAN])),
        (AS_CALLED, replace(CALLED, shown="[TOOL_CALLS]")),
        (AS_SAID, replace(SAID, shown="Hel")),
        (AS_SAID, replace(SAID, requests=[{}, {}])),
        (case("text", text="Hi"), SAID),
        (case("tool_calls", tool_calls=RAN, text="So."), CALLED),
        (case("text", text="Hello", usage={"prompt_tokens": 1, "completion_tokens": 3}), SAID),
        (
            case(
                "text", text="Hello", usage={"prompt_tokens": 1, "completion_tokens": 2, "cost": 1}
            ),
            SAID,
        ),
        (case("error", error_kind="rate_limit", retry="same"), FAILED),
        (case("error", error_kind="server", retry="never"), FAILED),
        (case("error", error_kind="server", retry="same", retry_after_s=3), FAILED),
        (case("error", error_kind="server", retry="same", message_contains="else"), FAILED),
        (case("error", error_kind="server", retry="same", partial_text="H"), FAILED),
        (AS_FAILED, replace(FAILED, started=RAN)),
        (case("error", error_kind="server", retry="same"), replace(FAILED, shown="<tool_call>")),
        (case("error", error_kind="invalid_arguments", retry="feedback"), REFUSED),
        (AS_REFUSED, replace(REFUSED, requests=[{}, SECOND, {}])),
    ],
)
def test_a_small_difference_is_found(expected: Case, outcome: Seen) -> None:
    """In the calls that ran, the emitted text, the reports, the requests."""
    assert differences(expected, outcome)


@pytest.mark.parametrize(
    "change",
    [
        {"tool_call_id": "abcdefgh2"},
        {"id": "call_1", "tool_call_id": "call_1"},
        {"content": "I look."},
        {"arguments": {"at": "x"}},
    ],
)
def test_a_next_request_that_a_provider_rejects_is_found(change: dict[str, Any]) -> None:
    """Ids that differ, or have another length; text with calls; arguments that are not text."""
    call_id = change.get("id", CALL.id)
    arguments = change.get("arguments", CALL.arguments)
    wire = {"id": call_id, "function": {"name": "look", "arguments": arguments}}
    messages = [
        {"role": "assistant", "content": change.get("content"), "tool_calls": [wire]},
        {"role": "tool", "tool_call_id": change.get("tool_call_id", call_id), "content": "y"},
    ]

    assert differences(AS_CALLED, replace(CALLED, requests=[{}, {"messages": messages}]))


def test_another_right_outcome_is_accepted() -> None:
    """If the case names one, but not a third."""
    either = case("text", text="Hi")
    either["expected"]["also_accept"] = [{"outcome": "text", "text": "Hello"}]

    assert differences(either, SAID) == []
    assert differences(either, CALLED)
