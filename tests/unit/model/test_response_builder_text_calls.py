"""Calls in the text of an answer, and what is shown of it."""

import json

import pytest

from agentkit.chat import ModelRequest, ToolChoice, ToolSpec
from agentkit.dialect.base import (
    CallDelta,
    Delta,
    DoneDelta,
    FinishDelta,
    TextDelta,
)
from agentkit.errors import ProtocolError
from agentkit.event import TextReceived
from agentkit.message import AssistantMessage
from agentkit.model.response_builder import ResponseBuilder
from tests.unit.model.response_builders import (
    HI,
    OFFERED,
    PARIS,
    REQUEST,
    STOP,
    TEXT_CALL,
    built,
    calls,
    piece,
)


def test_a_text_call_is_a_call_and_its_marker_is_never_shown() -> None:
    """The text before it is the answer's text."""
    builder = ResponseBuilder(REQUEST)
    shown = []
    for letter in f"I look. {TEXT_CALL}</s>":
        shown += builder.feed([TextDelta(text=letter)])
    shown += builder.feed([STOP, DoneDelta()])
    shown += builder.close()

    response = builder.finish()

    assert "".join(event.text for event in shown) == "I look. "
    assert response.message.text == "I look."
    assert [(c.name, c.arguments) for c in response.message.tool_calls] == [("get_weather", PARIS)]
    assert [m.kind for m in response.repairs] == ["minted_id", "text_call"]


def test_prose_behind_a_call_at_the_start_is_dropped_and_reported() -> None:
    """It is the result that the model invented."""
    response = built(TextDelta(text=f"{TEXT_CALL} It is 20 degrees."), STOP).finish()

    assert response.message.text == ""
    assert [m.kind for m in response.repairs] == ["dropped_text", "minted_id", "text_call"]
    assert response.repairs[0].before == "It is 20 degrees."


BEGINNINGS = [
    "[TOOL_CALLS]",
    '[TOOL_CALLS] [{"',
    "Well. [TOOL_CALLS] get_",
    "Well. [TOO",
    '[{"na',
    "[",
]


@pytest.mark.parametrize("text", BEGINNINGS)
def test_a_text_that_the_limit_cut_where_a_call_may_begin_is_no_answer(text: str) -> None:
    """No one is shown half a marker."""
    builder = ResponseBuilder(REQUEST)
    shown = builder.feed([TextDelta(text=text), FinishDelta(reason="length")])
    shown += builder.close()

    assert "".join(event.text for event in shown) in ("", "Well. ")
    with pytest.raises(ProtocolError, match="inside a tool call") as caught:
        builder.finish()
    assert (caught.value.kind, caught.value.retry) == ("truncated", "change")


@pytest.mark.parametrize("text", BEGINNINGS[2:])
def test_a_text_that_ends_by_itself_where_a_call_may_begin_is_text(text: str) -> None:
    """The model ended there."""
    builder = ResponseBuilder(REQUEST)
    shown = builder.feed([TextDelta(text=text), STOP])
    shown += builder.close()

    assert "".join(event.text for event in shown) == builder.finish().message.text == text


@pytest.mark.parametrize(
    ("text", "kind"), [(BEGINNINGS[0], "empty_response"), (BEGINNINGS[1], "bad_response")]
)
def test_an_answer_that_is_only_the_beginning_of_a_call_is_asked_for_again(
    text: str, kind: str
) -> None:
    """It is not an answer, whatever the finish reason."""
    builder = ResponseBuilder(REQUEST)
    builder.feed([TextDelta(text=text), STOP])

    assert builder.close() == []
    with pytest.raises(ProtocolError) as caught:
        builder.finish()
    assert (caught.value.kind, caught.value.retry) == (kind, "same")


@pytest.mark.parametrize("text", ["See [", "See \\[", "It is {", "a <"])
def test_a_text_that_the_limit_cut_after_a_bracket_is_text(text: str) -> None:
    """A bracket is no marker yet, and the text before it is worth keeping."""
    builder = ResponseBuilder(REQUEST)
    builder.feed([TextDelta(text=text), FinishDelta(reason="length")])

    response = builder.finish()

    assert (response.message.text, response.finish_reason) == (text, "length")


