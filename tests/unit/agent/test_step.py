"""What a run does next, decided from values."""

from collections.abc import Sequence

import pytest

from agentkit.agent.budget import Budget
from agentkit.agent.result import RunResult
from agentkit.agent.step import CallModel, Finish, Policy, RunState, RunTools, Step, next_step
from agentkit.chat import FinishReason, ModelResponse, ToolChoice
from agentkit.event import StopReason
from agentkit.history import History
from agentkit.message import AssistantMessage, Message, ToolCall, ToolResult, UserMessage
from agentkit.usage import Usage

CALL = ToolCall(id="1", name="add")
HI = UserMessage.of("hi")
FORCED = ToolChoice(mode="required")


def _state(messages: Sequence[Message], **values: object) -> RunState:
    return RunState(history=History(messages), **values)  # type: ignore[arg-type]  # test values


@pytest.mark.parametrize(
    ("state", "policy", "step"),
    [
        pytest.param(_state([HI]), Policy(), CallModel(choice=ToolChoice()), id="a question"),
        pytest.param(
            _state([HI]), Policy(tool_choice=FORCED), CallModel(choice=FORCED), id="a forced call"
        ),
        pytest.param(
            _state([HI, AssistantMessage.of("", CALL)]),
            Policy(),
            RunTools(calls=(CALL,)),
            id="open calls",
        ),
        pytest.param(
            _state([HI, AssistantMessage.of("", CALL), ToolResult.of("1", "2")], has_called=True),
            Policy(tool_choice=FORCED),
            CallModel(choice=ToolChoice()),
            id="a forced call is forced once",
        ),
        pytest.param(
            _state([HI, AssistantMessage.of("", CALL), ToolResult.of("1", "2")], has_called=True),
            Policy(tool_choice=ToolChoice(mode="none")),
            CallModel(choice=ToolChoice(mode="none")),
            id="none stays none",
        ),
        pytest.param(
            _state([HI, AssistantMessage.of("yes")], finish_reason="stop", turns=40),
            Policy(),
            Finish(reason="answered"),
            id="an answer in the last turn",
        ),
        pytest.param(
            _state([HI, AssistantMessage.of("", CALL), ToolResult.of("1", "2")], turns=2),
            Policy(budget=Budget(turns=2)),
            CallModel(choice=ToolChoice(mode="none"), closing="max_turns"),
            id="the limit: asked once more",
        ),
        pytest.param(
            _state([HI, AssistantMessage.of("so far")], turns=3, closing="max_turns"),
            Policy(budget=Budget(turns=2)),
            Finish(reason="max_turns"),
            id="the last answer",
        ),
        pytest.param(
            _state([HI, AssistantMessage.of("", CALL)], turns=3, closing="max_turns"),
            Policy(budget=Budget(turns=2)),
            RunTools(calls=(CALL,)),
            id="calls in spite of the limit are answered",
        ),
        pytest.param(
            _state([HI, AssistantMessage.of("done")]),
            Policy(),
            Finish(reason="answered"),
            id="a finished history",
        ),
        pytest.param(_state([]), Policy(), CallModel(choice=ToolChoice()), id="nothing yet"),
    ],
)
def test_the_next_step_follows_from_the_state(state: RunState, policy: Policy, step: Step) -> None:
    """Equal states give equal steps."""
    assert next_step(state, policy) == step


@pytest.mark.parametrize(
    ("finish_reason", "stop_reason"),
    [
        ("stop", "answered"),
        ("tool_calls", "answered"),
        ("length", "length"),
        ("content_filter", "content_filter"),
        (None, "answered"),
    ],
)
def test_why_a_run_stopped_follows_from_why_the_answer_did(
    finish_reason: FinishReason | None, stop_reason: StopReason
) -> None:
    """A cut answer is not passed off as a whole one."""
    state = _state([HI, AssistantMessage.of("x")], finish_reason=finish_reason)

    assert next_step(state, Policy()) == Finish(reason=stop_reason)


def test_a_state_grows_by_responses_and_results() -> None:
    """Turns, usage and calls are counted; the old state stays."""
    start = _state([HI])
    response = ModelResponse(
        message=AssistantMessage.of("", CALL),
        finish_reason="tool_calls",
        usage=Usage(input_tokens=3),
    )

    asked = start.add_response(response)
    answered = asked.add_results([ToolResult.of("1", "2")])
    closed = answered.add_response(
        ModelResponse(message=AssistantMessage.of("two"), finish_reason="stop"),
        closing="max_turns",
    )

    assert start == _state([HI])
    assert (asked.turns, asked.has_called, asked.usage.input_tokens) == (1, True, 3)
    assert answered.history.open_calls == ()
    assert (closed.turns, closed.has_called, closed.closing) == (2, True, "max_turns")
    assert RunResult.finished(closed, "max_turns", model="m").output == "two"
    assert RunResult.finished(answered, "max_turns", model="m").output == ""


def test_a_budget_without_a_turn_is_refused() -> None:
    """A run has to ask at least once."""
    with pytest.raises(ValueError, match="at least one turn"):
        Budget(turns=0)
