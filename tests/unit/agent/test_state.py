"""How far a run has come, after each thing that happened."""

from dataclasses import replace

from agentkit.agent.step import (
    CallModel,
    Exchange,
    Policy,
    RunState,
    ToolAnswers,
    next_step,
)
from agentkit.chat import ModelResponse, ToolChoice
from agentkit.history import History
from agentkit.message import AssistantMessage, Message, ToolCall, ToolResult, UserMessage
from agentkit.output.output_type import Judgement
from agentkit.usage import Usage

CALL = ToolCall(id="1", name="add")
OTHER = ToolCall(id="2", name="add")
HI = UserMessage.of("hi")
AGAIN = UserMessage.of("Once more.")


STATE = RunState(history=History([HI]))


def _response(*calls: ToolCall, text: str = "") -> ModelResponse:
    return ModelResponse(
        message=AssistantMessage.of(text, *calls),
        finish_reason="tool_calls" if calls else "stop",
        usage=Usage(),
    )


def test_what_the_user_said_in_between_stands_where_it_was_said() -> None:
    """Before the answer if it was taken in, after it if it came too late."""
    exchange = Exchange(response=_response(text="so"), taken=(AGAIN,), late=(HI,))

    state = STATE.add_exchange(exchange)

    assert state.history.messages == (HI, AGAIN, AssistantMessage.of("so"), HI)


def test_the_last_turns_are_known_where_they_are_whole() -> None:
    """A turn that has open calls is not; one that an answer settled is read from the history."""
    asked = STATE.add_exchange(Exchange(response=_response(CALL, OTHER)))
    part = asked.add_answers(ToolAnswers(results=(ToolResult.of("1", "2"),)))
    whole = part.add_answers(ToolAnswers(results=(ToolResult.of("2", "3"),)))
    judged = Judgement(reason="no", results=(ToolResult.of("3", "no"),))
    third = replace(CALL, id="3")

    assert (asked.last_turns, part.last_turns) == (None, None)
    assert whole.last_turns is not None
    assert [turn.came for turn in whole.last_turns] == [[("2", False), ("3", False)]]
    settled = whole.add_exchange(Exchange(response=_response(third), judged=judged))
    assert settled.last_turns is None
    kept = whole.add_exchange(Exchange(response=_response(third)))
    assert kept.last_turns == whole.last_turns


def test_a_run_that_has_called_nothing_is_not_looked_at() -> None:
    """What went nowhere before it is another run's affair."""
    messages: list[Message] = [HI]
    for turn in range(9):
        call = replace(CALL, id=str(turn))
        messages += [AssistantMessage.of("", call), ToolResult.of(call.id, "2")]
    history = History(messages)

    assert next_step(RunState(history=history), Policy()) == CallModel(choice=ToolChoice())
    assert next_step(RunState(history=history, has_called=True), Policy()) != CallModel(
        choice=ToolChoice()
    )