def test_a_call_that_was_requested_as_text_is_no_repair() -> None:
    """Neither its place nor its missing id; what was invented after it is one."""
    kinds = {}
    for after in ("", " It is 20 degrees."):
        builder = ResponseBuilder(REQUEST, calls_in_text=True)
        builder.feed([TextDelta(text=f"{TEXT_CALL}{after}"), STOP])
        response = builder.finish()
        assert [c.name for c in response.message.tool_calls] == ["get_weather"]
        kinds[after] = [m.kind for m in response.repairs]

    assert kinds == {"": [], " It is 20 degrees.": ["dropped_text"]}


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("[TOOL_CALLS] [{'name': 'get_a'}]", ["python_literal"]),
        (
            '[TOOL_CALLS] [{"name": "get_a", "id": "x"}, {"name": "get_b", "id": "x"}]',
            ["minted_id"],
        ),
    ],
    ids=["quoting", "an id twice"],
)
def test_a_repair_inside_a_text_call_is_reported(text: str, kinds: list[str]) -> None:
    """Only its place is as it should be."""
    builder = ResponseBuilder(REQUEST, calls_in_text=True)
    builder.feed([TextDelta(text=text), STOP])

    assert [m.kind for m in builder.finish().repairs] == kinds


def test_text_that_was_held_back_needlessly_is_shown_at_the_end() -> None:
    """Nothing of an answer is lost."""
    text = '{"name": "Ada", "arguments": "none"}'
    builder = ResponseBuilder(REQUEST)

    shown = builder.feed([TextDelta(text=text), STOP, DoneDelta()])

    assert shown == []
    assert builder.close() == [TextReceived(text)]
    assert builder.finish().message.text == text
    assert builder.close() == []


def test_a_text_call_equal_to_a_native_call_is_only_dropped() -> None:
    """The provider parsed the calls and left their text: nothing runs twice."""
    delta = CallDelta(id="1", name="get_weather", arguments=PARIS, is_complete=True)

    response = built(TextDelta(text=f"So: {TEXT_CALL}"), delta, STOP).finish()

    assert response.message.text == "So:"
    assert len(response.message.tool_calls) == 1
    assert [m.kind for m in response.repairs] == ["dropped_text_call"]


@pytest.mark.parametrize(
    "deltas",
    [[TextDelta(text=f"Well. {TEXT_CALL}")], [TextDelta(text="Well."), piece(0, "get_a", "{}")]],
    ids=["in the text", "native"],
)
def test_a_call_that_was_forbidden_is_dropped(deltas: list[Delta]) -> None:
    """With the choice 'none' the text is the answer."""
    request = ModelRequest(history=HI, tools=OFFERED, tool_choice=ToolChoice(mode="none"))

    response = built(*deltas, STOP, request=request).finish()

    assert response.message == AssistantMessage("Well.")
    assert [m.kind for m in response.repairs] == ["dropped_call"]


def test_a_text_call_that_does_not_fit_is_a_call_wherever_it_counts() -> None:
    """The model gets to know what is wrong; in the middle of a sentence it is text."""
    call = json.dumps([{"name": "get_weather", "arguments": {"town": 1}}])

    assert calls(TextDelta(text=f"See [TOOL_CALLS] {call}")) == [("get_weather", '{"town": 1}')]
    assert calls(TextDelta(text=f"[TOOL_CALLS] {call}")) == [("get_weather", '{"town": 1}')]
    assert calls(TextDelta(text=f"See [TOOL_CALLS] {call} there.")) == []


def test_a_tool_with_an_invalid_schema_is_not_called_from_text() -> None:
    """What cannot be checked is not called without a marker."""
    broken = ToolSpec(name="odd", description="", input_schema={"type": "nonsense"})
    request = ModelRequest(history=HI, tools=(broken,))

    assert calls(TextDelta(text='{"name": "odd", "arguments": {}}'), request=request) == []


def test_a_tool_result_in_place_of_an_answer_is_an_error() -> None:
    """The model went on with the conversation by itself; its answer would rest on an invention."""
    text = '<tool_response>{"content": "21 degrees"}</tool_response>\nIt is 21 degrees.'
    builder = ResponseBuilder(REQUEST)
    shown = [*builder.feed([TextDelta(text=text), STOP, DoneDelta()]), *builder.close()]

    with pytest.raises(ProtocolError, match="a tool result that no tool returned") as caught:
        builder.finish()

    assert shown == []
    assert (caught.value.kind, caught.value.retry) == ("bad_response", "same")
