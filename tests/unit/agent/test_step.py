"""What a run does next, decided from values."""

import sys
from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest

from agentkit import Agent, OutputError
from agentkit.agent.progress import HINT
from agentkit.agent.result import build_result
from agentkit.agent.step import (
    Answered,
    CallFacts,
    CallModel,
    Exchange,
    Finish,
    PlanCalls,
    Policy,
    RunState,
    RunTools,
    Step,
    Suspend,
    ToolAnswers,
    next_step,
)
from agentkit.budget.budget import Budget
from agentkit.chat import FinishReason, ModelExchange, ModelResponse, ToolChoice
from agentkit.event import StopReason
from agentkit.history import History
from agentkit.message import AssistantMessage, Message, ToolCall, ToolResult, UserMessage
from agentkit.output.output_type import Judgement, SuspendedError
from agentkit.testing import ScriptedModel
from agentkit.tools.approval import PlannedCall, Verdict
from agentkit.tools.tool_options import Decision
from agentkit.usage import Usage

CALL = ToolCall(id="1", name="add")
OTHER = ToolCall(id="2", name="add")
HI = UserMessage("hi")
ASKS = AssistantMessage(tool_calls=[CALL])
SAID = AssistantMessage("so it is")
AGAIN = UserMessage("Once more.")
FORCED = ToolChoice(mode="required")


def _state(messages: Sequence[Message], **values: object) -> RunState:
    own: dict[str, Any] = {name: values.pop(name) for name in ("over", "closing") if name in values}
    answered = Answered(**values)  # type: ignore[arg-type]  # test values
    return RunState(history=History(messages), answered=answered, **own)


def _plan(*decisions: Decision) -> dict[str, PlannedCall]:
    return {
        call.id: PlannedCall(
            call_id=call.id, tool_name="add", effect="once", verdict=Verdict(decision)
        )
        for call, decision in zip((CALL, OTHER), decisions, strict=False)
    }


def _again(times: int) -> list[Message]:
    messages: list[Message] = [HI]
    for turn in range(times):
        call = replace(CALL, id=str(turn))
        messages += [AssistantMessage(tool_calls=[call]), ToolResult(call.id, "2")]
    return messages


_HINT = HINT.format(what="the same call of add gave the same result 3 times")


