"""One answer from its pieces, however odd they are."""

import json
from collections.abc import Sequence

import pytest

from agentkit.chat import Mending, ModelRequest, ModelSettings, ToolChoice, ToolSpec
from agentkit.content import ReasoningContent, TextContent
from agentkit.dialect.base import (
    CallDelta,
    Delta,
    DoneDelta,
    FinishDelta,
    HeadDelta,
    ReasoningDelta,
    TextDelta,
    UsageDelta,
)
from agentkit.errors import ErrorKind, ProtocolError, Retry
from agentkit.event import ReasoningReceived, TextReceived
from agentkit.history import History
from agentkit.json_schema import JsonObject
from agentkit.message import AssistantMessage, ToolCall, ToolResult, UserMessage
from agentkit.model.fold import Fold
from agentkit.usage import Usage

CITY: JsonObject = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
WEATHER = ToolSpec(name="get_weather", description="", input_schema=CITY)
ANYTHING: JsonObject = {"type": "object"}
OFFERED = (
    WEATHER,
    *(
        ToolSpec(name=name, description="", input_schema=ANYTHING)
        for name in ("edit_existing_file", "get_a", "get_b", "fs.read")
    ),
)
HI = History((UserMessage.of("hi"),))
REQUEST = ModelRequest(history=HI, tools=OFFERED, stream=True)
STOP = FinishDelta(reason="stop")
PARIS = '{"city": "Paris"}'
LEAK = f'[TOOL_CALLS] [{{"name": "get_weather", "arguments": {PARIS}}}]'


def fold(*deltas: Delta, request: ModelRequest = REQUEST) -> Fold:
    """Return a fold that has read these deltas and the end mark."""
    folding = Fold(request, tool_names={"fs_read_x": "fs.read"}, host="h")
    folding.feed([*deltas, DoneDelta()])
    return folding


def calls(*deltas: Delta, request: ModelRequest = REQUEST) -> list[tuple[str, str]]:
    """Return name and arguments of the calls in an answer of these deltas."""
    response = fold(*deltas, request=request).finish()
    return [(call.name, call.arguments) for call in response.message.tool_calls]


def rungs(*deltas: Delta, request: ModelRequest = REQUEST) -> list[str]:
    """Return what was mended in an answer of these deltas."""
    return [m.rung for m in fold(*deltas, request=request).finish().mendings]


def piece(
    index: int | None = None,
    name: str | None = None,
    arguments: str | None = None,
    *,
    id: str | None = None,  # noqa: A002  # the field's name
) -> CallDelta:
    """Return one piece of a call in a stream."""
    return CallDelta(index=index, id=id, name=name, arguments=arguments)


def test_an_answer_is_put_together_whole() -> None:
    """Text, reasoning, who answered, what it cost, why it stopped."""
    folding = fold(
        HeadDelta(response_id="r", model="m"),
        HeadDelta(response_id="other", upstream="Up"),
        ReasoningDelta(text="h"),
        ReasoningDelta(text="m"),
        TextDelta(text="He"),
        TextDelta(text="llo"),
        FinishDelta(reason="end_turn"),
        UsageDelta(usage=Usage(input_tokens=1)),
        UsageDelta(usage=Usage(input_tokens=3)),
    )

    response = folding.finish()

    assert response.message == AssistantMessage(
        content=(ReasoningContent(text="hm"), TextContent(text="Hello"))
    )
    assert (response.finish_reason, response.raw_finish_reason) == ("stop", "end_turn")
    assert (response.response_id, response.model, response.host) == ("r", "m", "h")
    assert response.usage == Usage(input_tokens=3)
    assert response.mendings == ()
    assert folding.is_done


def test_what_may_be_shown_comes_at_once() -> None:
    """A user reads along."""
    folding = Fold(REQUEST)

    shown = folding.feed([ReasoningDelta(text="hm"), TextDelta(text="Hel"), TextDelta(text="lo")])

    assert shown == [
        ReasoningReceived(text="hm"),
        TextReceived(text="Hel"),
        TextReceived(text="lo"),
    ]
    assert not folding.is_done


