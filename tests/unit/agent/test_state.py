"""How far a run has come, after each thing that happened."""

from dataclasses import replace

import pytest

from agentkit.agent.step import (
    Answered,
    CallModel,
    Exchange,
    Policy,
    RunState,
    ToolAnswers,
    next_step,
)
from agentkit.chat import ModelResponse, ToolChoice
from agentkit.event import StopReason
from agentkit.history import History
from agentkit.message import AssistantMessage, Message, ToolCall, ToolResult, UserMessage
from agentkit.output.output_type import Judgement
from agentkit.usage import Usage

CALL = ToolCall(id="1", name="add")
OTHER = ToolCall(id="2", name="add")
HI = UserMessage("hi")
AGAIN = UserMessage("Once more.")


STATE = RunState(history=History([HI]))


def _response(*calls: ToolCall, text: str = "") -> ModelResponse:
    return ModelResponse(
        message=AssistantMessage(text, tool_calls=calls),
        finish_reason="tool_calls" if calls else "stop",
        usage=Usage(),
    )


def test_messages_of_the_user_during_a_run_are_in_order() -> None:
    """Before the answer if they came before the request, after it otherwise."""
    exchange = Exchange(response=_response(text="so"), taken=(AGAIN,), late=(HI,))

    state = STATE.add_exchange(exchange)

    assert state.history.messages == (HI, AGAIN, AssistantMessage("so"), HI)


def test_the_last_turns_are_known_if_they_are_complete() -> None:
    """A turn with open calls is not; one that an answer completed is read from the history."""
    asked = STATE.add_exchange(Exchange(response=_response(CALL, OTHER)))
    part = asked.add_answers(ToolAnswers(results=(ToolResult("1", "2"),)))
    complete = part.add_answers(ToolAnswers(results=(ToolResult("2", "3"),)))
    judged = Judgement(reason="no", results=(ToolResult("3", "no"),))
    third = replace(CALL, id="3")

    assert (asked.last_turns, part.last_turns) == (None, None)
    assert complete.last_turns is not None
    assert [turn.came for turn in complete.last_turns] == [[("2", False), ("3", False)]]
    answered = complete.add_exchange(Exchange(response=_response(third), judged=judged))
    assert answered.last_turns is None
    kept = complete.add_exchange(Exchange(response=_response(third)))
    assert kept.last_turns == complete.last_turns


def test_a_run_without_calls_is_not_checked_for_stalls() -> None:
    """Turns before it belong to another run."""
    messages: list[Message] = [HI]
    for turn in range(9):
        call = replace(CALL, id=str(turn))
        messages += [AssistantMessage(tool_calls=[call]), ToolResult(call.id, "2")]
    history = History(messages)

    assert next_step(RunState(history=history), Policy()) == CallModel(choice=ToolChoice())
    assert next_step(
        RunState(history=history, answered=Answered(has_called=True)), Policy()
    ) != CallModel(choice=ToolChoice())


@pytest.mark.parametrize(
    ("before", "now", "then"),
    [(None, None, None), ("deadline", None, "deadline"), (None, "max_cost", "max_cost")],
)
def test_a_limit_once_reached_stays_reached(
    before: StopReason | None, now: StopReason | None, then: StopReason | None
) -> None:
    """By an exchange or by tools."""
    state = RunState(history=History([HI]), over=before)

    assert state.add_exchange(Exchange(over=now)).over == then
    assert state.add_answers(ToolAnswers(results=(), over=now)).over == then


def test_the_first_state_is_empty() -> None:
    """No answer, no refusal."""
    state = STATE

    assert (
        state.answered.is_accepted,
        state.answered.is_asked_again,
        state.answered.has_called,
    ) == (False, False, False)
    assert (state.answered.refusals, state.answered.turns) == (0, 0)
    assert not Judgement().is_accepted
