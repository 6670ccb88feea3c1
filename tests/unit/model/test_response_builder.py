"""One answer from its pieces, however odd they are."""

from collections.abc import Sequence

import pytest

from agentkit.chat import ModelRequest, Repair
from agentkit.content import ReasoningContent, TextContent
from agentkit.dialect.base import (
    CallDelta,
    FinishDelta,
    HeadDelta,
    ReasoningDelta,
    TextDelta,
    UsageDelta,
)
from agentkit.event import ReasoningReceived, TextReceived
from agentkit.message import AssistantMessage, ToolCall, ToolResult
from agentkit.model.response_builder import ResponseBuilder
from agentkit.usage import Usage
from tests.unit.model.response_builders import (
    HI,
    OFFERED,
    REQUEST,
    STOP,
    built,
    calls,
    kinds,
    piece,
)


def test_an_answer_is_assembled_completely() -> None:
    """Text, reasoning, model, usage, and the reason for its end."""
    builder = built(
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

    response = builder.finish()

    assert response.message == AssistantMessage(
        content=(ReasoningContent("hm"), TextContent("Hello"))
    )
    assert (response.finish_reason, response.raw_finish_reason) == ("stop", "end_turn")
    assert (response.response_id, response.model, response.provider) == ("r", "m", "h")
    assert response.usage == Usage(input_tokens=3)
    assert response.repairs == ()
    assert builder.is_done


def test_text_is_shown_as_it_arrives() -> None:
    """A user reads along."""
    builder = ResponseBuilder(REQUEST)

    shown = builder.feed([ReasoningDelta(text="hm"), TextDelta(text="Hel"), TextDelta(text="lo")])

    assert shown == [
        ReasoningReceived("hm"),
        TextReceived("Hel"),
        TextReceived("lo"),
    ]
    assert not builder.is_done


def test_nothing_is_shown_of_an_answer_that_was_not_streamed() -> None:
    """It is complete when the response comes."""
    builder = ResponseBuilder(ModelRequest(history=HI, tools=OFFERED))

    assert builder.feed([ReasoningDelta(text="hm"), TextDelta(text="{"), STOP]) == []
    assert builder.close() == []
    assert builder.finish().message.text == "{"


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
        pytest.param([piece(0, "missing", "{}")], [("missing", "{}")], id="a name of no one"),
        pytest.param([piece(0, None, "{}", id="1")], [("", "{}")], id="no name at all"),
        pytest.param([piece(0, "fs_read_x", "{}")], [("fs.read", "{}")], id="the provider's form"),
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
    ("arguments", "expected", "kind"),
    [
        pytest.param("", ["{}"], [], id="nothing"),
        pytest.param(" \n", ["{}"], [], id="space"),
        pytest.param('{"a":1}', ['{"a":1}'], [], id="one object"),
        pytest.param('{}{"a":1}', ['{"a":1}'], ["leading_object"], id="an empty one first"),
        pytest.param("{} {}", ["{}"], ["leading_object"], id="two empty ones"),
        pytest.param(
            '{ } {"a":', ['{"a":'], ["leading_object"], id="a spaced one, then a broken one"
        ),
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
        pytest.param('{"a":1}{"a"', ['{"a":1}{"a"'], [], id="a complete one and a broken one"),
        pytest.param('{"a":1} and so', ['{"a":1} and so'], [], id="words after it"),
        pytest.param("[1]", ["[1]"], [], id="a list"),
        pytest.param("{" * 100_000, ["{" * 100_000], [], id="brackets without end"),
    ],
)
def test_one_index_may_hold_several_texts(
    arguments: str, expected: list[str], kind: list[str]
) -> None:
    """Repeated text is one call, different objects are different calls; other text stays."""
    delta = CallDelta(id="a1B2c3D4e", name="f", arguments=arguments, is_complete=True)

    assert calls(delta) == [("f", text) for text in expected]
    assert kinds(delta) == kind


def test_an_object_in_place_of_text_is_reported() -> None:
    """Some servers send arguments already parsed."""
    delta = CallDelta(id="1", name="f", arguments="{}", is_complete=True, is_object=True)

    assert kinds(delta) == ["object_arguments"]


def test_a_name_in_several_pieces_is_reported() -> None:
    """So that the reader of a recording sees the cause."""
    assert kinds(piece(0, "get_", id="1"), piece(0, "get_a")) == ["joined_name"]


@pytest.mark.parametrize("given", [None, "", " "])
def test_a_call_without_an_id_gets_one(given: str | None) -> None:
    """Nine letters or digits, the same each time, unused in the conversation, and reported."""
    delta = CallDelta(id=given, name="f", arguments="{}", is_complete=True)

    first, second = built(delta, delta).finish(), built(delta, delta).finish()

    ids = [call.id for call in first.message.tool_calls]
    assert all(len(call_id) == 9 and call_id.isalnum() for call_id in ids)
    assert len(set(ids)) == 2
    assert first == second
    assert first.repairs[0] == Repair(
        kind="minted_id", before=given or "", after=ids[0], call_id=ids[0]
    )


def test_an_id_that_the_conversation_has_already_is_replaced() -> None:
    """Some providers count from zero in every answer."""
    history = HI + [AssistantMessage(tool_calls=[ToolCall(id="0", name="f")]), ToolResult("0", "x")]
    delta = CallDelta(id="0", name="f", arguments="{}", is_complete=True)

    response = built(delta, delta, request=ModelRequest(history=history)).finish()

    ids = {call.id for call in response.message.tool_calls}
    assert len(ids) == 2
    assert "0" not in ids
    again = history + [response.message, *(ToolResult(call_id, "y") for call_id in ids)]
    more = built(delta, request=ModelRequest(history=again)).finish().message.tool_calls
    assert more[0].id not in ids


def test_a_generated_id_that_is_in_use_is_not_used() -> None:
    """A provider may use any id, even the one that would be generated next."""
    nameless = CallDelta(name="f", arguments="{}", is_complete=True)
    other = CallDelta(id="1", name="f", arguments="{}", is_complete=True)
    minted = built(other, nameless).finish().message.tool_calls[1].id

    clash = CallDelta(id=minted, name="f", arguments="{}", is_complete=True)
    ids = [call.id for call in built(clash, nameless).finish().message.tool_calls]

    assert ids[0] == minted
    assert ids[1] != minted