def test_nothing_is_shown_of_an_answer_that_was_not_streamed() -> None:
    """It comes whole, with the response."""
    folding = Fold(ModelRequest(history=HI, tools=OFFERED))

    assert folding.feed([ReasoningDelta(text="hm"), TextDelta(text="{"), STOP]) == []
    assert folding.close() == []
    assert folding.finish().message.text == "{"


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        pytest.param(
            [piece(0, "f", id="1"), piece(0, None, '{"a":'), piece(0, None, " 1}")],
            [("f", '{"a": 1}')],
            id="as the form has it",
        ),
        pytest.param(
            [piece(0, "f", "{}", id="1"), piece(1, "g", "{}", id="2")],
            [("f", "{}"), ("g", "{}")],
            id="two calls",
        ),
        pytest.param(
            [
                piece(0, "f", '{"a"', id="1"),
                piece(1, "g", '{"b"', id="2"),
                piece(0, None, ": 1}"),
                piece(1, None, ": 2}"),
            ],
            [("f", '{"a": 1}'), ("g", '{"b": 2}')],
            id="two calls in turns",
        ),
        pytest.param(
            [piece(None, "f", '{"a"', id="1"), piece(None, None, ": 1}")],
            [("f", '{"a": 1}')],
            id="no index",
        ),
        pytest.param(
            [piece(None, "f", "{}", id="1"), piece(None, "f", "{}", id="2")],
            [("f", "{}"), ("f", "{}")],
            id="no index, new id",
        ),
        pytest.param(
            [piece(None, "f", '{"a": 1}'), piece(None, "g", '{"b": 2}')],
            [("f", '{"a": 1}'), ("g", '{"b": 2}')],
            id="neither index nor id",
        ),
        pytest.param(
            [piece(0, "f", "{}", id="1"), piece(0, "g", "{}", id="2")],
            [("f", "{}"), ("g", "{}")],
            id="one index for all",
        ),
        pytest.param(
            [piece(0, "f", "", id="1"), piece(0, "g", "", id="2")],
            [("f", "{}"), ("g", "{}")],
            id="one index for all, no arguments",
        ),
        pytest.param(
            [
                piece(0, "f", '{"a"', id="1"),
                piece(0, "f", ": 1", id="2"),
                piece(0, "f", "}", id="3"),
            ],
            [("f", '{"a": 1}')],
            id="a new id with every piece",
        ),
        pytest.param(
            [piece(0, "f", '{"a"', id="1"), piece(0, None, ": 1}", id="2")],
            [("f", '{"a": 1}')],
            id="a new id and no name",
        ),
        pytest.param(
            [piece(0, "f", '{"a"', id="1"), piece(1, None, ": 1"), piece(2, None, "}")],
            [("f", '{"a": 1}')],
            id="an index that counts pieces",
        ),
        pytest.param(
            [piece(0, "f", '{"a"', id="1"), piece(1, "f", ": 1}", id="1")],
            [("f", '{"a": 1}')],
            id="an index that counts pieces, one id",
        ),
        pytest.param(
            [piece(0, "f", "{}", id="1"), piece(1, "f", "{}", id="1")],
            [("f", "{}"), ("f", "{}")],
            id="one id for two calls",
        ),
        pytest.param(
            [piece(0, "f", '{"a"', id="1"), piece(0, "f", ": 1}", id="1")],
            [("f", '{"a": 1}')],
            id="the name with every piece",
        ),
        pytest.param(
            [piece(0, "edit_ex", "", id="1"), piece(0, "isting_file", "{}")],
            [("edit_existing_file", "{}")],
            id="a name in parts",
        ),
        pytest.param(
            [piece(0, "get_", id="1"), piece(0, "get_wea"), piece(0, "get_weather", "{}")],
            [("get_weather", "{}")],
            id="a name that grows",
        ),
        pytest.param(
            [piece(0, "get_a"), piece(0, "get_b")],
            [("get_a", "{}"), ("get_b", "{}")],
            id="two names without anything else",
        ),
        pytest.param([piece(0, "get\\_a", "{}")], [("get_a", "{}")], id="an escaped name"),
        pytest.param([piece(0, " get_a ", "{}")], [("get_a", "{}")], id="space around a name"),
        pytest.param([piece(0, "nobody", "{}")], [("nobody", "{}")], id="a name of nobody"),
        pytest.param([piece(0, None, "{}", id="1")], [("", "{}")], id="no name at all"),
        pytest.param([piece(0, "fs_read_x", "{}")], [("fs.read", "{}")], id="the host's spelling"),
        pytest.param(
            [piece(0, "f", '{"a": "\\'), piece(0, None, '"}"'), piece(0, "g", "}")],
            [("fg", '{"a": "\\"}"}')],
            id="an escape cut in the middle",
        ),
        pytest.param(
            [piece(0, "f", '{"a": "\\\\'), piece(0, None, '"}'), piece(0, "g", "{}")],
            [("f", '{"a": "\\\\"}'), ("g", "{}")],
            id="an escaped backslash",
        ),
    ],
)
def test_pieces_find_their_call(
    pieces: Sequence[CallDelta], expected: list[tuple[str, str]]
) -> None:
    """An index, an id or a name is evidence, not proof."""
    assert calls(*pieces, STOP) == expected