@pytest.mark.parametrize(
    ("state", "policy", "expected"),
    [
        pytest.param(_state([HI]), Policy(), CallModel(choice=ToolChoice()), id="a question"),
        pytest.param(
            _state([HI]), Policy(tool_choice=FORCED), CallModel(choice=FORCED), id="a forced call"
        ),
        pytest.param(
            _state([HI, ASKS]),
            Policy(),
            PlanCalls(calls=(CALL,)),
            id="open calls of an earlier run",
        ),
        pytest.param(
            _state([HI, AssistantMessage(tool_calls=[CALL, OTHER])], plan=_plan("allow", "allow")),
            Policy(),
            RunTools(calls=(CALL, OTHER)),
            id="calls that may run",
        ),
        pytest.param(
            _state([HI, AssistantMessage(tool_calls=[CALL, OTHER])], plan=_plan("deny", "ask")),
            Policy(),
            RunTools(calls=(CALL,)),
            id="calls up to the first that needs approval",
        ),
        pytest.param(
            _state([HI, AssistantMessage(tool_calls=[CALL, OTHER])], plan=_plan("ask", "allow")),
            Policy(),
            Suspend(calls=(CALL, OTHER)),
            id="a call that needs approval delays those after it",
        ),
        pytest.param(
            _state([HI, ASKS, ToolResult("1", "2")], over="deadline"),
            Policy(),
            CallModel(choice=ToolChoice(mode="none"), closing="deadline"),
            id="a limit that was reached",
        ),
        pytest.param(
            _state([HI, ASKS, ToolResult("1", "2")], over="max_cost"),
            Policy(closing_answer=False),
            Finish(reason="max_cost"),
            id="a hard limit",
        ),
        pytest.param(
            _state(_again(3), has_called=True),
            Policy(),
            CallModel(choice=ToolChoice(), hint=_HINT),
            id="the same again: a hint",
        ),
        pytest.param(
            _state(_again(5), has_called=True),
            Policy(),
            CallModel(choice=ToolChoice(mode="none"), closing="no_progress"),
            id="the same again and again: no more tools",
        ),
        pytest.param(
            _state(_again(5), has_called=True),
            Policy(stop_without_progress=False),
            CallModel(choice=ToolChoice()),
            id="no one watches",
        ),
        pytest.param(
            _state(_again(5), has_called=True, polling=frozenset({"add"})),
            Policy(),
            CallModel(choice=ToolChoice()),
            id="a tool that polls",
        ),
        pytest.param(
            _state([HI, ASKS, ToolResult("1", "2")], has_called=True),
            Policy(tool_choice=FORCED),
            CallModel(choice=ToolChoice()),
            id="a forced call is forced once",
        ),
        pytest.param(
            _state([HI, ASKS, ToolResult("1", "2")], has_called=True),
            Policy(tool_choice=ToolChoice(mode="none")),
            CallModel(choice=ToolChoice(mode="none")),
            id="none stays none",
        ),
        pytest.param(
            _state([HI, AssistantMessage("yes")], finish_reason="stop", turns=40),
            Policy(),
            Finish(reason="answered"),
            id="an answer in the last turn",
        ),
        pytest.param(
            _state(
                [HI, ASKS, ToolResult("1", "2")],
                turns=2,
                over="max_turns",
            ),
            Policy(),
            CallModel(choice=ToolChoice(mode="none"), closing="max_turns"),
            id="the limit: asked once more",
        ),
        pytest.param(
            _state([HI, AssistantMessage("so far")], turns=3, closing="max_turns"),
            Policy(),
            Finish(reason="max_turns"),
            id="the last answer",
        ),
        pytest.param(
            _state(
                [HI, ASKS],
                turns=3,
                closing="max_turns",
                plan=_plan("allow"),
            ),
            Policy(),
            RunTools(calls=(CALL,)),
            id="calls in spite of the limit are answered",
        ),
        pytest.param(
            _state([HI, AssistantMessage("done")]),
            Policy(),
            Finish(reason="answered"),
            id="a finished history",
        ),
        pytest.param(_state([]), Policy(), CallModel(choice=ToolChoice()), id="nothing yet"),
        pytest.param(
            _state([HI], turns=3, over="max_turns"),
            Policy(),
            CallModel(choice=ToolChoice(mode="none"), closing="max_turns"),
            id="beyond the limit",
        ),
        pytest.param(
            _state([HI, SAID], is_accepted=True),
            Policy(output_retries=1),
            Finish(reason="answered"),
            id="an answer of the right type",
        ),
        pytest.param(
            _state([HI, SAID, AGAIN], refusals=1),
            Policy(output_retries=1),
            CallModel(choice=ToolChoice()),
            id="an answer of another type, with one more try",
        ),
        pytest.param(
            _state([HI, SAID, AGAIN], refusals=2),
            Policy(output_retries=1),
            Finish(reason="invalid_output"),
            id="an answer of another type, without another try",
        ),
        pytest.param(
            _state([HI, SAID, AGAIN], refusals=3),
            Policy(output_retries=1),
            Finish(reason="invalid_output"),
            id="even fewer tries",
        ),
        pytest.param(
            _state([HI, SAID, AGAIN], is_asked_again=True),
            Policy(output_retries=1, answer_choice=FORCED),
            CallModel(choice=FORCED),
            id="after a text answer, the call that answers",
        ),
        pytest.param(
            _state([HI, SAID, AGAIN], is_asked_again=True),
            Policy(output_retries=1),
            CallModel(choice=ToolChoice()),
            id="after a text answer, if no call answers",
        ),
        pytest.param(
            _state([HI]),
            Policy(output_retries=1, answer_choice=FORCED),
            CallModel(choice=ToolChoice()),
            id="no text answer yet",
        ),
        pytest.param(
            _state([HI, SAID], finish_reason="content_filter"),
            Policy(output_retries=1),
            Finish(reason="content_filter"),
            id="an answer that was withheld",
        ),
        pytest.param(
            _state([HI, SAID, AGAIN], finish_reason="content_filter"),
            Policy(output_retries=1),
            CallModel(choice=ToolChoice()),
            id="an answer that was withheld, and a message since",
        ),
        pytest.param(
            _state([HI, SAID], finish_reason="stop"),
            Policy(output_retries=1),
            CallModel(choice=ToolChoice()),
            id="a text in place of structured output",
        ),
    ],
)
def test_the_next_step_follows_from_the_state(
    state: RunState, policy: Policy, expected: Step
) -> None:
    """Equal states give equal steps."""
    assert next_step(state, policy) == expected


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
def test_the_stop_reason_follows_from_the_finish_reason(
    finish_reason: FinishReason | None, stop_reason: StopReason
) -> None:
    """A cut answer is not reported as a complete one."""
    state = _state([HI, AssistantMessage("x")], finish_reason=finish_reason)

    assert next_step(state, Policy()) == Finish(reason=stop_reason)


