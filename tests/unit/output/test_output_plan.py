"""Requests for structured output, and the outputs of histories."""

import pytest

from agentkit.agent.step import CallModel
from agentkit.chat import ModelResponse, ToolChoice, ToolSpec
from agentkit.history import History
from agentkit.message import AssistantMessage, SystemMessage, ToolCall, ToolResult, UserMessage
from agentkit.output.output_plan import ACCEPTED, PLAIN_TEXT, plan_output
from agentkit.output.output_type import OutputSettings
from agentkit.testing.scripted import tool_call

PLAN = plan_output(int, default_mode="tool", settings=OutputSettings())
PROMPT = plan_output(int, default_mode="prompt", settings=OutputSettings())
OTHER = ToolSpec(name="other", description="", input_schema={"type": "object"})
OWN = PLAN.tool.spec if PLAN.tool is not None else OTHER
NAMED = ToolChoice(mode="required", name="final_answer")
CALL = tool_call("final_answer", result=3)
ANSWERED = (AssistantMessage(tool_calls=[CALL]), ToolResult(CALL.id, ACCEPTED))
ASKED = UserMessage("How many?")


def test_plain_text_adds_nothing_to_a_request_and_accepts_any_answer() -> None:
    """It costs a run nothing."""
    response = ModelResponse(message=AssistantMessage("3"), finish_reason="stop")
    history = History([ASKED, response.message])

    assert plan_output(str, default_mode="tool", settings=OutputSettings()).output is None
    assert PLAIN_TEXT.offer((OTHER,), ToolChoice(), closing=None, stream=True).tools == (OTHER,)
    assert PLAIN_TEXT.judge(response, is_closing=False) is None
    assert PLAIN_TEXT.partial() is None
    assert PLAIN_TEXT.retries is None
    assert not PLAIN_TEXT.is_answered(history)
    assert PLAIN_TEXT.resumed(history) is history
    assert PLAIN_TEXT.find(history).values == ("3",)
    assert PLAIN_TEXT.find(History([AssistantMessage(tool_calls=[CALL])])).text == ""


@pytest.mark.parametrize(
    ("tools", "step", "offered", "choice"),
    [
        ((OTHER, OWN), CallModel(choice=ToolChoice()), (OTHER, OWN), ToolChoice()),
        ((OWN,), CallModel(choice=ToolChoice()), (OWN,), NAMED),
        ((), CallModel(choice=ToolChoice(mode="none"), closing="deadline"), (OWN,), NAMED),
        ((OTHER, OWN), CallModel(choice=ToolChoice(mode="none")), (OWN,), NAMED),
        (
            (OTHER, OWN),
            CallModel(choice=ToolChoice(mode="required")),
            (OTHER,),
            ToolChoice(mode="required"),
        ),
        ((OTHER, OWN), CallModel(choice=NAMED), (OTHER, OWN), NAMED),
    ],
    ids=["with other calls", "alone", "closing", "no tools", "forced", "named"],
)
def test_the_offer_depends_on_the_tool_choice_and_the_tools(
    tools: tuple[ToolSpec, ...],
    step: CallModel,
    offered: tuple[ToolSpec, ...],
    choice: ToolChoice,
) -> None:
    """The answer is always possible, unless another tool is required."""
    offer = PLAN.offer(tools, step.choice, closing=step.closing, stream=True)

    assert (offer.tools, offer.choice, offer.shown_arguments) == (offered, choice, "final_answer")


@pytest.mark.parametrize(
    ("messages", "values"),
    [
        ((ASKED, *ANSWERED), (3,)),
        (
            (ASKED, AssistantMessage(tool_calls=[CALL]), ToolResult(CALL.id, "no", is_error=True)),
            (),
        ),
        ((ASKED, AssistantMessage(tool_calls=[CALL])), ()),
        ((ASKED, *ANSWERED, UserMessage("And now?")), ()),
        ((ASKED, AssistantMessage('{"result": 3}')), (3,)),
        ((ASKED, AssistantMessage("three")), ()),
        ((SystemMessage("Be."),), ()),
        ((), ()),
    ],
    ids=["taken", "refused", "open", "asked on", "text", "words", "no answer", "nothing"],
)
def test_a_value_is_found_only_at_the_end_of_a_history(
    messages: tuple[AssistantMessage, ...], values: tuple[int, ...]
) -> None:
    """And only if it was accepted."""
    assert PLAN.find(History(messages)).values == values


def test_a_call_is_not_an_answer_if_text_was_requested() -> None:
    """The tool of that name is another one."""
    assert PROMPT.find(History([ASKED, *ANSWERED])).values == ()


def test_an_exemption_needs_a_rule_and_an_answering_tool() -> None:
    """Otherwise the rule is returned unchanged."""
    assert PLAN.exempt_from(None) is None
    assert PROMPT.exempt_from(rule := lambda _: "ask") is rule


def test_a_wrapped_tool_name_is_recognized() -> None:
    """Providers add a namespace before it."""
    call = tool_call("functions.final_answer", result=3)
    response = ModelResponse(
        message=AssistantMessage(tool_calls=[call]), finish_reason="tool_calls"
    )

    judged = PLAN.judge(response, is_closing=False)

    assert judged is not None
    assert judged.is_accepted


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (' {"result":3}\n', '{"result":3}'),
        ('{"result": 3,}', '{"result": 3}'),
        (r'{"result": "\u00fc"}', '{"result": "ü"}'),
    ],
    ids=["valid", "repaired", "escaped"],
)
def test_the_text_of_an_output_is_json_that_people_can_read(arguments: str, text: str) -> None:
    """It is the model's own, unless that was repaired or has escapes."""
    plan = plan_output(int | str, default_mode="tool", settings=OutputSettings())
    call = ToolCall(id=CALL.id, name=CALL.name, arguments=arguments)
    history = History([ASKED, AssistantMessage(tool_calls=[call]), ToolResult(call.id, ACCEPTED)])

    assert plan.find(history).text == text