@pytest.mark.parametrize(
    ("arguments", "expected", "rung"),
    [
        pytest.param("", ["{}"], [], id="nothing"),
        pytest.param(" \n", ["{}"], [], id="space"),
        pytest.param('{"a":1}', ['{"a":1}'], [], id="one object"),
        pytest.param('{}{"a":1}', ['{"a":1}'], ["leading_object"], id="an empty one first"),
        pytest.param("{} {}", ["{}"], ["leading_object"], id="two empty ones"),
        pytest.param(
            '{}{"a":', ['{"a":'], ["leading_object"], id="an empty one, then a broken one"
        ),
        pytest.param("{}oops", ["{}oops"], [], id="an empty one, then words"),
        pytest.param('{"a":1}{"a": 1}', ['{"a":1}'], ["repeated_arguments"], id="twice the same"),
        pytest.param(
            '{"a":1}\n{"a":2}{"a":2}',
            ['{"a":1}', '{"a":2}'],
            ["split_calls", "minted_id"],
            id="two calls, one of them twice",
        ),
        pytest.param('{"a":1}{"a"', ['{"a":1}{"a"'], [], id="a whole one and a broken one"),
        pytest.param('{"a":1} and so', ['{"a":1} and so'], [], id="words after it"),
        pytest.param("[1]", ["[1]"], [], id="a list"),
        pytest.param("{" * 100_000, ["{" * 100_000], [], id="brackets without end"),
    ],
)
def test_one_slot_may_hold_several_texts(
    arguments: str, expected: list[str], rung: list[str]
) -> None:
    """Repeated text is one call, different objects are different calls, the rest stays."""
    delta = CallDelta(id="a1B2c3D4e", name="f", arguments=arguments, is_whole=True)

    assert calls(delta) == [("f", text) for text in expected]
    assert rungs(delta) == rung


def test_an_object_in_place_of_text_is_told() -> None:
    """Some servers send arguments already parsed."""
    delta = CallDelta(id="1", name="f", arguments="{}", is_whole=True, is_object=True)

    assert rungs(delta) == ["object_arguments"]


def test_a_name_that_was_put_together_otherwise_is_told() -> None:
    """The reader of a recording should see why."""
    assert rungs(piece(0, "get_", id="1"), piece(0, "get_a")) == ["joined_name"]


@pytest.mark.parametrize("given", [None, "", " "])
def test_a_call_without_an_id_gets_one(given: str | None) -> None:
    """Nine letters or digits, the same each time, free in the conversation, told."""
    delta = CallDelta(id=given, name="f", arguments="{}", is_whole=True)

    first, second = fold(delta, delta).finish(), fold(delta, delta).finish()

    ids = [call.id for call in first.message.tool_calls]
    assert all(len(call_id) == 9 and call_id.isalnum() for call_id in ids)
    assert len(set(ids)) == 2
    assert first == second
    assert first.mendings[0] == Mending(
        rung="minted_id", before=given or "", after=ids[0], call_id=ids[0]
    )


def test_an_id_that_the_conversation_has_already_is_replaced() -> None:
    """Some hosts count from zero in every answer."""
    history = HI.add(AssistantMessage.of("", ToolCall(id="0", name="f")), ToolResult.of("0", "x"))
    delta = CallDelta(id="0", name="f", arguments="{}", is_whole=True)

    response = fold(delta, delta, request=ModelRequest(history=history)).finish()

    ids = {call.id for call in response.message.tool_calls}
    assert len(ids) == 2
    assert "0" not in ids
    again = history.add(response.message, *(ToolResult.of(call_id, "y") for call_id in ids))
    more = fold(delta, request=ModelRequest(history=again)).finish().message.tool_calls
    assert more[0].id not in ids


def test_a_minted_id_that_is_taken_by_chance_is_not_used() -> None:
    """A host may say anything, even the id that would be minted next."""
    nameless = CallDelta(name="f", arguments="{}", is_whole=True)
    other = CallDelta(id="1", name="f", arguments="{}", is_whole=True)
    minted = fold(other, nameless).finish().message.tool_calls[1].id

    clash = CallDelta(id=minted, name="f", arguments="{}", is_whole=True)
    ids = [call.id for call in fold(clash, nameless).finish().message.tool_calls]

    assert ids[0] == minted
    assert ids[1] != minted