def test_a_state_grows_by_responses_and_results() -> None:
    """Turns, usage and calls are counted; the old state stays."""
    start = _state([HI])
    response = ModelResponse(
        message=ASKS,
        finish_reason="tool_calls",
        usage=Usage(input_tokens=3),
    )

    asked = start.add_exchange(Exchange(response=response))
    answered = asked.add_answers(ToolAnswers(results=(ToolResult("1", "2"),)))
    closed = answered.add_exchange(
        Exchange(response=ModelResponse(message=AssistantMessage("two"), finish_reason="stop")),
        closing="max_turns",
    )

    assert start == _state([HI])
    assert (
        asked.answered.turns,
        asked.answered.has_called,
        asked.answered.exchanges[0].usage.input_tokens,
    ) == (1, True, 3)
    assert answered.history.open_calls == ()
    assert (closed.answered.turns, closed.answered.has_called, closed.closing) == (
        2,
        True,
        "max_turns",
    )


def test_a_result_has_the_output_that_the_run_ended_with() -> None:
    """A text next to a call, or no text, is no output."""
    run = Agent[Any](ScriptedModel())._new_run("hi", {}, None)
    asked: list[Message] = [HI, AssistantMessage("Let me see.", tool_calls=[CALL])]
    closed = _state([*asked, ToolResult("1", "2"), AssistantMessage("two")])
    without_answer = _state([*asked, ToolResult("1", "2")])

    assert build_result(run, closed, "max_turns", agent="a", model="m").output == "two"
    result = build_result(run, without_answer, "max_turns", agent="a", model="m")
    assert (result.has_output, result.text) == (False, "Let me see.")
    with pytest.raises(OutputError, match="stop_reason 'max_turns'"):
        result.output  # noqa: B018 - the property raises
    empty = build_result(run, _state([HI]), "max_turns", agent="a", model="m")
    assert empty.text == "The run ended without an answer: it reached its limit of model calls."
    waiting = build_result(run, _state(asked), "suspended", agent="a", model="m")
    with pytest.raises(SuspendedError, match="add must be approved"):
        waiting.output  # noqa: B018 - the property raises
    assert "SuspendedError" not in repr(waiting)


def test_each_turn_is_listed_with_the_model_that_answered() -> None:
    """The numbers continue from the turns before."""
    response = ModelResponse(message=SAID, finish_reason="stop", provider="h", model="m")

    state = _state([HI], turns=3).add_exchange(Exchange(response=response))

    assert state.answered.turns == 4
    assert state.answered.exchanges == (
        ModelExchange(turn=4, provider="h", model="m", usage=Usage()),
    )


@pytest.mark.parametrize("late", [(), (AGAIN,)], ids=["nothing since", "something was said since"])
def test_an_answer_counts_unless_the_user_has_sent_a_message_since(
    late: tuple[UserMessage, ...],
) -> None:
    """The message is answered first."""
    response = ModelResponse(message=SAID, finish_reason="stop")
    accepted = Exchange(response=response, judged=Judgement(is_accepted=True), late=late)
    refused = Exchange(response=response, judged=Judgement(reason="no", reply=AGAIN), late=late)
    other = Exchange(response=response, judged=Judgement(reason="no"), late=late)

    states = [_state([HI], refusals=3).add_exchange(each) for each in (accepted, refused, other)]

    assert [state.answered.is_accepted for state in states] == [not late, False, False]
    assert [state.answered.is_asked_again for state in states] == [False, not late, False]
    assert [state.answered.refusals for state in states] == [3, 4, 4]
    assert list(states[0].history) == [HI, SAID, *late]
    assert list(states[1].history) == [HI, SAID, AGAIN, *late]


def test_states_and_steps_are_values() -> None:
    """Each field is named, and there are no others; what few turns make cannot be changed."""
    module = sys.modules[RunState.__module__]
    made = [
        one for one in vars(module).values() if getattr(one, "__module__", "") == module.__name__
    ]
    values = [one for one in made if isinstance(one, type) and is_dataclass(one)]

    of_each_turn = {Exchange, CallFacts, ToolAnswers, Answered, RunState, CallModel, RunTools}

    assert len(values) == 11
    for one in values:
        assert vars(one)["__dataclass_params__"].frozen is (one not in of_each_turn), one
        assert vars(one)["__hash__"] is not None, one
        assert "__slots__" in vars(one), one
        assert all(field.kw_only for field in fields(one)), one


def test_a_budget_without_a_turn_is_refused() -> None:
    """A run needs at least one request."""
    with pytest.raises(ValueError, match="at least one turn"):
        Budget(turns=0)
