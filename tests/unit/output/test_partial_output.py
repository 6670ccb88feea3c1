"""Partial output is reported while an answer is streamed."""

import json

from agentkit.chat import FailedExchange
from agentkit.event import (
    ModelFailedOver,
    ModelRetried,
    PartialOutputReceived,
    RunEvent,
    TextReceived,
    ToolArgumentsReceived,
    TurnStarted,
)
from agentkit.output.partial_output import PartialOutput


def _in_call(text: str) -> RunEvent:
    return ToolArgumentsReceived(tool_name="final_answer", text=text)


def _values(partial: PartialOutput, *events: RunEvent) -> list[object]:
    shown = [partial.feed(event) for event in events]
    return [one.value for one in shown if one is not None]


def test_partial_output_grows_with_the_received_text() -> None:
    """Strings grow too."""
    partial = PartialOutput(in_text=False, is_wrapped=False)
    pieces = ['{"name": "An', 'na Smith", "age"', ': 41, "city": "O', 'slo and more"}']

    assert _values(partial, *map(_in_call, pieces)) == [
        {"name": "An"},
        {"name": "Anna Smith"},
        {"name": "Anna Smith", "age": 41, "city": "O"},
        {"name": "Anna Smith", "age": 41, "city": "Oslo and more"},
    ]


def test_a_wrapped_value_is_reported_unwrapped() -> None:
    """As it will be in the result."""
    partial = PartialOutput(in_text=True, is_wrapped=True)

    pieces = [TextReceived("Sure: {"), TextReceived('"result": [1, 2, 3]}')]

    assert _values(partial, *pieces) == [[1, 2, 3]]


def test_only_the_requested_part_of_a_response_is_read() -> None:
    """Text next to a call is not an answer, nor the other way round."""
    call, text = _in_call('{"a": 1}'), TextReceived('{"b": 2}')

    assert _values(PartialOutput(in_text=False, is_wrapped=False), text, call) == [{"a": 1}]
    assert _values(PartialOutput(in_text=True, is_wrapped=False), text, call) == [{"b": 2}]


def test_text_without_an_object_is_not_reported() -> None:
    """Prose, or invalid JSON."""
    for text in ("words", "{]", "{" * 1000):
        partial = PartialOutput(in_text=True, is_wrapped=False)
        assert partial.feed(TextReceived(text)) is None


def test_a_retried_answer_begins_again() -> None:
    """The text of the failed attempt is dropped."""
    partial = PartialOutput(in_text=False, is_wrapped=False)
    again = ModelRetried(attempt=1, kind="server", error="no", wait_seconds=0)
    other = ModelFailedOver(failure=FailedExchange(model="m", kind="server", error="no"))
    events = [_in_call('{"a": 1'), again, _in_call('{"b": 2'), other, _in_call('{"c": 3')]

    assert _values(partial, TurnStarted(turn=1), *events) == [{"a": 1}, {"b": 2}, {"c": 3}]


def test_the_same_value_is_not_reported_twice() -> None:
    """White space at the end changes nothing."""
    partial = PartialOutput(in_text=True, is_wrapped=False)

    assert partial.feed(TextReceived('{"a": 1}')) == PartialOutputReceived(value={"a": 1})
    assert partial.feed(TextReceived(" " * 100)) is None


def test_a_long_answer_is_parsed_a_logarithmic_number_of_times() -> None:
    """Parsing at each delta would cost the square of its length."""
    text = json.dumps({"items": [f"number {n}" for n in range(20_000)]})
    partial = PartialOutput(in_text=True, is_wrapped=False)

    shown = _values(partial, *(TextReceived(text[i : i + 4]) for i in range(0, len(text), 4)))

    assert 100 < len(shown) < 300