@pytest.mark.parametrize(
    ("reasons", "ours"),
    [
        (["stop"], "stop"),
        (["STOP"], "stop"),
        (["eos"], "stop"),
        (["tool_calls"], "stop"),
        (["length"], "length"),
        (["model_length"], "length"),
        (["MAX_TOKENS"], "length"),
        (["length", "stop"], "length"),
        (["content_filter"], "content_filter"),
        (["safety"], "content_filter"),
        ([], "stop"),
    ],
)
def test_the_hosts_reason_is_read(reasons: list[str], ours: str) -> None:
    """A limit counts, whatever is said after it; the host's word is kept."""
    response = fold(
        TextDelta(text="a"), *(FinishDelta(reason=reason) for reason in reasons)
    ).finish()

    assert response.finish_reason == ours
    assert response.raw_finish_reason == (reasons[-1] if reasons else None)


@pytest.mark.parametrize("reason", ["stop", "tool_calls", "length_of_list", "function_call"])
def test_calls_make_it_a_tool_turn_whatever_the_reason(reason: str) -> None:
    """Servers end forced calls with 'stop'."""
    response = fold(piece(0, "f", "{}", id="1"), FinishDelta(reason=reason)).finish()

    assert response.finish_reason == "tool_calls"
    assert response.raw_finish_reason == reason


CUT = ModelRequest(history=HI, tools=OFFERED, settings=ModelSettings(max_tokens=5), stream=True)
USED = UsageDelta(usage=Usage(output_tokens=5))


@pytest.mark.parametrize(
    ("deltas", "kind", "retry"),
    [
        pytest.param([STOP], "empty_response", "same", id="nothing"),
        pytest.param([TextDelta(text=" \n"), STOP], "empty_response", "same", id="space"),
        pytest.param([ReasoningDelta(text="hm"), STOP], "empty_response", "same", id="thoughts"),
        pytest.param(
            [FinishDelta(reason="tool_calls")], "empty_response", "same", id="calls without a call"
        ),
        pytest.param([FinishDelta(reason="length")], "truncated", "change", id="cut before a word"),
        pytest.param(
            [piece(0, "f", "{}"), FinishDelta(reason="length")],
            "truncated",
            "change",
            id="cut after a call",
        ),
        pytest.param(
            [piece(0, "f", '{"a"'), USED, FinishDelta(reason="tool_calls")],
            "truncated",
            "change",
            id="cut in a call, said otherwise",
        ),
        pytest.param(
            [TextDelta(text=LEAK[:40]), FinishDelta(reason="length")],
            "truncated",
            "change",
            id="cut in a leak",
        ),
        pytest.param(
            [TextDelta(text=LEAK), FinishDelta(reason="length")],
            "truncated",
            "change",
            id="cut after a leak",
        ),
    ],
)
def test_an_answer_without_substance_is_an_error(
    deltas: list[Delta], kind: ErrorKind, retry: Retry
) -> None:
    """Nothing of it gets into a history, and a cut call never runs."""
    with pytest.raises(ProtocolError) as caught:
        fold(*deltas, request=CUT).finish()

    assert (caught.value.kind, caught.value.retry) == (kind, retry)


def test_a_broken_call_below_the_limit_is_left_to_the_validator() -> None:
    """The model is told that its JSON is wrong, not that it was cut."""
    usage = UsageDelta(usage=Usage(output_tokens=4))

    assert calls(piece(0, "f", '{"a"'), usage, STOP, request=CUT) == [("f", '{"a"')]


def test_a_whole_call_at_the_limit_is_no_broken_one() -> None:
    """The host says that it ended by itself, and the JSON says so too."""
    assert calls(piece(0, "f", "{}"), USED, STOP, request=CUT) == [("f", "{}")]


def test_text_cut_by_the_limit_is_an_answer_cut_by_the_limit() -> None:
    """The caller decides what to make of it."""
    response = fold(TextDelta(text="Once"), FinishDelta(reason="length")).finish()

    assert (response.message.text, response.finish_reason) == ("Once", "length")


def test_a_filtered_answer_may_be_empty() -> None:
    """Asking again would give the same."""
    assert fold(FinishDelta(reason="content_filter")).finish().finish_reason == "content_filter"


