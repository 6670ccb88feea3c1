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
    LEAK,
    OFFERED,
    PARIS,
    REQUEST,
    STOP,
    calls,
    fold,
    piece,
)


def test_a_leaked_call_is_a_call_and_its_marker_is_never_shown() -> None:
    """What stands before it is the answer's text."""
    folding = ResponseBuilder(REQUEST)
    shown = []
    for letter in f"I look. {LEAK} It is 20 degrees.":
        shown += folding.feed([TextDelta(text=letter)])
    shown += folding.feed([STOP, DoneDelta()])
    shown += folding.close()

    response = folding.finish()

    assert "".join(event.text for event in shown) == "I look. "
    assert response.message.text == "I look."
    assert [(c.name, c.arguments) for c in response.message.tool_calls] == [("get_weather", PARIS)]
    assert [m.kind for m in response.repairs] == ["dropped_text", "minted_id", "leaked_text"]
    assert response.repairs[0].before == "It is 20 degrees."


@pytest.mark.parametrize(
    "text",
    ["[TOOL_CALLS]", '[TOOL_CALLS] [{"', "Well. [TOOL_CALLS] get_", "Well. [TOO", '[{"na', "["],
)
@pytest.mark.parametrize("is_cut", [True, False], ids=["cut", "ended"])
def test_a_text_that_the_limit_cut_where_a_call_may_begin_is_no_answer(
    text: str, is_cut: bool
) -> None:
    """Nobody is shown half a marker; where the model itself ended there, it is text."""
    folding = ResponseBuilder(REQUEST)
    shown = folding.feed([TextDelta(text=text), FinishDelta(reason="length") if is_cut else STOP])
    shown += folding.close()

    told = "".join(event.text for event in shown)
    if is_cut:
        assert told in ("", "Well. ")
        with pytest.raises(ProtocolError, match="inside a tool call") as caught:
            folding.finish()
        assert (caught.value.kind, caught.value.retry) == ("truncated", "change")
    else:
        assert told == folding.finish().message.text == text


@pytest.mark.parametrize("text", ["See [", "See \\[", "It is {", "a <"])
def test_a_text_that_the_limit_cut_after_a_bracket_is_text(text: str) -> None:
    """A bracket is no marker yet, and the text before it is worth keeping."""
    folding = ResponseBuilder(REQUEST)
    folding.feed([TextDelta(text=text), FinishDelta(reason="length")])

    response = folding.finish()

    assert (response.message.text, response.finish_reason) == (text, "length")


def test_a_call_that_was_asked_for_as_text_is_no_repair() -> None:
    """Neither that it stands there nor that it has no id; what was invented after it is one."""
    kinds = {}
    for after in ("", " It is 20 degrees."):
        folding = ResponseBuilder(REQUEST, calls_in_text=True)
        folding.feed([TextDelta(text=f"{LEAK}{after}"), STOP])
        response = folding.finish()
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
def test_what_is_repaired_in_a_call_as_text_is_told(text: str, kinds: list[str]) -> None:
    """Only its place is as it should be."""
    folding = ResponseBuilder(REQUEST, calls_in_text=True)
    folding.feed([TextDelta(text=text), STOP])

    assert [m.kind for m in folding.finish().repairs] == kinds


def test_text_that_was_held_back_in_vain_is_shown_at_the_end() -> None:
    """Nothing of an answer is lost."""
    text = '{"name": "Ada", "arguments": "none"}'
    folding = ResponseBuilder(REQUEST)

    shown = folding.feed([TextDelta(text=text), STOP, DoneDelta()])

    assert shown == []
    assert folding.close() == [TextReceived(text=text)]
    assert folding.finish().message.text == text
    assert folding.close() == []


def test_a_leak_beside_the_same_native_call_is_only_dropped() -> None:
    """The host read the calls and left their text: nothing runs twice."""
    delta = CallDelta(id="1", name="get_weather", arguments=PARIS, is_complete=True)

    response = fold(TextDelta(text=f"So: {LEAK}"), delta, STOP).finish()

    assert response.message.text == "So:"
    assert len(response.message.tool_calls) == 1
    assert [m.kind for m in response.repairs] == ["dropped_leak"]


@pytest.mark.parametrize(
    "deltas",
    [[TextDelta(text=f"Well. {LEAK}")], [TextDelta(text="Well."), piece(0, "get_a", "{}")]],
    ids=["leaked", "native"],
)
def test_a_call_that_was_forbidden_is_dropped(deltas: list[Delta]) -> None:
    """With the choice 'none' the text is the answer."""
    request = ModelRequest(history=HI, tools=OFFERED, tool_choice=ToolChoice(mode="none"))

    response = fold(*deltas, STOP, request=request).finish()

    assert response.message == AssistantMessage.of("Well.")
    assert [m.kind for m in response.repairs] == ["dropped_call"]


def test_a_leak_that_does_not_fit_its_tool_stays_text_behind_other_text() -> None:
    """Only at the very start of an answer is it certain to be meant as a call."""
    leak = json.dumps([{"name": "get_weather", "arguments": {"town": 1}}])

    assert calls(TextDelta(text=f"See [TOOL_CALLS] {leak}")) == []
    assert calls(TextDelta(text=f"[TOOL_CALLS] {leak}")) == [("get_weather", '{"town": 1}')]


def test_a_tool_whose_schema_cannot_be_read_is_not_called_by_a_leak() -> None:
    """What cannot be checked is not run on a guess."""
    broken = ToolSpec(name="odd", description="", input_schema={"type": "nonsense"})
    request = ModelRequest(history=HI, tools=(broken,))

    assert calls(TextDelta(text='{"name": "odd", "arguments": {}}'), request=request) == []
