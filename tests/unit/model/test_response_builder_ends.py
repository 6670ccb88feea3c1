"""How an answer ends: its reason, its limits, or not at all."""

from dataclasses import replace

import pytest

from agentkit.chat import ModelRequest, ModelSettings
from agentkit.dialect.base import (
    Delta,
    DoneDelta,
    FinishDelta,
    ReasoningDelta,
    TextDelta,
    UsageDelta,
)
from agentkit.errors import ErrorKind, ProtocolError, Retry
from agentkit.model.response_builder import ResponseBuilder
from agentkit.usage import Usage
from tests.unit.model.response_builders import (
    HI,
    OFFERED,
    REQUEST,
    STOP,
    TEXT_CALL,
    built,
    calls,
    piece,
)


@pytest.mark.parametrize(
    ("reasons", "ours"),
    [
        (["stop"], "stop"),
        (["STOP"], "stop"),
        (["eos"], "stop"),
        (["length"], "length"),
        (["model_length"], "length"),
        (["MAX_TOKENS"], "length"),
        (["length", "stop"], "length"),
        (["content_filter"], "content_filter"),
        (["safety"], "content_filter"),
        ([], "stop"),
    ],
)
def test_the_providers_reason_is_read(reasons: list[str], ours: str) -> None:
    """A reached limit counts, whatever reason follows; the provider's own term is kept."""
    response = built(
        TextDelta(text="a"), *(FinishDelta(reason=reason) for reason in reasons)
    ).finish()

    assert response.finish_reason == ours
    assert response.raw_finish_reason == (reasons[-1] if reasons else None)


@pytest.mark.parametrize("reason", ["stop", "tool_calls", "length_of_list", "function_call"])
def test_an_answer_with_calls_ends_for_tools_whatever_the_reason(reason: str) -> None:
    """Servers end forced calls with 'stop'."""
    response = built(piece(0, "f", "{}", id="1"), FinishDelta(reason=reason)).finish()

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
            [FinishDelta(reason="tool_calls")], "bad_response", "same", id="calls without a call"
        ),
        pytest.param(
            [TextDelta(text="Well."), FinishDelta(reason="tool_use")],
            "bad_response",
            "same",
            id="text in place of a call",
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
            [TextDelta(text=TEXT_CALL[:40]), FinishDelta(reason="length")],
            "truncated",
            "change",
            id="cut in a text call",
        ),
        pytest.param(
            [TextDelta(text=TEXT_CALL), FinishDelta(reason="length")],
            "truncated",
            "change",
            id="cut after a text call",
        ),
    ],
)
def test_an_empty_answer_is_an_error(deltas: list[Delta], kind: ErrorKind, retry: Retry) -> None:
    """Nothing of it gets into a history, and a cut call never runs."""
    with pytest.raises(ProtocolError) as caught:
        built(*deltas, request=CUT).finish()

    assert (caught.value.kind, caught.value.retry) == (kind, retry)


def test_an_invalid_call_below_the_limit_is_left_to_the_validator() -> None:
    """The model reads that its JSON is invalid, not that it was cut."""
    usage = UsageDelta(usage=Usage(output_tokens=4))

    assert calls(piece(0, "f", '{"a"'), usage, STOP, request=CUT) == [("f", '{"a"')]


def test_a_complete_call_at_the_limit_is_not_truncated() -> None:
    """By the provider's reason and by its JSON, it ended by itself."""
    assert calls(piece(0, "f", "{}"), USED, STOP, request=CUT) == [("f", "{}")]


def test_text_cut_by_the_limit_is_an_answer_cut_by_the_limit() -> None:
    """The caller decides what to do with it."""
    response = built(TextDelta(text="Once"), FinishDelta(reason="length")).finish()

    assert (response.message.text, response.finish_reason) == ("Once", "length")


def test_a_filtered_answer_may_be_empty() -> None:
    """Another attempt would give the same."""
    assert built(FinishDelta(reason="content_filter")).finish().finish_reason == "content_filter"


@pytest.mark.parametrize("deltas", [[], [TextDelta(text="Hi")], [piece(0, "f", "{}")]])
def test_a_stream_without_an_end_is_incomplete(deltas: list[Delta]) -> None:
    """Even with a complete sentence or a complete call in it."""
    builder = ResponseBuilder(REQUEST)
    builder.feed(deltas)

    assert builder.close() == []
    with pytest.raises(ProtocolError, match="ended before") as caught:
        builder.finish()
    assert (caught.value.kind, caught.value.retry) == ("stream_interrupted", "same")


def test_a_reason_is_an_end_without_an_end_marker() -> None:
    """Not every provider sends one."""
    builder = ResponseBuilder(REQUEST)
    builder.feed([TextDelta(text="Hi"), STOP])

    assert builder.finish().message.text == "Hi"


END = DoneDelta(is_finish=False)


@pytest.mark.parametrize(
    "deltas",
    [(TextDelta(text="Hello"), END), (piece(0, "f", '{"a": 1}', id="1"), END)],
    ids=["text", "call"],
)
def test_a_complete_answer_without_a_finish_reason_is_accepted_and_reported(
    deltas: tuple[Delta, ...],
) -> None:
    """Some servers end a stream with `[DONE]` alone."""
    builder = ResponseBuilder(REQUEST)
    builder.feed(deltas)
    response = builder.finish()

    assert [repair.kind for repair in response.repairs] == ["missing_finish_reason"]
    assert response.raw_finish_reason is None


@pytest.mark.parametrize(
    "deltas",
    [
        (TextDelta(text="Hello"),),
        (piece(0, "f", '{"a": ', id="1"), END),
        (piece(0, "f", "", id="1"), END),
        (piece(0, "f", "{}", id="1"), piece(1, "f", '{"a', id="2"), END),
        (TextDelta(text='[TOOL_CALLS] [{"name": "f", "argu'), END),
        (TextDelta(text="Hello"), UsageDelta(usage=Usage(output_tokens=50)), END),
    ],
    ids=["no end", "inside a call", "before arguments", "one of two", "in text", "at the limit"],
)
def test_an_answer_without_a_finish_reason_that_may_be_cut_is_interrupted(
    deltas: tuple[Delta, ...],
) -> None:
    """Nothing of it runs or counts."""
    request = replace(REQUEST, settings=ModelSettings(max_tokens=50))
    builder = ResponseBuilder(request)
    builder.feed(deltas)

    with pytest.raises(ProtocolError) as caught:
        builder.finish()

    assert caught.value.kind == "stream_interrupted"