@pytest.mark.parametrize("deltas", [[], [TextDelta(text="Hi")], [piece(0, "f", "{}")]])
def test_a_stream_without_an_end_is_broken_off(deltas: list[Delta]) -> None:
    """Even with a whole sentence or a whole call in it."""
    folding = Fold(REQUEST)
    folding.feed(deltas)

    assert folding.close() == []
    with pytest.raises(ProtocolError, match="ended before") as caught:
        folding.finish()
    assert (caught.value.kind, caught.value.retry) == ("stream_interrupted", "same")


def test_a_reason_is_an_end_without_an_end_mark() -> None:
    """Not every host sends one."""
    folding = Fold(REQUEST)
    folding.feed([TextDelta(text="Hi"), STOP])

    assert folding.finish().message.text == "Hi"


def test_a_leaked_call_is_a_call_and_its_marker_is_never_shown() -> None:
    """What stands before it is the answer's text."""
    folding = Fold(REQUEST)
    shown = []
    for letter in f"I look. {LEAK} It is 20 degrees.":
        shown += folding.feed([TextDelta(text=letter)])
    shown += folding.feed([STOP, DoneDelta()])
    shown += folding.close()

    response = folding.finish()

    assert "".join(event.text for event in shown) == "I look. "
    assert response.message.text == "I look."
    assert [(c.name, c.arguments) for c in response.message.tool_calls] == [("get_weather", PARIS)]
    assert [m.rung for m in response.mendings] == ["dropped_text", "minted_id", "leaked_text"]
    assert response.mendings[0].before == "It is 20 degrees."


@pytest.mark.parametrize(
    "text",
    ["[TOOL_CALLS]", '[TOOL_CALLS] [{"', "Well. [TOOL_CALLS] get_", "Well. [TOO", '[{"na', "["],
)
@pytest.mark.parametrize("is_cut", [True, False], ids=["cut", "ended"])
def test_a_text_that_the_limit_cut_where_a_call_may_begin_is_no_answer(
    text: str, is_cut: bool
) -> None:
    """Nobody is shown half a marker; where the model itself ended there, it is text."""
    folding = Fold(REQUEST)
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
    folding = Fold(REQUEST)
    folding.feed([TextDelta(text=text), FinishDelta(reason="length")])

    response = folding.finish()

    assert (response.message.text, response.finish_reason) == (text, "length")


def test_a_call_that_was_asked_for_as_text_is_no_mending() -> None:
    """Neither that it stands there nor that it has no id; what was invented after it is one."""
    rungs = {}
    for after in ("", " It is 20 degrees."):
        folding = Fold(REQUEST, calls_in_text=True)
        folding.feed([TextDelta(text=f"{LEAK}{after}"), STOP])
        response = folding.finish()
        assert [c.name for c in response.message.tool_calls] == ["get_weather"]
        rungs[after] = [m.rung for m in response.mendings]

    assert rungs == {"": [], " It is 20 degrees.": ["dropped_text"]}


@pytest.mark.parametrize(
    ("text", "rungs"),
    [
        ("[TOOL_CALLS] [{'name': 'get_a'}]", ["python_literal"]),
        (
            '[TOOL_CALLS] [{"name": "get_a", "id": "x"}, {"name": "get_b", "id": "x"}]',
            ["minted_id"],
        ),
    ],
    ids=["quoting", "an id twice"],
)
def test_what_is_mended_in_a_call_as_text_is_told(text: str, rungs: list[str]) -> None:
    """Only its place is as it should be."""
    folding = Fold(REQUEST, calls_in_text=True)
    folding.feed([TextDelta(text=text), STOP])

    assert [m.rung for m in folding.finish().mendings] == rungs


def test_text_that_was_held_back_in_vain_is_shown_at_the_end() -> None:
    """Nothing of an answer is lost."""
    text = '{"name": "Ada", "arguments": "none"}'
    folding = Fold(REQUEST)

    shown = folding.feed([TextDelta(text=text), STOP, DoneDelta()])

    assert shown == []
    assert folding.close() == [TextReceived(text=text)]
    assert folding.finish().message.text == text
    assert folding.close() == []


def test_a_leak_beside_the_same_native_call_is_only_dropped() -> None:
    """The host read the calls and left their text: nothing runs twice."""
    delta = CallDelta(id="1", name="get_weather", arguments=PARIS, is_whole=True)

    response = fold(TextDelta(text=f"So: {LEAK}"), delta, STOP).finish()

    assert response.message.text == "So:"
    assert len(response.message.tool_calls) == 1
    assert [m.rung for m in response.mendings] == ["dropped_leak"]


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
    assert [m.rung for m in response.mendings] == ["dropped_call"]


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
